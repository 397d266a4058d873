"""Examples that are equal, number by number: in two splits, or under two labels."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from wszoo.data.source import SPLITS, Pair


def notes_on(splits: Mapping[str, Pair], class_names: tuple[str, ...] = ()) -> list[str]:
    """Sentences that count examples of one split that are in another too, and equal ones that have
    several labels; none where there are none. Labels (n,) of any kind are compared as they are.
    """
    digests = {split: digests_of(splits[split][0]) for split in SPLITS if split in splits}
    return [*_across_splits(digests), *_across_labels(digests, splits, class_names)]


def digests_of(x: np.ndarray) -> list[bytes]:
    """A digest of 16 bytes for each array or text of x; equal ones have equal digests."""
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
    digests: Mapping[str, list[bytes]], splits: Mapping[str, Pair], class_names: tuple[str, ...]
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
