"""A pass over a `.tflite` file after which every weight in it is stored once.

The converter folds a kernel that is used forward and transposed into two constants, and knows of
no way to store one. This pass finds constants that are equal, or equal after a permutation of
their axes, keeps one buffer, and lets the other readers read that (see `respell`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wszoo.arguments import checked, number_of, one_word, some
from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.behind import associated_files, with_files
from wszoo.exporting.tflite.constants import Constant, constants, equal_sets, transposed_sets
from wszoo.exporting.tflite.respell import respell, spellings

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT

MIN_BYTES = 1024  # a further tensor and operator take some 300 bytes themselves
PREFER = ("speed", "load", "size", "integer")
CONTROL_FLOW = (
    "IfOptions", "WhileOptions", "CallOptions", "CallOnceOptions", "StablehloWhileOptions",
    "StablehloCaseOptions", "StableHLOCompositeOptions",
    "StablehloReduceOptions", "StablehloScatterOptions", "StablehloSortOptions",
    "StablehloReduceWindowOptions",
)  # fmt: skip


@dataclass(frozen=True)
class Shared:
    """A constant that is no longer stored: `way` is `equal`, `densify`, `matmul`, `transpose`."""

    name: str
    owner: str
    bytes: int
    way: str


@dataclass(frozen=True)
class Report:
    """What the pass did. Sizes in bytes; `left` are copies that it found and could not share."""

    bytes_before: int
    bytes_after: int
    shared: tuple[Shared, ...]
    left: tuple[Shared, ...]

    @property
    def saved_bytes(self) -> int:
        """How much smaller the file became."""
        return self.bytes_before - self.bytes_after


@checked(
    data=some((bytes, bytearray, memoryview), "the bytes of a .tflite file"),
    prefer=one_word(*PREFER),
    min_bytes=number_of,
)
def share_constants(
    data: bytes, *, prefer: str = "speed", min_bytes: int = MIN_BYTES
) -> tuple[bytes, Report]:
    """The same model with each constant of `min_bytes` or more stored once, and what was done.

    Quantised constants share where type, scales and zero points agree, transposed ones where the
    scale is one for the whole tensor. Signatures, metadata, further subgraphs, a free batch
    dimension and files that are packed behind the model stay. A second pass changes nothing; where
    there is nothing to share the very bytes come back. What the pass does not understand (sparse
    tensors, packed types, readers it has no spelling for) it leaves alone and says so in `left`.

    Args:
        data: the contents of a `.tflite` file.
        prefer: `"speed"` takes spellings alone that cost little or nothing at each call, and keeps
            float outputs to the bit. `"load"` also keeps float32 dense layers from work at load
            time (some 30 ns a weight) by another product, equal to rounding. `"size"` also
            transposes float32 and int8 weights at each call where nothing else is left.
            `"integer"` adds no float operator to a fully quantised file: there it transposes
            where `"speed"` multiplies in float.
        min_bytes: smaller constants are left alone.

    Raises:
        ValueError: for another `prefer`, for a file that is damaged or no `.tflite` file, and for
            one that keeps constants in other files.
    """
    model = flatbuffer.read(data)
    shared = [*_share_equal(model, min_bytes)]
    left: list[Shared] = []
    called = _called_subgraphs(model)
    for group in transposed_sets(constants(model, min_bytes)):
        done, not_done = _share_transposed(model, group, called, prefer)
        shared += done
        left += not_done
    result = data
    if shared:
        _empty_unused(model)
        result = with_files(flatbuffer.write(model), associated_files(data))
    return result, Report(len(data), len(result), tuple(shared), tuple(left))


def _share_equal(model: "ModelT", min_bytes: int) -> list[Shared]:
    shared = []
    for owner, *copies in equal_sets(constants(model, min_bytes)):
        for copy in copies:
            if not copy.movable:
                continue
            for g, t in copy.tensors:
                model.subgraphs[g].tensors[t].buffer = owner.buffer
            shared.append(Shared(copy.name, owner.name, copy.bytes, "equal"))
    return shared


def _share_transposed(
    model: "ModelT", group: list[Constant], called: set[int], prefer: str
) -> tuple[list[Shared], list[Shared]]:
    """Keeps one of a set of transposes; the one whose readers cannot read another, if there is."""
    if len(group) == 1:
        return [], []
    ways = {c.buffer: spellings(model, c, called, prefer) for c in group}
    # Few spellings first: a transposed convolution keeps its constant, the convolution moves.
    owner = min(group, key=lambda c: (len(ways[c.buffer]) > 0, not _stays(ways[c.buffer])))
    shared: list[Shared] = []
    left: list[Shared] = []
    for copy in group:
        if copy is owner:
            continue
        way = next((w for w in ways[copy.buffer] if respell(model, copy, owner, w)), None)
        entry = Shared(copy.name, owner.name, copy.bytes, way or "transposed")
        (shared if way else left).append(entry)
    return shared, left


def _stays(ways: list[str]) -> bool:
    """Whether the readers had better keep their constant: the only way out is a slow one."""
    return ways[:1] == ["transpose"]


def _called_subgraphs(model: "ModelT") -> set[int]:
    """Subgraphs that operators run: bodies of loops, branches, composites."""
    called: set[int] = set()
    for graph in model.subgraphs:
        for operator in graph.operators:
            for options in (operator.builtinOptions, operator.builtinOptions2):
                if type(options).__name__.removesuffix("T") in CONTROL_FLOW:
                    for name, value in vars(options).items():
                        if "subgraph" in name.lower():
                            called |= set(np.atleast_1d(value).tolist())
    # Where there is control flow, a subgraph without a signature is not known to run by itself.
    return called | set(range(1, len(model.subgraphs))) - _signed(model) if called else called


def _signed(model: "ModelT") -> set[int]:
    return {signature.subgraphIndex for signature in model.signatureDefs or []}


def _empty_unused(model: "ModelT") -> None:
    """Empties buffers that nothing reads. Their numbers stay, so nothing else has to change."""
    used = {tensor.buffer for graph in model.subgraphs for tensor in graph.tensors}
    used |= {entry.buffer for entry in model.metadata or []}
    used |= {int(n) for n in (model.metadataBuffer if model.metadataBuffer is not None else [])}
    for number, buffer in enumerate(model.buffers):
        if number not in used:
            buffer.data = None
