"""The standard metadata of a `.tflite` file: what its inputs and outputs mean, for other libraries.

A flatbuffer of its own in a buffer of the model's, `TFLITE_METADATA`, after MediaPipe's
mediapipe/tasks/metadata/metadata_schema.fbs, version 1.5.0. Task libraries of Android and MediaPipe
read how images come to a tensor, and what the classes of an output are called. Files that it names
are packed at the end of the `.tflite` file.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.behind import with_files

NAME, IDENTIFIER = b"TFLITE_METADATA", b"M001"
# The oldest parser that knows all that is written here; a later one is asked for by no table below.
PARSER = "1.0.0"
RGB, GRAYSCALE = 1, 2  # ColorSpaceType
DESCRIPTIONS, TENSOR_AXIS_LABELS = 1, 2  # AssociatedFileType
IMAGE_PROPERTIES, NORMALIZATION_OPTIONS = 2, 1  # places in the unions of contents, process units


@dataclass(frozen=True)
class Image:
    """An image as a tensor takes it: `(bytes - mean) / std` where it takes floats."""

    height: int
    width: int
    channels: int
    mean: float
    std: float


@dataclass(frozen=True)
class Tensor:
    """An input or output of the model. `labels` is the file with the names of its last axis."""

    name: str
    description: str
    image: Image | None = None
    labels: str | None = None


@dataclass(frozen=True)
class Metadata:
    """What a file says of itself; tensors are in the order of the model's, `about` is a file."""

    name: str
    description: str
    licence: str
    about: str
    inputs: Sequence[Tensor]
    outputs: Sequence[Tensor]


def with_metadata(data: bytes, metadata: Metadata, files: dict[str, bytes], comment: int) -> bytes:
    """A `.tflite` file with metadata, and the files that it names packed behind it.

    `comment` is the length of what will stand behind those (see
    `wszoo.exporting.tflite.behind.with_files`).
    """
    model, schema = flatbuffer.read(data), flatbuffer.schema()
    model.buffers.append(schema.BufferT(data=np.frombuffer(pack(metadata), np.uint8)))
    entry = schema.MetadataT(name=NAME, buffer=len(model.buffers) - 1)
    model.metadata = [*(model.metadata or []), entry]
    return with_files(flatbuffer.write(model), files, comment)


def pack(metadata: Metadata) -> bytes:
    """The flatbuffer: a table `ModelMetadata` with one subgraph."""
    writer = _Writer()
    inputs = writer.tables([writer.tensor(tensor) for tensor in metadata.inputs])
    outputs = writer.tables([writer.tensor(tensor) for tensor in metadata.outputs])
    about = writer.tables([writer.file(metadata.about, DESCRIPTIONS)])
    graph = writer.table(10, {2: inputs, 3: outputs})  # SubGraphMetadata
    root = {
        0: writer.text(metadata.name),
        1: writer.text(metadata.description),
        3: writer.tables([graph]),
        5: writer.text(metadata.licence),
        6: about,
        7: writer.text(PARSER),
    }
    return writer.finished(writer.table(8, root))


class _Writer:
    """Writes tables by the places of their fields in the schema; each call gives an offset."""

    def __init__(self) -> None:
        import flatbuffers

        self.builder = flatbuffers.Builder(1024)

    def finished(self, root: int) -> bytes:
        self.builder.Finish(root, file_identifier=IDENTIFIER)
        return bytes(self.builder.Output())

    def text(self, text: str | None) -> int:
        return self.builder.CreateString(text) if text else 0

    def floats(self, values: Sequence[float]) -> int:
        return self.builder.CreateNumpyVector(np.array(values, "float32"))

    def tables(self, offsets: Sequence[int]) -> int:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return self.builder.EndVector()

    def table(
        self,
        fields: int,
        offsets: dict[int, int],
        *,
        bytes_: dict[int, int] | None = None,
        words: dict[int, int] | None = None,
    ) -> int:
        """A table of so many fields: offsets of others, small numbers, numbers of 32 bits."""
        self.builder.StartObject(fields)
        for place, offset in offsets.items():
            self.builder.PrependUOffsetTRelativeSlot(place, offset, 0)
        for place, number in (words or {}).items():
            self.builder.PrependUint32Slot(place, number, 0)
        for place, number in (bytes_ or {}).items():
            self.builder.PrependUint8Slot(place, number, 0)
        return self.builder.EndObject()

    def file(self, name: str, kind: int) -> int:
        return self.table(5, {0: self.text(name)}, bytes_={2: kind})  # AssociatedFile

    def tensor(self, tensor: Tensor) -> int:
        fields = {0: self.text(tensor.name), 1: self.text(tensor.description)}
        if tensor.image is not None:
            fields |= {3: self._content(tensor.image), 4: self.tables([self._unit(tensor.image)])}
        if tensor.labels is not None:
            fields[6] = self.tables([self.file(tensor.labels, TENSOR_AXIS_LABELS)])
        return self.table(7, fields)  # TensorMetadata

    def _content(self, image: Image) -> int:
        size = self.table(2, {}, words={0: image.width, 1: image.height})  # ImageSize
        color = RGB if image.channels == 3 else GRAYSCALE
        properties = self.table(2, {1: size}, bytes_={0: color})  # ImageProperties
        return self.table(3, {1: properties}, bytes_={0: IMAGE_PROPERTIES})  # Content

    def _unit(self, image: Image) -> int:
        options = {0: self.floats([image.mean]), 1: self.floats([image.std])}
        normalisation = self.table(2, options)  # NormalizationOptions
        return self.table(2, {1: normalisation}, bytes_={0: NORMALIZATION_OPTIONS})  # ProcessUnit
