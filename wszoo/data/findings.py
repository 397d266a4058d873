"""What was found in data and what was left out: said once, and kept with the source."""

from __future__ import annotations

import dataclasses
import hashlib
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

from wszoo.data import images, labels
from wszoo.data.source import Source
from wszoo.data.splits import SPLITS
from wszoo.data.streams import ImageFiles, Images, sample

FEW = 8  # images in files whose range is looked at
Examples = tuple[Images, np.ndarray]  # x and y


class Notes:
    """Sentences about the data of `origin`, for `Source.notes`."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.sentences: list[str] = []

    def add(self, sentences: Iterable[str], *, warn: bool = True) -> None:
        """Keeps sentences; those that someone should act on are a `UserWarning` too."""
        for sentence in sentences:
            self.sentences.append(sentence)
            if warn:
                warnings.warn(f"{self.origin}: {sentence}", stacklevel=3)


def examine(
    notes: Notes,
    splits: Mapping[str, Examples],
    class_names: tuple[str, ...],
    *,
    are_images: bool,
    published: bool = False,
) -> None:
    """Adds to notes: on the range of images, examples that are equal, classes spelled alike.

    Of data that are published, and can only be taken as they are, nothing is a warning.
    """
    if are_images:
        low, high = images.value_range(sample(x, FEW) for x, _ in splits.values())
        doubtful = images.is_doubtful(low, high) and not published
        notes.add(images.range_notes(low, high), warn=doubtful)
    equal = notes_on_equal(splits, class_names)
    notes.add(equal, warn=are_images and not published)  # vectors of few values repeat by nature
    notes.add(labels.notes_on(class_names), warn=not published)


def examined(source: Source, notes: Notes, *, published: bool = False) -> Source:
    """The source with the notes given and those of `examine`."""
    splits = {split: source.images(split) for split in SPLITS}
    are_images = source.resize is not None
    examine(notes, splits, source.class_names, are_images=are_images, published=published)
    return dataclasses.replace(source, notes=(*source.notes, *notes.sentences))


def notes_on_equal(splits: Mapping[str, Examples], class_names: tuple[str, ...] = ()) -> list[str]:
    """Sentences that count examples of one split that are in another too, and equal ones that have
    several labels; none where there are none. Labels (n,) of any kind are compared as they are.
    """
    digests = {split: digests_of(splits[split][0]) for split in SPLITS if split in splits}
    return [*_across_splits(digests), *_across_labels(digests, splits, class_names)]


def digests_of(x: Images) -> list[bytes]:
    """A digest of 16 bytes for each array, text or file of x; equal ones have equal digests."""
    if isinstance(x, ImageFiles):
        return [digest.tobytes() for digest in x.digests]
    rows = (row.encode() if isinstance(row, str) else (row + 0).tobytes() for row in x)
    return [hashlib.blake2b(row, digest_size=16).digest() for row in rows]


def _across_splits(digests: Mapping[str, list[bytes]]) -> list[str]:
    sentences = []
    before: dict[str, set[bytes]] = {}
    for split, own in digests.items():
        for other, others in before.items():
            if both := sum(digest in others for digest in own):
                sentences.append(
                    f"{both} of {len(own)} examples of {split} are in {other} too, and tell "
                    "nothing new there: leave the copies out, or keep them in one split"
                )
        before[split] = set(own)
    return sentences


def _across_labels(
    digests: Mapping[str, list[bytes]], splits: Mapping[str, Examples], class_names: tuple[str, ...]
) -> list[str]:
    labels: dict[bytes, set] = defaultdict(set)
    for split, own in digests.items():
        y = splits[split][1]
        if y.ndim == 1:  # more targets than one an example are no labels
            for digest, label in zip(own, y.tolist(), strict=True):
                labels[digest].add(label)
    several = [sorted(own) for own in labels.values() if len(own) > 1]
    if not several:
        return []
    named = class_names and all(isinstance(label, int) for label in several[0])
    first = [repr(class_names[label]) if named else str(label) for label in several[0]]
    return [
        f"{len(several)} examples have several labels each, the first {' and '.join(first)}: which "
        "is right cannot be learnt"
    ]
