"""The constants of a `.tflite` file: their bytes, who reads them, which are the same weight."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ai_edge_litert.schema_py_generated import ModelT, TensorT

MAX_RANK = 5  # permutations to try grow as the factorial: 120
# Bytes an element, by number in TensorType; what is packed (int4) or has no fixed size is left out.
ITEM_BYTES = {0: 4, 1: 2, 2: 4, 3: 1, 4: 8, 7: 2, 9: 1, 10: 8, 15: 4, 16: 2}


@dataclass(frozen=True)
class Constant:
    """One buffer that tensors read as weights. `tensors` are (subgraph, tensor) numbers.

    `values` are its elements as unsigned integers, in the shape of the first of the tensors, so
    that equal means equal bit for bit (NaN included). `movable` is false where a tensor reads the
    buffer in another way than in order (a sparse tensor), so that the buffer must stay as it is.
    """

    buffer: int
    kind: tuple
    values: np.ndarray
    tensors: tuple[tuple[int, int], ...]
    name: str
    movable: bool

    @property
    def bytes(self) -> int:
        """How many the constant takes in the file."""
        return self.values.nbytes


def constants(model: "ModelT", min_bytes: int = 1) -> list[Constant]:
    """The buffers of `min_bytes` or more that hold whole tensors, in the order of the file.

    Left out: variables, strings, packed types, buffers of metadata, sizes that contradict the
    tensor's shape, and buffers whose tensors differ in type or quantisation.
    """
    whole = []
    metadata = {entry.buffer for entry in model.metadata or []}
    users: dict[int, list[tuple[int, int]]] = {}
    for g, graph in enumerate(model.subgraphs):
        for t, tensor in enumerate(graph.tensors):
            users.setdefault(tensor.buffer, []).append((g, t))
    for number, data in enumerate(buffer.data for buffer in model.buffers):
        if data is None or len(data) < max(min_bytes, 1) or number in metadata | {0}:
            continue
        constant = _constant(model, number, np.asarray(data), users.get(number, []))
        if constant is not None:
            whole.append(constant)
    return whole


def _constant(model: "ModelT", number: int, data: np.ndarray, users: list) -> Constant | None:
    tensors = [model.subgraphs[g].tensors[t] for g, t in users]
    whole = [(user, t) for user, t in zip(users, tensors, strict=True) if t.sparsity is None]
    if not whole or any(t.isVariable for t in tensors) or len({kind(t) for t in tensors}) > 1:
        return None
    first = whole[0][1]
    shapes = [() if t.shape is None else tuple(int(n) for n in t.shape) for _, t in whole]
    item = ITEM_BYTES.get(first.type)
    if item is None or any(_size(shape) * item != len(data) for shape in shapes):
        return None
    values = np.frombuffer(data.tobytes(), f"<u{item}").reshape(shapes[0])
    name = "" if first.name is None else first.name.decode(errors="replace")
    return Constant(
        number,
        kind(first),
        values,
        tuple(user for user, _ in whole),
        name,
        len(whole) == len(users),
    )


def _size(shape: tuple[int, ...]) -> int:
    return prod(shape) if all(n >= 0 for n in shape) else -1


def kind(tensor: "TensorT") -> tuple:
    """Type, scales and zero points: tensors may share a buffer where these agree."""
    q = tensor.quantization
    if q is None or q.scale is None:
        return (tensor.type,)
    scales = tuple(np.asarray(q.scale).tolist())
    zeros = () if q.zeroPoint is None else tuple(np.asarray(q.zeroPoint).tolist())
    axis = q.quantizedDimension if len(scales) > 1 else 0
    return (tensor.type, scales, zeros, axis, q.detailsType)


def equal_sets(shareable: Sequence[Constant]) -> list[list[Constant]]:
    """Constants partitioned into sets of the same kind and the same bytes."""
    sets: dict[tuple, list[Constant]] = {}
    for constant in shareable:
        sets.setdefault((constant.kind, constant.values.tobytes()), []).append(constant)
    return list(sets.values())


def transposed_sets(shareable: Sequence[Constant]) -> list[list[Constant]]:
    """Constants partitioned into sets in which each is a permutation of the axes of the first.

    Constants with a scale a channel stand alone: the axis of the scales moves with the others.
    """
    sets: dict[tuple, list[list[Constant]]] = {}
    for constant in shareable:
        per_channel = len(constant.kind) > 1 and len(constant.kind[1]) > 1
        sum_of_all = int(constant.values.sum(dtype=np.uint64))
        mark = constant.buffer if per_channel else -1
        near = sets.setdefault((constant.kind, constant.values.size, sum_of_all, mark), [])
        for group in near:
            if permutation(constant.values, group[0].values) is not None:
                group.append(constant)
                break
        else:
            near.append([constant])
    return [group for near in sets.values() for group in near]


def permutation(copy: np.ndarray, source: np.ndarray) -> tuple[int, ...] | None:
    """Axes such that `copy.transpose(axes)` has the elements of `source` in their order.

    None where there are none. Axes of length one stay where they are among the first.
    """
    if copy.size != source.size or copy.ndim > MAX_RANK:
        return None
    flat = source.ravel()
    long = [axis for axis, n in enumerate(copy.shape) if n > 1]
    short = tuple(axis for axis, n in enumerate(copy.shape) if n <= 1)
    for order in permutations(long):
        axes = (*short, *order)
        if np.array_equal(copy.transpose(axes).ravel(), flat):
            return axes
    return None
