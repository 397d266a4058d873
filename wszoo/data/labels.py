"""Labels: names of classes, as they stand in folders and tables, numbers, and what is neither."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def clean(label: str) -> str:
    """A label without white space around it, accents composed (NFC): one spelling, one class."""
    return unicodedata.normalize("NFC", label).strip()


def near_twins(names: Iterable[str]) -> list[list[str]]:
    """Classes that are perhaps one: alike but for case, white space, width, or digits' spelling."""
    alike: dict[str, set[str]] = defaultdict(set)
    for name in names:
        alike[_key(name)].add(name)
    return [sorted(group) for _, group in sorted(alike.items()) if len(group) > 1]


def notes_on(names: Iterable[str]) -> list[str]:
    """A sentence on classes that differ so little that they may be meant as one, or none."""
    if not (twins := near_twins(names)):
        return []
    shown = "; ".join(" and ".join(map(repr, group)) for group in twins[:5])
    return [f"classes that differ in spelling only are kept apart: {shown}"]


def _key(name: str) -> str:
    shown = "".join(c for c in unicodedata.normalize("NFKC", name) if not _is_invisible(c))
    folded = " ".join(shown.casefold().split())
    if "_" in folded:  # which Python would read in a number
        return folded
    try:
        return str(float(folded))  # "1", "01" and "1.0"
    except ValueError:
        return folded


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf"  # marks of order and width zero


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
