"""Reading and writing `.tflite` files: the object API of the schema, with checks at the door.

A `.tflite` file is a flatbuffer: subgraphs of operators over tensors, and a list of buffers that
hold the constants. Several tensors may name one buffer; that is how a weight is stored once.
Schema: https://github.com/google-ai-edge/LiteRT, tflite/converter/schema/schema.fbs, version 3.
"""

from collections.abc import Iterable
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from wszoo.checksums import unsealed
from wszoo.exporting.tflite.behind import ALIGNMENT, pull_in, push_out

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import BufferT, Model, ModelT, SubGraphT

FLOAT32, FLOAT16, INT32, UINT8, INT8 = 0, 1, 2, 3, 9  # numbers in TensorType
MOST_INSIDE = 2_000_000_000  # bytes of constants in a flatbuffer, which has less than 2 GiB


def schema() -> ModuleType:
    """The module that flatc generated from the schema. Raises `ImportError` saying what to do."""
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise ImportError("reading .tflite files needs `pip install ai-edge-litert`") from error
    return schema_py_generated


def read(data: bytes) -> "ModelT":
    """The file as a tree of objects (`ModelT`), every index in it checked.

    Raises `ValueError` for what is no `.tflite` file of version 3, for a truncated or damaged
    one (also by the checksum that wszoo writes behind it), and for one that keeps constants in
    other files or a custom operator's options outside the flatbuffer. Constants that stand behind
    it are read as if they stood inside; files that are packed at the end are left to
    `wszoo.exporting.tflite.behind.associated_files`.
    """
    if len(data) < 8 or bytes(data[4:8]) != b"TFL3":
        raise ValueError(
            f"not a .tflite file: it has {len(data)} bytes and the mark {bytes(data[4:8])!r} where "
            "b'TFL3' is due"
        )
    try:
        data = unsealed(data)
        table = schema().Model.GetRootAsModel(bytes(data), 0)
        _check_size(table, len(data))
        model = schema().ModelT.InitFromObj(table)
        _check(model)
        pull_in(model, data)
    except ImportError:
        raise
    except ValueError as error:
        raise ValueError(f"the .tflite file cannot be read: {error}") from error
    except Exception as error:  # offsets that lead nowhere raise whatever the bytes there suggest
        raise ValueError(
            f"the .tflite file is damaged or truncated ({len(data)} bytes): {error!r}"
        ) from error
    return model


def write(model: "ModelT", most_inside: int = MOST_INSIDE) -> bytes:
    """The objects as a file: constants aligned to 16 bytes, and equal small vectors stored once.

    A flatbuffer may refer to one vector from several places. Scales and zero points, a vector of
    each a tensor, are most of what a quantised file holds besides its weights. Of constants that
    take more than `most_inside` bytes together the large ones stand behind the flatbuffer.
    """
    if sum(len(buffer.data) for buffer in model.buffers if buffer.data is not None) > most_inside:
        return push_out(model, lambda buffers: _packed(model, buffers))
    return _packed(model, model.buffers)


def _packed(model: "ModelT", buffers: list["BufferT"]) -> bytes:
    """The flatbuffer of the model with these buffers in the place of its own."""
    import flatbuffers

    class Aligned(schema().BufferT):  # type: ignore[misc]
        def Pack(self, builder: "Builder") -> int:  # the generated code forgets the alignment
            if self.data is None:
                return super().Pack(builder)
            builder.Prep(ALIGNMENT, len(self.data))
            builder.written.clear()  # so that this vector is written here, where it is aligned
            packed = super().Pack(builder)
            builder.written.clear()
            return packed

    class Builder(flatbuffers.Builder):
        def __init__(self, size: int):
            super().__init__(size)
            self.written: dict[tuple, int] = {}

        def CreateNumpyVector(self, values: np.ndarray) -> int:
            key = (values.dtype.str, values.tobytes())
            if key not in self.written:
                self.written[key] = super().CreateNumpyVector(values)
            return self.written[key]

    plain = model.buffers
    model.buffers = [Aligned(data=b.data, offset=b.offset, size=b.size) for b in buffers]
    try:
        builder = Builder(1024 + sum(len(b.data) for b in buffers if b.data is not None))
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    finally:
        model.buffers = plain
    return bytes(builder.Output())


def _check_size(table: "Model", size: int) -> None:
    """Raises `ValueError` where tables stand in several places: objects would be made for each.

    Each place takes four bytes. A few thousand of them could name one subgraph of as many tensors.
    """
    places = table.BuffersLength() + table.OperatorCodesLength() + table.MetadataLength()
    _check_places(places + table.SubgraphsLength() + table.SignatureDefsLength(), size)
    names = 0
    for i in range(table.SignatureDefsLength()):
        signature = table.SignatureDefs(i)
        places += signature.InputsLength() + signature.OutputsLength()
        _check_places(places, size)
    for g in range(table.SubgraphsLength()):
        graph = table.Subgraphs(g)
        places += graph.TensorsLength() + graph.OperatorsLength()
        _check_places(places, size)
        for t in range(graph.TensorsLength()):
            tensor = graph.Tensors(t)
            names += len(tensor.Name() or b"")
            sparsity = tensor.Sparsity()
            places += 0 if sparsity is None else sparsity.DimMetadataLength()
            places += tensor.VariantTensorsLength()
            _check_places(max(places, names // 100), size)


def _check_places(places: int, size: int) -> None:
    if 4 * places > size:
        raise ValueError(f"it has {size:,} bytes and declares {places:,} tables")


def _check(model: "ModelT") -> None:
    if model.version != 3:
        raise ValueError(f"schema version {model.version}; known is 3")
    for name in ("operatorCodes", "subgraphs", "buffers"):
        setattr(model, name, getattr(model, name) or [])
    if not model.subgraphs or getattr(model, "externalBuffers", None):
        raise ValueError("no subgraph, or constants in other files")
    for graph in model.subgraphs:
        _check_graph(model, graph)
    for signature in model.signatureDefs or []:
        _inside([signature.subgraphIndex], len(model.subgraphs), "a signature's subgraph")
        graph = model.subgraphs[signature.subgraphIndex]
        for entry in [*(signature.inputs or []), *(signature.outputs or [])]:
            _inside([entry.tensorIndex], len(graph.tensors), "a signature's tensor")
    _inside([m.buffer for m in model.metadata or []], len(model.buffers), "metadata's buffer")


def _check_graph(model: "ModelT", graph: "SubGraphT") -> None:
    graph.tensors, graph.operators = graph.tensors or [], graph.operators or []
    for name in ("inputs", "outputs"):
        indices = getattr(graph, name)
        setattr(graph, name, np.zeros(0, np.int32) if indices is None else indices)
        _inside(getattr(graph, name), len(graph.tensors), f"a subgraph's {name}")
    _inside([t.buffer for t in graph.tensors], len(model.buffers), "a tensor's buffer")
    if any(getattr(t, "externalBuffer", 0) for t in graph.tensors):
        raise ValueError("constants in other files")
    for operator in graph.operators:
        _inside([operator.opcodeIndex], len(model.operatorCodes), "an operator's code")
        for name, low in (("inputs", -1), ("outputs", 0)):
            indices = getattr(operator, name)
            setattr(operator, name, np.zeros(0, np.int32) if indices is None else indices)
            _inside(getattr(operator, name), len(graph.tensors), f"an operator's {name}", low)
        if operator.largeCustomOptionsOffset or operator.largeCustomOptionsSize:
            raise ValueError("a custom operator's options stand behind the flatbuffer")
        for kind, value in (
            (operator.builtinOptionsType, operator.builtinOptions),
            (operator.builtinOptions2Type, operator.builtinOptions2),
        ):
            if kind and value is None:  # writing the file back would lose them
                raise ValueError(f"operator options of the unknown kind {kind}")


def _inside(indices: Iterable[int], size: int, what: str, low: int = 0) -> None:
    for index in indices:
        if not low <= index < size:
            raise ValueError(f"{what} is number {index}; there are {size}")
