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


def check_memory(name: str, count: int, shape: Sequence[int], max_gb: float) -> None:
    """Raises ValueError if `count` float32 examples of `shape` need more than `max_gb` (10⁹ B)."""
    each = 4 * math.prod(shape)
    if count * each > max_gb * 1e9:
        raise ValueError(
            f"{name}: {count} examples of shape {tuple(shape)} are {count * each / 1e9:.2g} GB as "
            f"float32 arrays, more than max_gb={max_gb:g}. Load part of it with max_per_split "
            f"(at most {max(1, int(max_gb * 1e9 / each / 3))}), a smaller image_size, or raise "
            f"max_gb if this machine has the memory"
        )
