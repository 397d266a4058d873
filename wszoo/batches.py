"""The one seeded order of examples: what comes when depends on the seed and on nothing else.

An epoch of a run that can be killed has the order of `(seed, epoch)`, so that a run which goes on
sees what an unbroken one would. Trainings that are made in one piece take `rounds`: one stream of
random numbers, which orders the examples anew each time they have all been seen.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from wszoo import checks
from wszoo.arguments import array, checked, either, number_of


def generator(*key: int) -> np.random.Generator:
    """The random numbers of a key, such as `(seed, epoch)`: equal keys, equal numbers."""
    return np.random.default_rng([checks.whole("a key's number", part, least=0) for part in key])


def order(examples: int, *key: int) -> np.ndarray:
    """The numbers 0 to `examples` - 1 in the order of a key, such as `(seed, epoch)`."""
    return shuffled(examples, generator(*key))


@checked(rows=either(array, number_of))
def shuffled(rows: int | np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Rows, or the numbers 0 to `rows` - 1, in the next order of a generator that is used on."""
    return rng.permutation(rows)


def rounds(examples: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """An order of all examples, then another, and so on without end."""
    while True:
        yield shuffled(examples, rng)


@checked()
def stream(examples: int, length: int, rng: np.random.Generator) -> np.ndarray:
    """The first `length` rows of `rounds`: all examples over and over, each time in a new order."""
    return np.concatenate([*islice(rounds(examples, rng), -(-length // examples))])[:length]


def fitting(batch_size: int, examples: int) -> int:
    """A batch of no more than there are examples. Raises `ValueError` for less than 1."""
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, received {batch_size!r}")
    return min(batch_size, examples)


def even_size(examples: int, most: int, multiple: int = 1) -> int:
    """The batch size up to `most` that leaves the fewest examples out: `most`, or equal parts.

    Both are rounded down to a multiple of the devices that share a batch. Raises `ValueError`
    where that leaves nothing.
    """
    most = fitting(most, examples)
    parts = examples // -(-examples // most)
    sizes = [size // multiple * multiple for size in (most, parts)]
    if not max(sizes):
        raise ValueError(
            f"batches of {most} ({examples} examples) are too few for {multiple} devices, which "
            "share each"
        )
    return max(filter(None, sizes), key=lambda size: examples // size * size)
