"""What labels mean to a task: classes without an order, numbers, or ranks.

Sources hold a label as its place among class names, in an order that says nothing (alphabetical).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from wszoo import checks
from wszoo.data import labels
from wszoo.data.examples import Examples
from wszoo.tasks import targets

Order = Sequence[str | float] | None


def as_classes(examples: Examples, order: Order) -> Examples:
    """The examples as they are. Raises `ValueError` for an order, which classes do not have."""
    if order is not None:
        raise ValueError(f"order={order!r} is for the task 'ordinal'; other tasks have no ranks")
    return examples


def as_values(examples: Examples, order: Order) -> Examples:
    """Labels that are class names become the numbers that they spell, float64.

    Raises `ValueError` for names that are no numbers, and for an order.
    """
    as_classes(examples, order)
    y = examples.targets["train"]
    if not examples.class_names or y.ndim > 1 or y.dtype.kind not in "iu":
        return replace(examples, class_names=())  # numbers as they were given
    values = labels.as_numbers(examples.class_names)
    if values is None:
        names = examples.class_names
        raise ValueError(
            f"{examples.name}: regression learns numbers, but of its {len(names)} labels "
            f"{_no_numbers(names)} are none. Write numbers, or take the task "
            "'classification', or 'ordinal' with order= for ranks"
        )
    targets.check_places(examples.targets, examples.class_names)
    splits = {split: (x, values[y].astype(float)) for split, (x, y) in examples.splits.items()}
    return replace(examples, splits=splits, class_names=())


def as_ranks(examples: Examples, order: Order) -> Examples:
    """Labels become ranks `(n,)`, 0 for the lowest; `class_names` are in the order of the ranks.

    The order is the one given, from low to high, else that of the numbers which the labels are.
    Raises `ValueError` for labels without an order, and for one that does not name each of them.
    """
    if not examples.class_names or examples.targets["train"].dtype.kind not in "iu":
        examples = _named(examples)
    targets.check_places(examples.targets, examples.class_names)
    ranked = _given(examples, order) if order is not None else _numeric(examples)
    rank_of = np.array([ranked.index(name) for name in examples.class_names], np.int32)
    splits = {split: (x, rank_of[y]) for split, (x, y) in examples.splits.items()}
    return replace(examples, splits=splits, class_names=tuple(ranked))


def _named(examples: Examples) -> Examples:
    """Arrays of numbers, or of texts, as places among names."""
    y_of = examples.targets
    for split, y in y_of.items():
        if y.dtype.kind not in "iufU" or y.ndim > 2 or (y.ndim == 2 and y.shape[1] > 1):
            raise ValueError(
                f"{split}: ranks are numbers (n,), received {y.dtype}{y.shape}; {labels.advice(y)}"
            )
    if y_of["train"].dtype.kind != "U":
        targets.check_finite(y_of)
    levels = np.unique(y_of["train"])
    for split, y in y_of.items():
        if new := np.setdiff1d(y, levels).tolist():
            raise ValueError(
                f"{split} has the ranks {targets.some(new)}, which train never shows; where each "
                "is a value of its own, take the task 'regression'"
            )
    splits = {
        split: (x, np.searchsorted(levels, y.reshape(len(y))).astype(np.int32))
        for split, (x, y) in examples.splits.items()
    }
    return replace(examples, splits=splits, class_names=tuple(_spelled(levels.tolist())))


def _given(examples: Examples, order: Sequence[str | float]) -> list[str]:
    asked = [order] if isinstance(order, str) else _spelled(order)
    missing = [name for name in examples.class_names if name not in asked]
    unknown = [name for name in asked if name not in examples.class_names]
    if missing or unknown or len(set(asked)) < len(asked):
        near = checks.near(unknown[0], examples.class_names) if unknown else ""
        raise ValueError(
            f"order= names each class of {examples.name} once, from low to high: "
            f"{list(examples.class_names)}; received {asked}: missing {missing}, unknown "
            f"{unknown}{near}"
        )
    return asked


def _numeric(examples: Examples) -> list[str]:
    values, names = labels.as_numbers(examples.class_names), examples.class_names
    if values is None:
        raise ValueError(
            f"{examples.name}: the classes {targets.some(list(names))} have no order of their own "
            f"({_no_numbers(names)} are no numbers); name all of them from low to high: "
            "transfer(…, order=[lowest, …, highest])"
        )
    if len(np.unique(values)) < len(values):
        raise ValueError(f"{examples.name}: two of the ranks {list(names)} are the same number")
    return [names[place] for place in np.argsort(values)]


def _spelled(ranks: Sequence[str | float]) -> list[str]:
    return [rank if isinstance(rank, str) else labels.as_name(rank) for rank in ranks]


def _no_numbers(names: Sequence[str]) -> str:
    return targets.some([name for name in names if not labels.is_number(name)])
