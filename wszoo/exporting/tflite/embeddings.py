"""Embedding tables of fully quantised files: one int8 table for lookup and product.

The converter quantises the table of a lookup (GATHER) as it does values between operators, with a
zero point, and the same table as weights of a product without one: two tables of other bytes.
Here the lookup reads the product's table, and a QUANTIZE brings the row that it found to the scale
that the next operator expects.
"""

from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.constants import Constant, constants
from wszoo.exporting.tflite.file import INT8, schema
from wszoo.exporting.tflite.operators import (
    code,
    new_operator,
    operator_names,
    readers,
    view_of,
)

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, OperatorT, SubGraphT

    Use = tuple[SubGraphT, OperatorT]


def share_tables(data: bytes, min_bytes: int = 1024) -> bytes:
    """The file with each table that a lookup and a product quantise apart stored once.

    Two int8 constants are one table where their real values differ by less than half a step of
    each scale everywhere, which is what rounding one table twice gives. The lookup's error changes
    from half a step of its own scale to half a step of the product's. Where there is no such pair
    the very bytes come back.
    """
    model = flatbuffer.read(data)
    names = operator_names()
    quantised = [c for c in constants(model, min_bytes) if c.kind[0] == INT8 and len(c.kind) > 1]
    scaled = [c for c in quantised if len(c.kind[1]) == 1]
    changed = False
    for table in scaled:
        uses = _lookups(model, table, names)
        match = next((c for c in scaled if c is not table and _is_same(table, c)), None)
        if uses and match is not None:
            for graph, operator in uses:
                _look_up(model, graph, operator, match)
            model.buffers[table.buffer].data = None
            changed = True
    return flatbuffer.write(model) if changed else data


def _lookups(model: "ModelT", table: Constant, names: dict[int, str]) -> list["Use"]:
    """`(subgraph, operator)` of all readers, if all of them are lookups; else none."""
    uses = []
    for g, t in table.tensors:
        graph = model.subgraphs[g]
        for use in readers(graph).get(t, []):
            if names.get(code(model, use.operator)) != "GATHER" or use.position != 0:
                return []
            uses.append((graph, use.operator))
    return uses


def _real(constant: Constant) -> np.ndarray:
    """The values that the bytes stand for."""
    (scale,), zeros = constant.kind[1], constant.kind[2]
    zero = zeros[0] if zeros else 0
    return scale * (constant.values.view(np.int8).astype(np.float32) - zero)


def _is_same(table: Constant, other: Constant) -> bool:
    if table.values.shape != other.values.shape or table.buffer == other.buffer:
        return False
    slack = 0.5 * (table.kind[1][0] + other.kind[1][0])
    return bool(np.abs(_real(table) - _real(other)).max() <= 1.01 * slack)


def _look_up(model: "ModelT", graph: "SubGraphT", operator: "OperatorT", source: Constant) -> None:
    g, t = source.tensors[0]
    like = model.subgraphs[g].tensors[t]
    shape = graph.tensors[int(operator.inputs[0])].shape
    table = view_of(graph, int(operator.inputs[0]), source.buffer, shape)
    end = int(operator.outputs[0])
    rows = view_of(graph, end, 0, graph.tensors[end].shape)
    graph.tensors[rows].shapeSignature = graph.tensors[end].shapeSignature
    for tensor in (table, rows):
        graph.tensors[tensor].quantization = like.quantization
    operator.inputs = np.array([table, *operator.inputs[1:]], np.int32)
    operator.outputs = np.array([rows], np.int32)
    at = next(i for i, other in enumerate(graph.operators) if other is operator)
    requantise = new_operator(model, "QUANTIZE", [rows], [end], schema().QuantizeOptionsT())
    graph.operators.insert(at + 1, requantise)
