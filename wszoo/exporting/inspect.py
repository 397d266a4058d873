"""What a `.tflite` file stores, read from the file itself."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.constants import Constant, constants, equal_sets, transposed_sets
from wszoo.exporting.tflite.operators import code, operator_names


@dataclass(frozen=True)
class Repeated:
    """A weight that a file stores `len(names)` times. `bytes` are those of one copy.

    `how` is `"equal"` or `"transposed"`; `names` are those of the tensors that read the copies.
    """

    names: tuple[str, ...]
    bytes: int
    how: str


@dataclass(frozen=True)
class Inspection:
    """Sizes in bytes: of the file, of its constants as stored, and of each of them once."""

    file_bytes: int
    stored_bytes: int
    unique_bytes: int
    repeated: tuple[Repeated, ...]

    @property
    def ratio(self) -> float:
        """Stored ÷ unique: 1.0 where every weight stands once."""
        return self.stored_bytes / max(self.unique_bytes, 1)


def inspect_tflite(file: str | os.PathLike | bytes, min_bytes: int = 1024) -> Inspection:
    """The constants of a `.tflite` file, given by its path or its contents.

    Copies of constants below `min_bytes` are not looked for: their sharing would cost more than it
    saves. Quantised constants count as copies where type, scales and zero points agree too.
    Raises `ValueError` for a damaged file, and `OSError` for one that cannot be opened.
    """
    data = file if isinstance(file, bytes) else Path(file).read_bytes()
    model = flatbuffer.read(data)
    aside = {entry.buffer for entry in model.metadata or []}  # no constants
    stored = sum(
        len(buffer.data)
        for place, buffer in enumerate(model.buffers)
        if buffer.data is not None and place not in aside
    )
    return inspection(len(data), stored, constants(model, min_bytes))


def inspection(file_bytes: int, stored_bytes: int, shareable: Sequence[Constant]) -> Inspection:
    """Which of the constants of a file are the same weight."""
    owners, repeated = [], []
    for group in equal_sets(shareable):
        owners.append(group[0])
        if len(group) > 1:
            repeated.append(Repeated(tuple(c.name for c in group), group[0].bytes, "equal"))
    for group in transposed_sets(owners):
        if len(group) > 1:
            repeated.append(Repeated(tuple(c.name for c in group), group[0].bytes, "transposed"))
    twice = sum(entry.bytes * (len(entry.names) - 1) for entry in repeated)
    return Inspection(file_bytes, stored_bytes, stored_bytes - twice, tuple(repeated))


def float_operators(data: bytes) -> dict[str, int]:
    """How many operators of a `.tflite` file work on float values, by name.

    Those that only change between float and int8 are left out.
    """
    model = flatbuffer.read(data)
    names = operator_names()
    counts: Counter[str] = Counter()
    for graph in model.subgraphs:
        for operator in graph.operators:
            used = [int(t) for t in (*operator.inputs, *operator.outputs) if t >= 0]
            name = names.get(code(model, operator), "?")
            floats = any(graph.tensors[t].type == flatbuffer.FLOAT32 for t in used)
            if floats and name not in ("QUANTIZE", "DEQUANTIZE"):
                counts[name] += 1
    return dict(sorted(counts.items()))


def is_quantised(data: bytes) -> bool:
    """Whether any constant of a `.tflite` file is kept in int8."""
    model = flatbuffer.read(data)
    return any(
        tensor.type == flatbuffer.INT8 and model.buffers[tensor.buffer].data is not None
        for graph in model.subgraphs
        for tensor in graph.tensors
    )
