"""Ways in which an operator can read a constant that is stored with its axes in another order.

`densify`: the schema's sparse tensors carry a traversal order. A tensor whose dimensions are all
dense and whose order is permuted is a transposed view of its buffer, and the operator DENSIFY lays
it out when the file is loaded: once, before XNNPACK packs the weights. The reader stays as it is,
so outputs and latency are those of a file with two constants; loading takes some 30 ns an element.

`matmul`: FULLY_CONNECTED on a copy becomes BATCH_MATMUL, without an adjoint flag, on the original,
and an ADD for bias and activation (see `matmul`). XNNPACK takes no int8 weights from DENSIFY, so
int8 needs this.

`transpose`: a TRANSPOSE at every call. Slow (the weights are not packed ahead): on request.
"""

from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting.tflite import matmul
from wszoo.exporting.tflite.constants import Constant, permutation
from wszoo.exporting.tflite.file import FLOAT16, FLOAT32, INT8, schema
from wszoo.exporting.tflite.operators import (
    Reader,
    code,
    new_operator,
    operator_names,
    readers,
    view_of,
)

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, SubGraphT

# Input numbers at which weights stand. Of the first, XNNPACK runs every call itself.
PACKED = {"FULLY_CONNECTED": 1, "CONV_2D": 1, "DEPTHWISE_CONV_2D": 1}
WEIGHTS = PACKED | {"TRANSPOSE_CONV": 1, "BATCH_MATMUL": 1, "GATHER": 0}


def spellings(model: "ModelT", constant: Constant, called: set[int], prefer: str) -> list[str]:
    """The ways open to this constant's readers, best first; empty if it must stay as it is.

    `called` are the subgraphs that control flow runs; nothing is computed ahead there.
    """
    if not constant.movable:
        return []
    ways = [
        way
        for way, fits in (("densify", _densifies), ("matmul", _multiplies))
        if all(g not in called and fits(model, g, t) for g, t in constant.tensors)
    ]
    if prefer == "load":
        ways.sort(key="densify".__eq__)
    if prefer == "integer" and not matmul.is_float(model, constant.tensors):
        ways = [way for way in ways if way != "matmul"]
    if prefer in ("size", "integer") and all(_transposes(model, g, t) for g, t in constant.tensors):
        ways.append("transpose")
    return ways


def respell(model: "ModelT", copy: Constant, source: Constant, way: str) -> bool:
    """Makes the readers of `copy` read the buffer of `source`. False, and nothing done, if not all
    can: tensors may read one buffer in several shapes, and not all of them be transposes."""
    rewrite = {"densify": _densify, "matmul": matmul.multiply, "transpose": _transpose}[way]
    rewrites = []
    for g, t in copy.tensors:
        values = copy.values.reshape(model.subgraphs[g].tensors[t].shape)
        axes = permutation(values, source.values)
        if axes is None or (way == "matmul" and axes != (1, 0)):
            return False
        rewrites.append((model.subgraphs[g], t, axes))
    for graph, t, axes in rewrites:
        rewrite(model, graph, t, source.buffer, axes)
    return True


def _uses(model: "ModelT", g: int, t: int) -> list[tuple[str, Reader]] | None:
    """Readers of a tensor with their operators' names; None where the graph itself hands it out."""
    graph = model.subgraphs[g]
    if t in graph.outputs or t in graph.inputs:
        return None
    names = operator_names()
    return [(names.get(code(model, r.operator), ""), r) for r in readers(graph).get(t, [])]


def _densifies(model: "ModelT", g: int, t: int) -> bool:
    graph, uses = model.subgraphs[g], _uses(model, g, t)
    if not uses:
        return False
    if graph.tensors[t].type == FLOAT32:
        return all(WEIGHTS.get(name) == use.position for name, use in uses)
    if graph.tensors[t].type == FLOAT16:
        # XNNPACK drops the DENSIFY of DENSIFY → DEQUANTIZE even where it leaves the reader to
        # others, which then read nothing. So: readers that it always takes.
        after = [(name, _uses(model, g, int(use.operator.outputs[0]))) for name, use in uses]
        return all(
            name == "DEQUANTIZE" and next_uses and all(
                PACKED.get(n) == use.position for n, use in next_uses
            )
            for name, next_uses in after
        )  # fmt: skip
    # XNNPACK fails on int8 weights from DENSIFY, and leaves alone transposed convolutions whose
    # output shape is known only when they run.
    return graph.tensors[t].type == INT8 and all(
        name == "TRANSPOSE_CONV" and use.position == 1 and not _is_constant(
            model, graph, int(use.operator.inputs[0])
        )
        for name, use in uses
    )  # fmt: skip


def _is_constant(model: "ModelT", graph: "SubGraphT", t: int) -> bool:
    return t < 0 or model.buffers[graph.tensors[t].buffer].data is not None


def _multiplies(model: "ModelT", g: int, t: int) -> bool:
    uses = _uses(model, g, t)
    return bool(uses) and all(
        name == "FULLY_CONNECTED" and use.position == 1 and matmul.fits(model, g, use.operator)
        for name, use in uses or []
    )


def _transposes(model: "ModelT", g: int, t: int) -> bool:
    uses = _uses(model, g, t)
    return (
        bool(uses)
        and model.subgraphs[g].tensors[t].type in (FLOAT32, INT8)
        and all(WEIGHTS.get(name) == use.position for name, use in uses or [])
    )


def _densify(
    model: "ModelT", graph: "SubGraphT", t: int, buffer: int, axes: tuple[int, ...]
) -> None:
    shape = graph.tensors[t].shape
    view = view_of(graph, t, buffer, shape)
    graph.tensors[view].sparsity = schema().SparsityParametersT(
        traversalOrder=np.array(axes, np.int32),
        dimMetadata=[
            schema().DimensionMetadataT(format=0, denseSize=int(shape[axis])) for axis in axes
        ],
    )
    graph.tensors[t].buffer = 0
    options = schema().DensifyOptionsT()
    graph.operators.insert(0, new_operator(model, "DENSIFY", [view], [t], options))


def _transpose(
    model: "ModelT", graph: "SubGraphT", t: int, buffer: int, axes: tuple[int, ...]
) -> None:
    view = view_of(graph, t, buffer, [graph.tensors[t].shape[axis] for axis in axes])
    back = np.argsort(axes).astype(np.int32)
    model.buffers.append(schema().BufferT(data=np.frombuffer(back.tobytes(), np.uint8)))
    graph.tensors.append(
        schema().TensorT(
            shape=np.array([len(axes)], np.int32),
            type=schema().TensorType.INT32,
            buffer=len(model.buffers) - 1,
            name=b"axes",
        )
    )
    graph.tensors[t].buffer = 0
    options = schema().TransposeOptionsT()
    # Version 1 takes floats of up to four axes, 2 also int8 (tflite/tools/versioning).
    version = 2 if graph.tensors[t].type == INT8 else 1
    inputs = [view, len(graph.tensors) - 1]
    graph.operators.insert(0, new_operator(model, "TRANSPOSE", inputs, [t], options, version))
