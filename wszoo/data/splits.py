"""A split of a source: what a source asks of it, `Arrays`, which lies in memory, `Stream`, which
does not, and what its targets may be."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import numpy as np

from wszoo import batches
from wszoo.data.streams import ImageFiles, Images, parts_of

SPLITS = ("train", "validation", "test")

Pair = tuple[np.ndarray, np.ndarray]  # x and y of one split


class Spec(NamedTuple):
    """Shape (None for the batch axis) and dtype of one array of a batch."""

    shape: tuple[int | None, ...]
    dtype: str


class Targets(NamedTuple):
    """What the y of a source may be.

    `fits` tells from the specs of x and y whether they are of this kind, `valid` says in words what
    they have to be. `check` raises `ValueError`, which begins with its first argument, for y that a
    number of classes does not allow. `by_class`: an example has one class and can be drawn by it.
    """

    name: str
    valid: str
    fits: Callable[[Spec, Spec], bool]
    check: Callable[[str, np.ndarray, int], None]
    by_class: bool = False


def _check_labels(where: str, y: np.ndarray, num_classes: int) -> None:
    if y.min() < 0 or y.max() >= num_classes:
        raise ValueError(
            f"{where}: labels run from {y.min()} to {y.max()}; the {num_classes} class names "
            f"allow 0 to {num_classes - 1}"
        )


# The first that fits counts; a file that makes sources with other targets adds them here.
TARGETS = [
    Targets(
        "classes", "int32 (n,)", lambda x, y: y == ((None,), "int32"), _check_labels, by_class=True
    ),
    Targets(
        "tokens", "int32 (n, length), where x is too",
        lambda x, y: x == y and len(y.shape) == 2 and y.dtype == "int32", _check_labels,
    ),
]  # fmt: skip


class Split(Protocol):
    """What a source asks of a split. One of more examples than memory holds has its `y` there,
    reads its `batches` when they are asked for, and refuses to be iterated over."""

    @property
    def y(self) -> np.ndarray:
        """Targets, a row an example."""

    @property
    def specs(self) -> tuple[Spec, Spec]:
        """Of a batch of x and of y."""

    def check(self, where: str, num_tokens: int) -> None:
        """Raises `ValueError`, which begins with `where`, for x that no source may have."""

    def __iter__(self) -> Iterator[np.ndarray]:
        """x, then y: all there is, read-only."""

    def batches(self, batch_size: int, shuffle: bool, seed: int, epoch: int) -> Iterable[Pair]:
        """See `Batches`, whose order is that of all splits."""

    def take(self, rows: np.ndarray) -> Split:
        """The split of some rows."""

    def contents(self) -> Iterator[bytes | memoryview]:
        """What a fingerprint is made of: all that x and y depend on, in one order."""


@dataclasses.dataclass(frozen=True, eq=False)
class Batches:
    """Sized and re-iterable: each iteration gives the same (x, y) NumPy batches in one order.

    The order depends only on the number of examples, `seed` and `epoch`. Every example comes once;
    the last batch may be smaller. Batches are copies.
    """

    x: Images
    y: np.ndarray
    batch_size: int
    shuffle: bool
    seed: int
    epoch: int

    def __len__(self) -> int:
        return -(-len(self.x) // self.batch_size)

    def __iter__(self) -> Iterator[Pair]:
        order = np.arange(len(self.x))
        if self.shuffle:
            order = batches.order(len(self.x), self.seed, self.epoch)
        starts = range(0, len(order), self.batch_size)
        parts = [order[start : start + self.batch_size] for start in starts]
        for rows, x in zip(parts, parts_of(self.x, parts), strict=True):
            yield x, self.y[rows]


class Arrays(NamedTuple):
    """A `Split` in memory."""

    x: np.ndarray
    y: np.ndarray

    @classmethod
    def of(cls, x: np.ndarray, y: np.ndarray) -> Arrays:
        """Views of two arrays that cannot be written through."""
        views = x.view(), y.view()
        for view in views:
            view.flags.writeable = False
        return cls(*views)

    @property
    def specs(self) -> tuple[Spec, Spec]:
        """Of a batch of x and of y."""
        x, y = (Spec((None, *array.shape[1:]), str(array.dtype)) for array in self)
        return x, y

    def check(self, where: str, num_tokens: int) -> None:
        """Raises `ValueError` for as many x as y or none, token ids of no token, and NaN."""
        x, y = self
        if len(x) != len(y):
            raise ValueError(f"{where}: {len(x)} examples and {len(y)} labels")
        if not len(x):
            raise ValueError(f"{where}: no examples")
        if x.dtype == np.int32 and (x.min() < 0 or x.max() >= num_tokens):
            raise ValueError(
                f"{where}: token ids run from {x.min()} to {x.max()}; the vocabulary of "
                f"{num_tokens} allows 0 to {num_tokens - 1}"
            )
        if bad := np.count_nonzero(~np.isfinite(x)):
            raise ValueError(f"{where}: {bad} values are NaN or infinite")

    def batches(self, batch_size: int, shuffle: bool, seed: int, epoch: int) -> Batches:
        """(x, y) of so many examples each."""
        return Batches(self.x, self.y, batch_size, shuffle, seed, epoch)

    def take(self, rows: np.ndarray) -> Arrays:
        """The split of some rows."""
        return Arrays.of(self.x[rows], self.y[rows])

    def contents(self) -> Iterator[memoryview]:
        """Both arrays as little-endian numbers."""
        for array in self:
            little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
            yield np.ascontiguousarray(little_endian).data


@dataclasses.dataclass(frozen=True, eq=False)
class Stream:
    """A `Split` of images that are read from their files when they are asked for."""

    x: ImageFiles
    y: np.ndarray

    @property
    def specs(self) -> tuple[Spec, Spec]:
        """Of a batch of x and of y."""
        return Spec((None, *self.x.shape[1:]), "float32"), Spec((None,), str(self.y.dtype))

    def check(self, where: str, num_tokens: int) -> None:
        """Raises `ValueError` for no examples; what is in the files is seen when they are read."""
        if not len(self.y):
            raise ValueError(f"{where}: no examples")

    def __iter__(self) -> Iterator[np.ndarray]:
        raise ValueError(
            f"{len(self.y)} images of {self.x.shape[1:]} are read from their files, and are no "
            "arrays: take source.batches(split), or load them with stream=False, part of them with "
            "max_per_split, or with a larger max_gb if this machine has the memory"
        )

    def batches(self, batch_size: int, shuffle: bool, seed: int, epoch: int) -> Batches:
        """(x, y) of so many examples each; those to come are read meanwhile."""
        return Batches(self.x, self.y, batch_size, shuffle, seed, epoch)

    def take(self, rows: np.ndarray) -> Stream:
        """The split of some rows."""
        return Stream(self.x.take(rows), self.y[rows])

    def contents(self) -> Iterator[bytes | memoryview]:
        """What is in the files, by digests, and the labels."""
        yield self.x.identity.data
        yield np.ascontiguousarray(self.y.astype("<i4")).data
