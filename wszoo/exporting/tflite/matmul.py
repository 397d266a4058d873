"""BATCH_MATMUL on a kernel in the place of FULLY_CONNECTED on the kernel's transpose.

Without an adjoint flag, and on rank 2: XNNPACK packs the weights when the file is loaded, and takes
float inputs with float or int8 weights. Where FULLY_CONNECTED works on int8 values (full
quantisation), they are made float before the product and int8 after the bias: the product of
int8 values would have to be rounded to int8 before the bias is added. That costs some 10 % of a
call where a TRANSPOSE of the weights at every call costs several times the call.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting.tflite.file import FLOAT32, INT8, INT32, schema
from wszoo.exporting.tflite.operators import new_operator, readers, view_of

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, OperatorT, SubGraphT

FUSED = {0: None, 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6"}  # that ADD can also fuse


def is_float(model: "ModelT", tensors: Iterable[tuple[int, int]]) -> bool:
    """Whether all operators that read these weights give out float values."""
    return all(
        model.subgraphs[g].tensors[int(use.operator.outputs[0])].type == FLOAT32
        for g, t in tensors
        for use in readers(model.subgraphs[g]).get(t, [])
    )


def fits(model: "ModelT", g: int, dense: "OperatorT") -> bool:
    """Whether a FULLY_CONNECTED can become BATCH_MATMUL."""
    graph, options = model.subgraphs[g], dense.builtinOptions
    if options is None or len(dense.outputs) != 1 or not 2 <= len(dense.inputs) <= 3:
        return False
    x, weights, y = (graph.tensors[int(i)] for i in (*dense.inputs[:2], dense.outputs[0]))
    rank = 0 if x.shape is None else len(x.shape)
    if weights.type not in (FLOAT32, INT8) or len(weights.shape) != 2 or rank < 2:
        return False
    if options.weightsFormat != 0 or options.fusedActivationFunction not in FUSED:
        return False
    if rank > 2 and not options.keepNumDims:
        return False
    if {x.type, y.type} == {FLOAT32}:
        return True
    bias = int(dense.inputs[2]) if len(dense.inputs) > 2 else -1
    return {x.type, y.type} == {INT8} and (bias < 0 or _float_bias(model, graph, bias) is not None)


def multiply(model: "ModelT", graph: "SubGraphT", t: int, buffer: int, _: tuple[int, ...]) -> None:
    """Makes the readers of tensor `t` products with its transpose, which `buffer` holds."""
    view = view_of(graph, t, buffer, graph.tensors[t].shape[::-1])
    graph.tensors[t].buffer = 0
    for use in readers(graph)[t]:
        at = next(i for i, operator in enumerate(graph.operators) if operator is use.operator)
        graph.operators[at : at + 1] = _product(model, graph, use.operator, view)


def _product(
    model: "ModelT", graph: "SubGraphT", dense: "OperatorT", weights: int
) -> list["OperatorT"]:
    asked = dense.builtinOptions
    x, y = int(dense.inputs[0]), int(dense.outputs[0])
    bias = int(dense.inputs[2]) if len(dense.inputs) > 2 else -1
    integer = graph.tensors[y].type == INT8
    before, after, end = [], [], y
    if integer:
        options = schema().DequantizeOptionsT()
        floats = _float_like(graph, x, b";float")
        before = [new_operator(model, "DEQUANTIZE", [x], [floats], options, 2)]
        x, end = floats, _float_like(graph, y, b";float")
        after = [new_operator(model, "QUANTIZE", [end], [y], schema().QuantizeOptionsT())]
        if bias >= 0:
            bias = _add_float_bias(model, graph, bias)
    # One scale quantises the inputs of a product on integers; the file asks for it otherwise.
    hybrid = integer or bool(asked.asymmetricQuantizeInputs)
    fused = FUSED[asked.fusedActivationFunction]
    product = _float_like(graph, y, b";product") if bias >= 0 or fused else end
    options = schema().BatchMatMulOptionsT(asymmetricQuantizeInputs=hybrid)
    # Version 4 is the first with asymmetricQuantizeInputs (tflite/tools/versioning/op_version.cc).
    version = 4 if hybrid else 1
    operators = [new_operator(model, "BATCH_MATMUL", [x, weights], [product], options, version)]
    if bias >= 0:
        add = schema().AddOptionsT(fusedActivationFunction=asked.fusedActivationFunction)
        operators.append(new_operator(model, "ADD", [product, bias], [end], add))
    elif fused:
        operator = new_operator(model, fused, [product], [end], schema().AbsOptionsT())
        operator.builtinOptionsType, operator.builtinOptions = 0, None
        operators.append(operator)
    return [*before, *operators, *after]


def _float_like(graph: "SubGraphT", t: int, suffix: bytes) -> int:
    """Adds a float32 tensor of the shape of `t`; its number."""
    like = graph.tensors[t]
    graph.tensors.append(
        schema().TensorT(
            shape=like.shape,
            shapeSignature=like.shapeSignature,
            type=FLOAT32,
            name=(like.name or b"") + suffix,
            hasRank=like.hasRank,
        )
    )
    return len(graph.tensors) - 1


def _float_bias(model: "ModelT", graph: "SubGraphT", t: int) -> np.ndarray | None:
    """The values of an int32 bias; None where they are no constant or have no scale."""
    tensor = graph.tensors[t]
    data, scale = model.buffers[tensor.buffer].data, getattr(tensor.quantization, "scale", None)
    if tensor.type != INT32 or data is None or scale is None:
        return None
    return np.frombuffer(np.asarray(data).tobytes(), "<i4") * np.asarray(scale, "<f4")


def _add_float_bias(model: "ModelT", graph: "SubGraphT", t: int) -> int:
    values = _float_bias(model, graph, t)
    assert values is not None  # `fits` has looked
    model.buffers.append(
        schema().BufferT(data=np.frombuffer(values.astype("<f4").tobytes(), np.uint8))
    )
    number = _float_like(graph, t, b";float")
    graph.tensors[number].buffer = len(model.buffers) - 1
    return number
