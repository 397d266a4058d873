"""The contract of every data set: named, labelled, split, in memory or read in batches."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import cast

import numpy as np

from wszoo import batches, checks
from wszoo.arguments import checked, each, mapping, one_word, token
from wszoo.data.splits import SPLITS, TARGETS, Arrays, Pair, Spec, Split, Stream, Targets
from wszoo.data.streams import Images
from wszoo.shown import counted


@checked(
    splits=mapping,
    vocabulary=each(token, least=0),
    notes=each(token, least=0),
    resize=one_word("crop", "pad", "stretch"),
)
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Source:
    """A labelled data set in three splits.

    Attributes:
        name: what `load` was asked for, e.g. "digits".
        splits: "train", "validation" and "test" -> (x, y), or another `wszoo.data.splits.Split`. x
            is float32, for images (n, height, width, channels) in [0, 1], or token ids, int32
            (n, length), indices into `vocabulary`; y is int32, (n,), an index into `class_names`,
            or for language models (n, length), the token after each of x; or what else there is in
            `wszoo.data.splits.TARGETS`. The arrays are read-only.
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
    splits: Mapping[str, Pair | Split]
    class_names: tuple[str, ...]
    licence: str
    origin: str
    vocabulary: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    resize: str | None = None

    def __repr__(self) -> str:
        sizes = ", ".join(f"{split} {len(self._split(split).y):,}" for split in SPLITS)
        classes = counted(len(self.class_names), "class", "classes")
        return f"Source({self.name!r}: {sizes} of {self.input_shape}; {classes})"

    def __post_init__(self) -> None:
        if set(self.splits) != set(SPLITS):
            raise ValueError(f"{self.name}: splits {sorted(self.splits)}, expected {SPLITS}")
        given = {name: self.splits[name] for name in SPLITS}
        splits = {n: Arrays.of(*s) if isinstance(s, tuple) else s for n, s in given.items()}
        object.__setattr__(self, "splits", splits)
        for split in SPLITS:
            self._check(split)
        if len(shapes := {splits[split].specs[0].shape[1:] for split in SPLITS}) > 1:
            raise ValueError(f"{self.name}: the splits differ in the shape of x: {sorted(shapes)}")
        if self.targets.by_class and len(np.unique(splits["train"].y)) < 2:
            raise ValueError(f"{self.name}: train has one class only; two or more are needed")
        if self.resize is None and len(self.input_shape) == 3:
            object.__setattr__(self, "resize", "crop")

    def _check(self, split: str) -> None:
        where, (x, y) = f"{self.name}, {split}", self._split(split).specs
        if not any(kind.fits(x, y) for kind in TARGETS) or not self._takes(x):
            raise ValueError(
                f"{where}: x is {_said(x)} and y is {_said(y)}; expected float32 (n, …), or token "
                "ids, int32 (n, length), which need a vocabulary; and y "
                f"{', or '.join(kind.valid for kind in TARGETS)}; from_arrays converts other types"
            )
        self._split(split).check(where, len(self.vocabulary))
        self.targets.check(where, self._split(split).y, self.num_classes)

    def _takes(self, x: Spec) -> bool:
        if x.dtype == "int32":
            return len(x.shape) == 2 and bool(self.vocabulary)
        return x.dtype == "float32" and len(x.shape) >= 2

    def _split(self, name: str) -> Split:
        return cast(Split, self.splits[name])

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one x, without the batch axis."""
        return tuple(size for size in self.element_spec[0].shape[1:] if size is not None)

    @property
    def num_classes(self) -> int:
        """How many classes, or tokens, labels tell apart."""
        return len(self.class_names)

    @property
    def element_spec(self) -> tuple[Spec, Spec]:
        """Specs of x and y of one batch."""
        return self._split("train").specs

    @property
    def targets(self) -> Targets:
        """What y are."""
        return next(kind for kind in TARGETS if kind.fits(*self.element_spec))

    @checked()
    def arrays(self, split: str) -> Pair:
        """Whole (x, y) of a split, read-only.

        Raises ValueError on an unknown split, and where x is read from files as it is needed.
        """
        x, y = self._split(checks.one_of("split", split, SPLITS))
        return x, y

    @checked()
    def images(self, split: str) -> tuple[Images, np.ndarray]:
        """As `arrays`; x that is read from files is `wszoo.data.streams.ImageFiles`."""
        part = self._split(checks.one_of("split", split, SPLITS))
        return (part.x, part.y) if isinstance(part, Stream) else self.arrays(split)

    @checked()
    def batches(
        self,
        split: str,
        batch_size: int = 32,
        *,
        shuffle: bool | None = None,
        seed: int = 0,
        epoch: int = 0,
    ) -> Iterable[Pair]:
        """(x, y) `Batches` of a split; `shuffle` is by default on for train only.

        Raises ValueError on an unknown split or a batch size below 1.
        """
        checks.one_of("split", split, SPLITS)
        shuffle = split == "train" if shuffle is None else shuffle
        return self._split(split).batches(batch_size, shuffle, seed, epoch)

    @checked(per_class=checks.whole)
    def subset(self, per_class: int, *, seed: int) -> Source:
        """The source with `per_class` training examples of each class; other splits unchanged.

        Drawn without replacement. For one seed a smaller subset is contained in a larger one.
        Raises ValueError if `per_class` is below 1 or a class has fewer, and without classes.
        """
        train, kind = self._split("train"), self.targets
        if not kind.by_class:
            raise ValueError(f"the targets of {self.name} are {kind.name}: no classes to draw")
        counts = np.bincount(train.y, minlength=self.num_classes)
        if per_class < 1 or per_class > counts.min():
            fewest = self.class_names[int(counts.argmin())]
            raise ValueError(
                f"{self.name}: cannot draw {per_class} training examples of each class: valid is 1 "
                f"to {counts.min()}, as many as class {fewest!r} has"
            )
        order = batches.order(len(train.y), seed)
        drawn = [order[train.y[order] == label][:per_class] for label in range(self.num_classes)]
        rows = np.sort(np.concatenate(drawn))
        return dataclasses.replace(self, splits={**self.splits, "train": train.take(rows)})

    def fingerprint(self) -> str:
        """sha256 (64 hex digits) over name, class names, vocabulary, a way of resizing other than
        "crop", and all examples with their shapes."""
        splits = {name: self._split(name) for name in SPLITS}
        shapes = {
            name: [(len(split.y), *spec.shape[1:]) for spec in split.specs]
            for name, split in splits.items()
        }
        about: list = [self.name, self.class_names, shapes]
        about += [self.vocabulary] if self.vocabulary else []
        about += [self.resize] if self.resize not in (None, "crop") else []
        digest = hashlib.sha256(json.dumps(about).encode())
        for split in splits.values():
            for part in split.contents():
                digest.update(part)
        return digest.hexdigest()


def _said(spec: Spec) -> str:
    """`"float32 (n, 28, 28, 1)"`."""
    return f"{spec.dtype} {spec.shape}".replace("None", "n")
