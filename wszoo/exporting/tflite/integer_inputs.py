"""uint8 inputs of fully quantised files: no float between a byte and the first int8 operator.

The converter makes floats of the bytes (CAST) and int8 of those (QUANTIZE). One QUANTIZE does it
of an input that has a scale of 1: its bytes are its values.
"""

from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.operators import code, operator_names, readers

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, OperatorT, SubGraphT


def integer_inputs(data: bytes) -> bytes:
    """The file with the CAST taken out behind each uint8 input that nothing reads as floats.

    Where there is none the very bytes come back.
    """
    model = flatbuffer.read(data)
    changed = False
    for graph in model.subgraphs:
        for t in map(int, graph.inputs):
            if graph.tensors[t].type == flatbuffer.UINT8:
                changed |= _shortened(model, graph, t)
    return flatbuffer.write(model) if changed else data


def _shortened(model: "ModelT", graph: "SubGraphT", t: int) -> bool:
    casts = _readers_named(model, graph, t, "CAST")
    quantisers = [
        _readers_named(model, graph, int(cast.outputs[0]), "QUANTIZE") for cast in casts or []
    ]
    if not quantisers or not all(quantisers):
        return False
    for quantiser in (each for group in quantisers for each in group or []):
        quantiser.inputs = np.array([t], np.int32)
    graph.operators = [each for each in graph.operators if not any(each is c for c in casts or [])]
    graph.tensors[t].quantization = flatbuffer.schema().QuantizationParametersT(
        scale=np.ones(1, np.float32), zeroPoint=np.zeros(1, np.int64)
    )
    return True


def _readers_named(
    model: "ModelT", graph: "SubGraphT", t: int, name: str
) -> "list[OperatorT] | None":
    """The operators that read a tensor, if each is of that name and the graph does not give it."""
    names, uses = operator_names(), readers(graph).get(t, [])
    if t in graph.outputs or any(names.get(code(model, use.operator)) != name for use in uses):
        return None
    return [use.operator for use in uses]
