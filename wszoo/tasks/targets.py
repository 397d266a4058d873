"""Checks of targets: what a task cannot learn from is named before anything is trained."""

from collections.abc import Mapping, Sequence

import numpy as np

from wszoo.data.labels import advice

Splits = Mapping[str, np.ndarray]  # targets by split; "train" is one of them


def classes(splits: Splits, names: Sequence[str] = ()) -> int:
    """Number of classes of labels `(n,)`, 0 to classes - 1.

    Raises `ValueError` for other shapes or numbers, one class only, a label outside the range, a
    class of another split that train does not have, and one without a training example.
    """
    check_finite(splits)
    for split, y in splits.items():
        if y.ndim != 1 or y.dtype.kind not in "iu":
            raise ValueError(
                f"{split}: labels are integers (n,), received {y.dtype}{y.shape}; {advice(y)}"
            )
    learnt = set(np.unique(splits["train"]).tolist())
    if len(learnt) < 2:
        raise ValueError(f"train has one class only, {sorted(learnt)}; two or more are needed")
    check_places(splits, names)
    for split, y in splits.items():
        if new := sorted(set(np.unique(y).tolist()) - learnt):
            raise ValueError(f"{split} has the classes {some(new)}, which train never shows")
    count = len(names) or max(learnt) + 1
    if missing := sorted(set(range(count)) - learnt):
        raise ValueError(
            f"train has no example of the classes {some(missing)} of 0 to {count - 1}; number "
            "the classes without a gap"
        )
    return count


def flags(splits: Splits, names: Sequence[str] = ()) -> int:
    """Number of labels of targets `(n, labels)` of 0 and 1. Raises `ValueError` for others."""
    for split, y in splits.items():
        _number_check(split, y)
        if y.ndim != 2 or not np.isin(y, (0, 1)).all():
            raise ValueError(
                f"{split}: targets of multi_label are 0 or 1 of shape (n, labels), received "
                f"{y.dtype}{y.shape} from {y.min()} to {y.max()}"
            )
    _same_width(splits)
    return int(splits["train"].shape[1])


def values(splits: Splits, names: Sequence[str] = ()) -> int:
    """Number of values of targets `(n,)` or `(n, values)`. Raises `ValueError` for others."""
    for split, y in splits.items():
        _number_check(split, y)
        if y.ndim not in (1, 2):
            raise ValueError(
                f"{split}: values are (n,) or (n, values), received {y.dtype}{y.shape}"
            )
    _same_width(splits)
    if not np.ptp(splits["train"], axis=0).all():
        raise ValueError("train: a target has the same value everywhere; there is nothing to learn")
    return 1 if splits["train"].ndim == 1 else splits["train"].shape[1]


def check_places(splits: Splits, names: Sequence[str]) -> None:
    """Raises `ValueError` for labels below 0, or beyond the names where there are some."""
    for split, y in splits.items():
        if y.min() < 0 or (names and y.max() >= len(names)):
            valid = f"0 to {len(names) - 1}" if names else "0 and up"
            raise ValueError(f"{split}: labels run from {y.min()} to {y.max()}; valid are {valid}")


def check_finite(splits: Splits) -> None:
    """Raises `ValueError` for targets that are no finite numbers."""
    for split, y in splits.items():
        _number_check(split, y)


def some(items: Sequence[object]) -> str:
    """The first few of a list."""
    return f"{items[:5]}{' …' if len(items) > 5 else ''}"


def _number_check(split: str, y: np.ndarray) -> None:
    if y.dtype.kind not in "biuf":
        raise ValueError(f"{split}: targets are numbers, received {y.dtype}{y.shape}; {advice(y)}")
    if bad := int(np.count_nonzero(~np.isfinite(y))):
        raise ValueError(f"{split}: {bad} of {y.size} targets are NaN or infinite")


def _same_width(splits: Splits) -> None:
    shapes = {split: y.shape[1:] for split, y in splits.items()}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"the splits differ in the shape of their targets: {shapes}")
