"""What the loaders refuse, in one wording."""

from __future__ import annotations

import math
from collections.abc import Sequence


class MissingDataError(FileNotFoundError):
    """The data are not on this machine; the message says how to get them."""


def check_fraction(validation: float) -> None:
    """A carved split is a share of train: above 0, below one half. Raises ValueError."""
    if not 0 < validation < 0.5:
        raise ValueError(
            f"validation is the share of train that becomes a missing split; it must lie between "
            f"0 and 0.5, received {validation!r}"
        )


def gigabytes(count: int, shape: Sequence[int]) -> float:
    """Of `count` float32 examples of `shape`, in 10⁹ bytes."""
    return count * 4 * math.prod(shape) / 1e9


def check_memory(name: str, count: int, shape: Sequence[int], max_gb: float) -> None:
    """Raises ValueError if `count` float32 examples of `shape` need more than `max_gb` (10⁹ B)."""
    if (needed := gigabytes(count, shape)) > max_gb:
        raise ValueError(
            f"{name}: {count} examples of shape {tuple(shape)} are {needed:.2g} GB as float32 "
            f"arrays, more than max_gb={max_gb:g}. Load part of it with max_per_split (at most "
            f"{max(1, int(max_gb / gigabytes(3, shape)))}), a smaller image_size, or raise max_gb "
            "if this machine has the memory"
        )
