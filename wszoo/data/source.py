"""The contract of every data set: named, labelled, split arrays, and batches of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np

from wszoo import batches, checks
from wszoo.arguments import checked, each, mapping, one_word, token
from wszoo.data.errors import did_you_mean
from wszoo.shown import counted

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
            order = batches.order(len(self.x), self.seed, self.epoch)
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield self.x[rows], self.y[rows]


@checked(
    splits=mapping,
    vocabulary=each(token, least=0),
    notes=each(token, least=0),
    resize=one_word("crop", "pad", "stretch"),
)
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Source:
    """A labelled data set in memory, in three splits.

    Attributes:
        name: what `load` was asked for, e.g. "digits".
        splits: "train", "validation" and "test" -> (x, y). x is float32, for images
            (n, height, width, channels) in [0, 1], or token ids, int32 (n, length), indices into
            `vocabulary`; y is int32, (n,), an index into `class_names`, or for language models
            (n, length), the token after each of x. The arrays are read-only.
        class_names: one name a class.
        licence: of the data.
        origin: where the data come from, one line.
        vocabulary: the tokens, where x holds their ids.
        notes: sentences on what was found in the data and what was left out.
        resize: how images come to the size of x, "crop" (the default), "pad" or "stretch"; `None`
            for no images.

    Raises:
        ValueError: a split is missing or empty; x and y differ in length, dtype or shape from the
            above; x has NaN or infinity; a label is out of range; train has fewer than two classes.
    """

    name: str
    splits: Mapping[str, Pair]
    class_names: tuple[str, ...]
    licence: str
    origin: str
    vocabulary: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    resize: str | None = None

    def __repr__(self) -> str:
        sizes = ", ".join(f"{split} {len(self.splits[split][1]):,}" for split in SPLITS)
        classes = counted(len(self.class_names), "class", "classes")
        return f"Source({self.name!r}: {sizes} of {self.input_shape}; {classes})"

    def __post_init__(self) -> None:
        if set(self.splits) != set(SPLITS):
            raise ValueError(f"{self.name}: splits {sorted(self.splits)}, expected {SPLITS}")
        for split in SPLITS:
            _check_split(
                f"{self.name}, {split}",
                *self.splits[split],
                len(self.class_names),
                len(self.vocabulary),
            )
        if len(shapes := {self.splits[split][0].shape[1:] for split in SPLITS}) > 1:
            raise ValueError(f"{self.name}: the splits differ in the shape of x: {sorted(shapes)}")
        if len(np.unique(self.splits["train"][1])) < 2:
            raise ValueError(f"{self.name}: train has one class only; two or more are needed")
        frozen = {split: tuple(map(_read_only, self.splits[split])) for split in SPLITS}
        object.__setattr__(self, "splits", frozen)
        if self.resize is None and len(self.input_shape) == 3:
            object.__setattr__(self, "resize", "crop")

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one x, without the batch axis."""
        return tuple(self.splits["train"][0].shape[1:])

    @property
    def num_classes(self) -> int:
        """How many classes, or tokens, labels tell apart."""
        return len(self.class_names)

    @property
    def element_spec(self) -> tuple[Spec, Spec]:
        """Specs of x and y of one batch."""
        x, y = self.splits["train"]
        return Spec((None, *x.shape[1:]), str(x.dtype)), Spec((None, *y.shape[1:]), "int32")

    @checked()
    def arrays(self, split: str) -> Pair:
        """Whole (x, y) of a split, read-only. Raises ValueError on an unknown split."""
        if split not in self.splits:
            hint = did_you_mean(split, SPLITS)
            raise ValueError(f"unknown split {split!r}, expected one of {SPLITS}.{hint}")
        return self.splits[split]

    @checked()
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

    @checked(per_class=checks.whole)
    def subset(self, per_class: int, *, seed: int) -> Source:
        """The source with `per_class` training examples of each class; other splits unchanged.

        Drawn without replacement. For one seed a smaller subset is contained in a larger one.
        Raises ValueError if `per_class` is below 1 or a class has fewer, and without classes.
        """
        x, y = self.arrays("train")
        if y.ndim > 1:
            raise ValueError(f"{self.name} is a text to be predicted; it has no classes to draw")
        counts = np.bincount(y, minlength=self.num_classes)
        if per_class < 1 or per_class > counts.min():
            fewest = self.class_names[int(counts.argmin())]
            raise ValueError(
                f"{self.name}: cannot draw {per_class} training examples of each class: valid is 1 "
                f"to {counts.min()}, as many as class {fewest!r} has"
            )
        order = batches.order(len(y), seed)
        of_class = [order[y[order] == label][:per_class] for label in range(self.num_classes)]
        rows = np.sort(np.concatenate(of_class))
        return dataclasses.replace(self, splits={**self.splits, "train": (x[rows], y[rows])})

    def fingerprint(self) -> str:
        """sha256 (64 hex digits) over name, class names, vocabulary, a way of resizing other than
        "crop", and all arrays with shapes."""
        shapes = {split: [a.shape for a in self.splits[split]] for split in SPLITS}
        about: list = [self.name, self.class_names, shapes]
        about += [self.vocabulary] if self.vocabulary else []
        about += [self.resize] if self.resize not in (None, "crop") else []
        digest = hashlib.sha256(json.dumps(about).encode())
        for split in SPLITS:
            for array in self.splits[split]:
                little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
                digest.update(np.ascontiguousarray(little_endian).data)
        return digest.hexdigest()


def _check_split(
    where: str, x: np.ndarray, y: np.ndarray, num_classes: int, num_tokens: int
) -> None:
    if len(x) != len(y):
        raise ValueError(f"{where}: {len(x)} examples and {len(y)} labels")
    if not len(x):
        raise ValueError(f"{where}: no examples")
    tokens = x.dtype == np.int32 and x.ndim == 2 and num_tokens > 0
    labels = y.dtype == np.int32 and (y.ndim == 1 or (tokens and y.shape == x.shape))
    if not labels or not (tokens or (x.dtype == np.float32 and x.ndim >= 2)):
        raise ValueError(
            f"{where}: x is {x.dtype}{x.shape} and y is {y.dtype}{y.shape}; expected float32 "
            f"(n, …) and int32 (n,); from_arrays converts other types. Token ids are int32 "
            f"(n, length) and need a vocabulary"
        )
    if tokens and (x.min() < 0 or x.max() >= num_tokens):
        raise ValueError(
            f"{where}: token ids run from {x.min()} to {x.max()}; the vocabulary of {num_tokens} "
            f"allows 0 to {num_tokens - 1}"
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
