"""ONNX files: their constants, each once, and running them.

Keras writes ONNX with tf2onnx, which like the TFLite converter makes a kernel that is used forward
and transposed two constants. Here the copy becomes a Transpose of the original: ONNX Runtime folds
it when it loads the file, so that a call costs what it cost.
"""

import importlib
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from wszoo.checksums import unsealed
from wszoo.exporting.inspect import Inspection, inspection
from wszoo.exporting.tflite.constants import Constant, equal_sets, permutation, transposed_sets

if TYPE_CHECKING:
    from onnx import GraphProto

MIN_BYTES = 1024
# An entry of ModelProto.metadata_props (field 14), which may stand behind all others: the key
# wszoo_sha256, and a value of 64 characters, which are the checksum of the bytes before.
SUM = b"\x72\x50\x0a\x0cwszoo_sha256\x12\x40"


def share_initializers(data: bytes, min_bytes: int = MIN_BYTES) -> bytes:
    """The same ONNX model with equal and transposed initializers stored once."""
    onnx = package("onnx")
    model = onnx.load_from_string(data)
    graph = model.graph
    shareable = list(_constants(graph, min_bytes))
    owners = []
    for owner, *copies in equal_sets(shareable):
        owners.append(owner)
        for copy in copies:
            rename(graph, copy.name, owner.name)
            _drop(graph, copy.name)
    for owner, *copies in transposed_sets(owners):
        for copy in copies:
            axes = permutation(copy.values, owner.values)
            if axes is None or copy.values.transpose(axes).shape != owner.values.shape:
                continue
            back = [int(axis) for axis in np.argsort(axes)]
            node = onnx.helper.make_node("Transpose", [owner.name], [copy.name], perm=back)
            graph.node.insert(0, node)
            _drop(graph, copy.name)
    return model.SerializeToString()


def inspect_onnx(data: bytes, min_bytes: int = MIN_BYTES) -> Inspection:
    """The initializers of an ONNX file. Raises `ValueError` for a damaged file."""
    onnx = package("onnx")
    try:
        graph = onnx.load_from_string(unsealed(data, SUM, b"")).graph
        stored = list(_constants(graph, 0))
    except Exception as error:
        raise ValueError(f"not an ONNX file, or a damaged one: {error}") from error
    large = [constant for constant in stored if constant.bytes >= min_bytes]
    return inspection(len(data), sum(constant.bytes for constant in stored), large)


def run(data: bytes, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs of an ONNX model by name, from ONNX Runtime on the CPU."""
    runtime = package("onnxruntime")
    session = runtime.InferenceSession(data, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(inputs)), strict=True))


def package(name: str) -> ModuleType:
    """A package of the extra `onnx`. Raises `ImportError` where it is missing."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError("ONNX files need `pip install 'wszoo[onnx]'`") from error


def _constants(graph: "GraphProto", min_bytes: int) -> Iterator[Constant]:
    from onnx import numpy_helper

    inputs = {value.name for value in graph.input}  # such an initializer is a default alone
    for i, tensor in enumerate(graph.initializer):
        if tensor.data_location == tensor.EXTERNAL:
            raise ValueError(f"its constant {tensor.name!r} lies in another file")
        values = numpy_helper.to_array(tensor)
        if values.nbytes < min_bytes or tensor.name in inputs or values.dtype == object:
            continue
        bits = np.ascontiguousarray(values).view(f"<u{values.dtype.itemsize}")
        yield Constant(i, (tensor.data_type,), bits.reshape(values.shape), (), tensor.name, True)


def _drop(graph: "GraphProto", name: str) -> None:
    (initializer,) = (tensor for tensor in graph.initializer if tensor.name == name)
    graph.initializer.remove(initializer)


def rename(graph: "GraphProto", old: str, new: str) -> None:
    """Renames a value wherever it is made or read, bodies of loops and branches included."""
    for node in graph.node:
        for ends in (node.input, node.output):
            for i, name in enumerate(ends):
                if name == old:
                    ends[i] = new
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                rename(body, old, new)
