"""How many weights may be made while a file is read: no more than it can fill.

A config of a few bytes can declare layers of any size, and Keras makes their weights before it
looks at the file. Inside the block each variable that this thread makes is counted by its shape,
before memory is taken for it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import keras

# A file of weights fills a half of what is made where an optimizer of two slots was not yet built,
# and less where weights are packed; few are harmless.
RATIO, FLOOR = 8, 2**22  # numbers


class _Budget(threading.local):
    left: int | None = None


_budget = _Budget()
_once = threading.Lock()


@contextmanager
def for_weights(stored: int) -> Iterator[None]:
    """Inside the block `ValueError` is raised where more variables are made than `stored` numbers
    are for: weights, an optimizer's slots, metrics."""
    _count_variables()
    before = _budget.left
    _budget.left = max(FLOOR, RATIO * stored)
    try:
        yield
    finally:
        _budget.left = before


def _count_variables() -> None:
    """Lets Keras' variables ask before they are made; in other threads and later, for nothing."""
    with _once:
        if getattr(keras.Variable.__init__, "counts", False):
            return
        make = keras.Variable.__init__

        def counted(
            self: keras.Variable,
            initializer: keras.initializers.Initializer,
            shape: object = None,
            *rest: object,
            **more: object,
        ) -> None:
            if _budget.left is not None:
                _take(shape)
            make(self, initializer, shape, *rest, **more)

        counted.counts = True  # type: ignore[attr-defined]
        keras.Variable.__init__ = counted


def _take(shape: object) -> None:
    sides = tuple(shape) if isinstance(shape, tuple | list) else ()
    numbers = prod(side for side in sides if isinstance(side, int))
    assert _budget.left is not None
    if numbers > _budget.left:
        raise ValueError(
            f"its config declares a weight of shape {sides}, {numbers:,} numbers, for which "
            "the file holds nothing"
        )
    _budget.left -= numbers
