"""Labels that are numbers, and what to do with arrays that are no labels."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

import numpy as np

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def is_number(label: str) -> bool:
    """Whether a label is a finite decimal number: "5", "-0.5", "1e3"; not "nan" or "1_000"."""
    return bool(_NUMBER.fullmatch(label.strip())) and math.isfinite(float(label))


def as_numbers(names: Iterable[str]) -> np.ndarray | None:
    """Class names as numbers (classes,), int64 where all are whole, else float64.

    `None` where one of them is no number, and of no names.
    """
    names = list(names)
    if not names or not all(map(is_number, names)):
        return None
    numbers = np.array([float(name) for name in names])
    whole = bool(np.all(numbers == np.round(numbers)) and np.abs(numbers).max() < 2**53)
    return numbers.astype(np.int64) if whole else numbers


def as_name(number: float) -> str:
    """The shortest decimal of a number that reads back as that number: "5", "0.5"."""
    value = float(number)
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def advice(y: np.ndarray) -> str:
    """What to do with `y`, which are no integer labels (n,)."""
    if y.dtype.kind == "O":
        return "they are objects: pass np.array(y.tolist())"
    if y.dtype.kind in "US":
        if as_numbers(map(str, y.ravel())) is not None:
            return "they are numbers as text: pass y.astype(float)"
        return (
            "text is no number: of names of classes, names, y = np.unique(y, return_inverse=True)"
        )
    if y.dtype.kind not in "biuf" or not np.isfinite(y).all():
        return "labels are finite numbers"
    return _of_column(y) if y.ndim <= 2 and y.size == len(y) else _of_rows(y)


def _of_column(y: np.ndarray) -> str:
    if np.array_equal(y, np.round(y)):
        return "they are whole numbers: pass y.astype(int)"
    return "they are no whole numbers: as values they are for the task 'regression'"


def _of_rows(y: np.ndarray) -> str:
    if y.ndim != 2:
        return "give one label an example, (n,)"
    if np.isin(y, (0, 1)).all():
        if (y.sum(axis=1) == 1).all():
            return "for one-hot labels use y.argmax(axis=1)"
        return "rows of several 0 and 1 are for the task 'multi_label'"
    if (y >= 0).all() and np.allclose(y.sum(axis=1), 1):
        return "of probabilities y.argmax(axis=1) takes the likeliest class"
    return "give one label an example; rows of values are for the task 'regression'"
