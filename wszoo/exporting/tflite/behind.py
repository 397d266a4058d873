"""What stands behind the flatbuffer of a `.tflite` file: constants, and files that belong to it.

A flatbuffer has less than 2 GiB. In a larger file a buffer has the place and the length of its
constant in the file instead of the constant itself; Google's `litert-quantizer` 0.11 writes all
files so whose constants take 256 KiB or more. Files such as labels stand at the very end, as a zip
of stored members whose places count from the start of the whole (`AssociatedFile` of MediaPipe's
metadata schema).
"""

import io
import zipfile
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from wszoo.declared import check_bytes

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import BufferT, ModelT

ALIGNMENT = 16  # bytes; `force_align: 16` on Buffer.data in the schema
PLACEHOLDER = 1  # an offset or a size that says that the constant is not there yet
LEAST = 1024  # bytes of a constant that is put behind


def pull_in(model: "ModelT", data: bytes) -> None:
    """Gives each buffer its constant, as if it stood in the flatbuffer.

    Raises `ValueError` where a constant reaches beyond the file, or all of them do together.
    """
    behind = [b for b in model.buffers if max(b.offset, b.size) > PLACEHOLDER]
    if sum(buffer.size for buffer in behind) > len(data):
        raise ValueError(f"its constants take more than its {len(data):,} bytes")
    for buffer in behind:
        if buffer.data is not None or buffer.offset + buffer.size > len(data):
            raise ValueError(
                f"a constant of {buffer.size:,} bytes from {buffer.offset:,} on is not there, or "
                f"there twice; the file has {len(data):,} bytes"
            )
        buffer.data = np.frombuffer(data, np.uint8, buffer.size, buffer.offset)
        buffer.offset = buffer.size = 0


def push_out(model: "ModelT", pack: Callable[[list["BufferT"]], bytes]) -> bytes:
    """The file with large constants behind the flatbuffer that `pack` makes of the buffers.

    Those of metadata stay inside: their readers know of no other place.
    """
    kept = {0} | {entry.buffer for entry in model.metadata or []}
    make = type(model.buffers[0])
    moved = {
        number: buffer.data
        for number, buffer in enumerate(model.buffers)
        if number not in kept and buffer.data is not None and len(buffer.data) >= LEAST
    }
    buffers = [make(data=None if n in moved else b.data) for n, b in enumerate(model.buffers)]
    for number in moved:
        buffers[number].offset = buffers[number].size = PLACEHOLDER
    end = _aligned(len(pack(buffers)))  # a place takes as many bytes whatever it is
    for number, data in moved.items():
        buffers[number].offset, buffers[number].size = end, len(data)
        end = _aligned(end + len(data))
    parts = [pack(buffers), *moved.values()]
    return b"".join(bytes(part) + bytes(_aligned(len(part)) - len(part)) for part in parts)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def associated_files(data: bytes) -> dict[str, bytes]:
    """Name → contents of the files that are packed at the end of a `.tflite` file.

    Raises `ValueError` for a zip that is damaged or declares more than the file can hold.
    """
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            check_bytes(sum(member.file_size for member in archive.infolist()), len(data))
            return {name: archive.read(name) for name in archive.namelist()}
    except Exception as error:  # zips raise whatever a damaged file suggests
        raise ValueError(f"the files packed behind the model cannot be read: {error}") from error


def with_files(data: bytes, files: Mapping[str, bytes], comment: int = 0) -> bytes:
    """A `.tflite` file with files packed at its end, and room for so many bytes of a comment.

    The comment is what follows the zip, which so stays the last thing in the file for its readers.
    """
    if not files:
        return data
    end = io.BytesIO(data)
    with zipfile.ZipFile(end, "a", zipfile.ZIP_STORED) as archive:
        for name, contents in files.items():
            archive.writestr(zipfile.ZipInfo(name), contents)
    packed = end.getvalue()
    return packed[:-2] + comment.to_bytes(2, "little")
