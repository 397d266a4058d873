"""Splits that are made, not given: fixed by the data alone, never by a run's seed."""

from __future__ import annotations

import numpy as np

from wszoo import batches
from wszoo.arguments import array, checked, count
from wszoo.data.errors import check_fraction
from wszoo.data.splits import SPLITS, Pair

SPLIT_SEED = 20240229  # any number; it only has to stay what it is, or test images become train
VALIDATION = 0.1  # share of train for each split that is missing


def stratified_order(y: np.ndarray, seed: int = SPLIT_SEED) -> np.ndarray:
    """A shuffled order of the rows of y (n,) in which every stretch has all classes in proportion.

    The k-th of the n shuffled rows of a class goes to the relative place (k + 1/2) / n, so a
    prefix of any length has each class's share to within one example.
    """
    rng = batches.generator(seed)
    place = np.empty(len(y))
    for label in np.unique(y):
        rows = batches.shuffled(np.flatnonzero(y == label), rng)
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return np.lexsort((rng.random(len(y)), place))


def carve(order: np.ndarray, missing: list[str], fraction: float) -> dict[str, np.ndarray]:
    """Cuts `round(fraction · n)` rows off the end of `order` (n,) for each missing split.

    Returns:
        Sorted row numbers of "train" and of each split in `missing`.

    Raises:
        ValueError: the fraction is not in (0, 0.5), or too few rows to give each split one.
    """
    check_fraction(fraction)
    count = max(1, round(fraction * len(order)))
    if len(order) <= count * len(missing):
        raise ValueError(f"{len(order)} training examples are too few to carve {missing} from them")
    rows = {}
    for split in missing:
        order, rows[split] = order[:-count], np.sort(order[-count:])
    return {"train": np.sort(order), **rows}


@checked(y=array, limit=count)
def first_stratified(y: np.ndarray, limit: int | None) -> np.ndarray:
    """Rows of at most `limit` examples, classes in proportion, in their given order."""
    if limit is None or limit >= len(y):
        return np.arange(len(y))
    return np.sort(stratified_order(y)[:limit])


def share_of_carved(fraction: float | None, missing: list[str]) -> float:
    """The share of train for each missing split, `VALIDATION` by default.

    Raises `ValueError` for a share that is asked for while no split is missing.
    """
    if fraction is not None and not missing:
        raise ValueError(
            f"validation={fraction} is the share of train that becomes a missing split, but the "
            f"data have all of {SPLITS}; leave it out"
        )
    return VALIDATION if fraction is None else fraction


def complete(pairs: dict[str, Pair], fraction: float | None, limit: int | None) -> dict[str, Pair]:
    """All three splits: those given, the others carved from train, each cut to the limit.

    A pair is (x, y); x may be anything with rows, file paths too. Carving is stratified.
    """
    missing = [split for split in SPLITS if split not in pairs]
    share = share_of_carved(fraction, missing)
    if missing:
        x, y = pairs["train"]
        rows = carve(stratified_order(y), missing, share)
        pairs = {**pairs, **{split: (x[kept], y[kept]) for split, kept in rows.items()}}
    cut = {split: first_stratified(y, limit) for split, (_, y) in pairs.items()}
    return {split: (x[cut[split]], y[cut[split]]) for split, (x, y) in pairs.items()}
