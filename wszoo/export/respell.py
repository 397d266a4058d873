"""Ways in which an operator can read a constant that is stored with its axes in another order.

`densify`: the schema's sparse tensors carry a traversal order. A tensor whose dimensions are all
dense and whose order is permuted is a transposed view of its buffer, and the operator DENSIFY lays
it out when the file is loaded: once, before XNNPACK packs the weights. The reader stays as it is,
so outputs and latency are those of a file with two constants; loading takes some 30 ns an element.

`matmul`: FULLY_CONNECTED on a copy becomes BATCH_MATMUL, without an adjoint flag, on the original,
and an ADD for bias and activation. XNNPACK takes no int8 weights from DENSIFY, so int8 needs this.

`transpose`: a TRANSPOSE at every call. Slow (the weights are not packed ahead): on request.
"""

from typing import Any

import numpy as np

from wszoo.export.constants import Constant, permutation
from wszoo.export.flatbuffer import Reader, code, new_operator, readers, schema

FLOAT32, FLOAT16, INT8 = 0, 1, 9
# Input numbers at which weights stand. Of the first, XNNPACK runs every call itself.
PACKED = {"FULLY_CONNECTED": 1, "CONV_2D": 1, "DEPTHWISE_CONV_2D": 1}
WEIGHTS = PACKED | {"TRANSPOSE_CONV": 1, "BATCH_MATMUL": 1, "GATHER": 0}
FUSED = {0: None, 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6"}  # that ADD can also fuse


def spellings(model: Any, constant: Constant, called: set[int], prefer: str) -> list[str]:
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
    if prefer == "size" and all(_transposes(model, g, t) for g, t in constant.tensors):
        ways.append("transpose")
    return ways


def respell(model: Any, copy: Constant, source: Constant, way: str) -> bool:
    """Makes the readers of `copy` read the buffer of `source`. False, and nothing done, if not all
    can: tensors may read one buffer in several shapes, and not all of them be transposes."""
    rewrite = {"densify": _densify, "matmul": _multiply, "transpose": _transpose}[way]
    found = []
    for g, t in copy.tensors:
        values = copy.values.reshape(model.subgraphs[g].tensors[t].shape)
        axes = permutation(values, source.values)
        if axes is None or (way == "matmul" and axes != (1, 0)):
            return False
        found.append((model.subgraphs[g], t, axes))
    for graph, t, axes in found:
        rewrite(model, graph, t, source.buffer, axes)
    return True


def _uses(model: Any, g: int, t: int) -> list[tuple[str, Reader]] | None:
    """Readers of a tensor with their operators' names; None where the graph itself hands it out."""
    graph = model.subgraphs[g]
    if t in graph.outputs or t in graph.inputs:
        return None
    names = {v: k for k, v in vars(schema().BuiltinOperator).items() if isinstance(v, int)}
    return [(names.get(code(model, r.operator), ""), r) for r in readers(graph).get(t, [])]


def _densifies(model: Any, g: int, t: int) -> bool:
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


def _is_constant(model: Any, graph: Any, t: int) -> bool:
    return t < 0 or model.buffers[graph.tensors[t].buffer].data is not None


def _multiplies(model: Any, g: int, t: int) -> bool:
    graph, uses = model.subgraphs[g], _uses(model, g, t)
    tensor = graph.tensors[t]
    if not uses or tensor.type not in (FLOAT32, INT8) or len(tensor.shape) != 2:
        return False
    for name, use in uses:
        options = use.operator.builtinOptions
        if name != "FULLY_CONNECTED" or use.position != 1 or options is None:
            return False
        x, y = (graph.tensors[int(i)] for i in (use.operator.inputs[0], use.operator.outputs[0]))
        rank = 0 if x.shape is None else len(x.shape)
        plain = options.weightsFormat == 0 and options.fusedActivationFunction in FUSED
        if not plain or {x.type, y.type} != {FLOAT32} or rank < 2:
            return False
        if rank > 2 and not options.keepNumDims:
            return False
        if len(use.operator.outputs) != 1 or len(use.operator.inputs) > 3:
            return False
    return True


def _transposes(model: Any, g: int, t: int) -> bool:
    uses = _uses(model, g, t)
    return (
        bool(uses)
        and model.subgraphs[g].tensors[t].type == FLOAT32
        and all(WEIGHTS.get(name) == use.position for name, use in uses or [])
    )


def _view(graph: Any, t: int, buffer: int, shape: Any) -> int:
    """Adds a tensor like `t` that reads `buffer` in `shape`; its number."""
    like = graph.tensors[t]
    graph.tensors.append(
        schema().TensorT(
            shape=np.array(shape, np.int32),
            type=like.type,
            buffer=buffer,
            name=(like.name or b"") + b";shared",
            quantization=like.quantization,
            hasRank=True,
        )
    )
    return len(graph.tensors) - 1


def _densify(model: Any, graph: Any, t: int, buffer: int, axes: tuple[int, ...]) -> None:
    shape = graph.tensors[t].shape
    view = _view(graph, t, buffer, shape)
    graph.tensors[view].sparsity = schema().SparsityParametersT(
        traversalOrder=np.array(axes, np.int32),
        dimMetadata=[
            schema().DimensionMetadataT(format=0, denseSize=int(shape[axis])) for axis in axes
        ],
    )
    graph.tensors[t].buffer = 0
    options = schema().DensifyOptionsT()
    graph.operators.insert(0, new_operator(model, "DENSIFY", [view], [t], options))


def _transpose(model: Any, graph: Any, t: int, buffer: int, axes: tuple[int, ...]) -> None:
    view = _view(graph, t, buffer, [graph.tensors[t].shape[axis] for axis in axes])
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
    operator = new_operator(
        model, "TRANSPOSE", [view, len(graph.tensors) - 1], [t], options
    )  # TRANSPOSE version 1: up to four axes
    graph.operators.insert(0, operator)


def _multiply(model: Any, graph: Any, t: int, buffer: int, _: tuple[int, ...]) -> None:
    view = _view(graph, t, buffer, graph.tensors[t].shape[::-1])
    graph.tensors[t].buffer = 0
    for use in readers(graph)[t]:
        at = next(i for i, operator in enumerate(graph.operators) if operator is use.operator)
        graph.operators[at : at + 1] = _product(model, graph, use.operator, view)


def _product(model: Any, graph: Any, dense: Any, weights: int) -> list[Any]:
    """BATCH_MATMUL and what follows it, in the place of a FULLY_CONNECTED."""
    asked = dense.builtinOptions
    x, y = int(dense.inputs[0]), int(dense.outputs[0])
    bias = int(dense.inputs[2]) if len(dense.inputs) > 2 else -1
    fused = FUSED[asked.fusedActivationFunction]
    if bias >= 0 or fused:
        like = graph.tensors[y]
        graph.tensors.append(
            schema().TensorT(
                shape=like.shape,
                shapeSignature=like.shapeSignature,
                type=like.type,
                name=(like.name or b"") + b";product",
                hasRank=like.hasRank,
            )
        )
    product = len(graph.tensors) - 1 if bias >= 0 or fused else y
    hybrid = bool(asked.asymmetricQuantizeInputs)
    options = schema().BatchMatMulOptionsT(asymmetricQuantizeInputs=hybrid)
    # Version 4 is the first with asymmetricQuantizeInputs (tflite/tools/versioning/op_version.cc).
    version = 4 if hybrid else 1
    made = [new_operator(model, "BATCH_MATMUL", [x, weights], [product], options, version)]
    if bias >= 0:
        add = schema().AddOptionsT(fusedActivationFunction=asked.fusedActivationFunction)
        made.append(new_operator(model, "ADD", [product, bias], [y], add))
    elif fused:
        operator = new_operator(model, fused, [product], [y], schema().AbsOptionsT())
        operator.builtinOptionsType, operator.builtinOptions = 0, None
        made.append(operator)
    return made
