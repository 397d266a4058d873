"""Small `.tflite` files made by hand, operator by operator, for the tests of the pass."""

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.operators import new_operator

DEFAULT = OpResolverType.AUTO  # XNNPACK on
PLAIN = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
TYPES = {"float32": 0, "float16": 1, "int32": 2, "int8": 9}


class Graph:
    """A model of one subgraph; tensors are numbers. `float16` weights are dequantised."""

    def __init__(self, *shape):
        self.s = flatbuffer.schema()
        self.graph = self.s.SubGraphT(tensors=[], operators=[], name=b"main")
        self.model = self.s.ModelT(
            version=3, operatorCodes=[], subgraphs=[self.graph], buffers=[self.s.BufferT()],
            description=b"by hand",
        )  # fmt: skip
        self.input = self.tensor(shape, name=b"x")

    def tensor(self, shape, kind="float32", buffer=0, name=b"t", **more):
        self.graph.tensors.append(
            self.s.TensorT(
                shape=np.array(shape, np.int32), type=TYPES[kind], buffer=buffer, name=name,
                hasRank=True, **more,
            )
        )  # fmt: skip
        return len(self.graph.tensors) - 1

    def constant(self, array, scale=None):
        array = np.ascontiguousarray(array)
        raw = np.frombuffer(array.tobytes(), np.uint8)
        self.model.buffers.append(self.s.BufferT(data=raw))
        more = {}
        if scale is not None:
            scale = np.atleast_1d(np.float32(scale))
            zeros = np.zeros(len(scale), np.int64)
            more["quantization"] = self.s.QuantizationParametersT(scale=scale, zeroPoint=zeros)
        number = len(self.model.buffers) - 1
        t = self.tensor(array.shape, array.dtype.name, number, b"w%d" % number, **more)
        if array.dtype != np.float16:
            return t
        wide = self.tensor(array.shape)
        self.op("DEQUANTIZE", [t], [wide], self.s.DequantizeOptionsT(), version=3)
        return wide

    def op(self, name, inputs, outputs, options, version=1):
        self.graph.operators.append(
            new_operator(self.model, name, inputs, outputs, options, version)
        )
        return outputs[0]

    def dense(self, x, weights, bias=None, activation=0, hybrid=False):
        units = self.graph.tensors[weights].shape[0]
        y = self.tensor((*self.graph.tensors[x].shape[:-1], units))
        options = self.s.FullyConnectedOptionsT(
            fusedActivationFunction=activation, asymmetricQuantizeInputs=hybrid
        )
        inputs = [x, weights, -1 if bias is None else bias]
        return self.op("FULLY_CONNECTED", inputs, [y], options, version=9 if hybrid else 1)

    def conv(self, x, weights):
        batch, rows, columns, _ = self.graph.tensors[x].shape
        y = self.tensor((batch, rows, columns, self.graph.tensors[weights].shape[0]))
        options = self.s.Conv2DOptionsT(
            padding=0, strideW=1, strideH=1, dilationWFactor=1, dilationHFactor=1
        )
        bias = self.constant(np.zeros(self.graph.tensors[weights].shape[0], "float32"))
        return self.op("CONV_2D", [x, weights, bias], [y], options)

    def file(self, *outputs):
        self.graph.inputs = np.array([self.input], np.int32)
        self.graph.outputs = np.array(outputs, np.int32)
        maps = [
            [self.s.TensorMapT(name=b"%s%d" % (letter, i), tensorIndex=int(t))]
            for letter, ts in ((b"x", self.graph.inputs), (b"y", outputs))
            for i, t in enumerate(ts)
        ]
        self.model.signatureDefs = [
            self.s.SignatureDefT(
                inputs=maps[0], outputs=[m[0] for m in maps[1:]], signatureKey=b"serving_default"
            )
        ]
        return flatbuffer.write(self.model)


def run(data, x, resolver=DEFAULT):
    """All outputs of a file, in the order of its subgraph's outputs."""
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=resolver)
    detail = interpreter.get_input_details()[0]
    if tuple(detail["shape"]) != x.shape:
        interpreter.resize_tensor_input(detail["index"], x.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(detail["index"], x)
    interpreter.invoke()
    return [interpreter.get_tensor(d["index"]).copy() for d in interpreter.get_output_details()]
