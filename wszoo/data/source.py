"""The contract of every data set: named, labelled, split arrays, and batches of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from wszoo.data.errors import did_you_mean

SPLITS = ("train", "validation", "test")

Pair = tuple[np.ndarray, np.ndarray]  # x and y of one split


class Spec(NamedTuple):
    """Shape (None for the batch axis) and dtype of one array of a batch."""

    shape: tuple[int | None, ...]
    dtype: str


@dataclasses.dataclass(frozen=True, eq=False)
class Batches:
    """Sized and re-iterable: each iteration gives the same (x, y) NumPy batches in one order.

    The order depends only on the number of examples, `seed` and `epoch`. Every example comes once;
    the last batch may be smaller. Batches are copies.
    """

    x: np.ndarray
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
            order = np.random.default_rng([self.seed, self.epoch]).permutation(order)
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self.x[rows], self.y[rows]


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A labelled data set in memory, in three splits.

    Attributes:
        name: what `load` was asked for, e.g. "digits".
        splits: "train", "validation" and "test" -> (x, y). x is float32, for images
            (n, height, width, channels) in [0, 1]; y is int32, (n,), an index into `class_names`.
            The arrays are read-only.
        class_names: one name a class.
        licence: of the data.
        origin: where the data come from, one line.

    Raises:
        ValueError: a split is missing or empty; x and y differ in length, dtype or shape from the
            above; x has NaN or infinity; a label is out of range; train has fewer than two classes.
    """

    name: str
    splits: Mapping[str, Pair]
    class_names: tuple[str, ...]
    licence: str
    origin: str

    def __post_init__(self) -> None:
        if set(self.splits) != set(SPLITS):
            raise ValueError(f"{self.name}: splits {sorted(self.splits)}, expected {SPLITS}")
        for split in SPLITS:
            _check_split(f"{self.name}, {split}", *self.splits[split], len(self.class_names))
        if len(shapes := {self.splits[split][0].shape[1:] for split in SPLITS}) > 1:
            raise ValueError(f"{self.name}: the splits differ in the shape of x: {sorted(shapes)}")
        if len(np.unique(self.splits["train"][1])) < 2:
            raise ValueError(f"{self.name}: train has one class only; two or more are needed")
        frozen = {split: tuple(map(_read_only, self.splits[split])) for split in SPLITS}
        object.__setattr__(self, "splits", frozen)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one x, without the batch axis."""
        return tuple(self.splits["train"][0].shape[1:])

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def element_spec(self) -> tuple[Spec, Spec]:
        """Specs of x and y of one batch."""
        return Spec((None, *self.input_shape), "float32"), Spec((None,), "int32")

    def arrays(self, split: str) -> Pair:
        """Whole (x, y) of a split, read-only. Raises ValueError on an unknown split."""
        if split not in self.splits:
            hint = did_you_mean(split, SPLITS)
            raise ValueError(f"unknown split {split!r}, expected one of {SPLITS}.{hint}")
        return self.splits[split]

    def batches(
        self,
        split: str,
        batch_size: int = 32,
        *,
        shuffle: bool | None = None,
        seed: int = 0,
        epoch: int = 0,
    ) -> Batches:
        """(x, y) batches of a split; `shuffle` is by default on for train only.

        Raises ValueError on an unknown split or a batch size below 1.
        """
        x, y = self.arrays(split)
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, received {batch_size!r}")
        shuffle = split == "train" if shuffle is None else shuffle
        return Batches(x, y, batch_size, shuffle, seed, epoch)

    def subset(self, per_class: int, *, seed: int) -> Source:
        """The source with `per_class` training examples of each class; other splits unchanged.

        Drawn without replacement. For one seed a smaller subset is contained in a larger one.
        Raises ValueError if `per_class` is below 1 or a class has fewer.
        """
        x, y = self.arrays("train")
        counts = np.bincount(y, minlength=self.num_classes)
        if per_class < 1 or per_class > counts.min():
            fewest = self.class_names[int(counts.argmin())]
            raise ValueError(
                f"{self.name}: cannot draw {per_class} training examples of each class: valid is 1 "
                f"to {counts.min()}, as many as class {fewest!r} has"
            )
        order = np.random.default_rng(seed).permutation(len(y))
        of_class = [order[y[order] == label][:per_class] for label in range(self.num_classes)]
        rows = np.sort(np.concatenate(of_class))
        return dataclasses.replace(self, splits={**self.splits, "train": (x[rows], y[rows])})

    def fingerprint(self) -> str:
        """sha256 (64 hex digits) over name, class names and all arrays with their shapes."""
        shapes = {split: [a.shape for a in self.splits[split]] for split in SPLITS}
        digest = hashlib.sha256(json.dumps([self.name, self.class_names, shapes]).encode())
        for split in SPLITS:
            for array in self.splits[split]:
                little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
                digest.update(np.ascontiguousarray(little_endian).data)
        return digest.hexdigest()


def _check_split(where: str, x: np.ndarray, y: np.ndarray, num_classes: int) -> None:
    if len(x) != len(y):
        raise ValueError(f"{where}: {len(x)} examples and {len(y)} labels")
    if not len(x):
        raise ValueError(f"{where}: no examples")
    if x.dtype != np.float32 or y.dtype != np.int32 or x.ndim < 2 or y.ndim != 1:
        raise ValueError(
            f"{where}: x is {x.dtype}{x.shape} and y is {y.dtype}{y.shape}; expected float32 "
            f"(n, …) and int32 (n,); from_arrays converts other types"
        )
    if not np.isfinite(x).all():
        raise ValueError(f"{where}: {np.count_nonzero(~np.isfinite(x))} values are NaN or infinite")
    if y.min() < 0 or y.max() >= num_classes:
        raise ValueError(
            f"{where}: labels run from {y.min()} to {y.max()}; the {num_classes} class names "
            f"allow 0 to {num_classes - 1}"
        )


def _read_only(array: np.ndarray) -> np.ndarray:
    view = array.view()
    view.flags.writeable = False
    return view
