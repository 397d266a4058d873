"""Training a head on features that are kept: one `fit` over all epochs, laid out in order."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

PIECE = 2**28  # bytes of features laid out at a time


def order_of(examples: int, epoch: int, batch_size: int, seed: int) -> np.ndarray:
    """Rows of an epoch, shuffled by seed and epoch alone; what fills no batch is left out."""
    rows = np.random.default_rng([seed, epoch]).permutation(examples)
    return rows[: examples // batch_size * batch_size]


def fit_on_features(
    top: "keras.Model",
    rows: np.ndarray | Sequence[np.ndarray],
    y: np.ndarray,
    *,
    epochs: int,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    optimizer: Any = None,
    loss: Any = None,
    seed: int = 0,
) -> "keras.callbacks.History":
    """Trains `top`, a model of features (see `cache.head_of`), on rows `(n, …)` and targets `(n,)`.

    `rows` may be views of the same examples: epoch e trains on view e modulo their number. Adam and
    the cross-entropy of logits by default. A step on features costs less than handing it its batch,
    so many steps are one call, and the epochs are laid out in one array in the order in which they
    are trained. Raises `ValueError` for a batch that is larger than the data.
    """
    import keras

    views = [rows] if isinstance(rows, np.ndarray) else list(rows)
    batches = len(y) // batch_size
    if batches < 1:
        raise ValueError(f"batch_size must be 1 to {len(y)}, the examples, not {batch_size}")
    top.compile(
        optimizer or keras.optimizers.Adam(learning_rate),
        loss=loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=batches,
    )
    at_once = min(epochs, max(1, PIECE // views[0].nbytes))
    history = None
    for first in range(0, epochs, at_once):
        piece = range(first, min(first + at_once, epochs))
        orders = [order_of(len(y), epoch, batch_size, seed) for epoch in piece]
        x = [views[e % len(views)][order] for e, order in zip(piece, orders, strict=True)]
        history = top.fit(
            np.concatenate(x),
            np.concatenate([y[order] for order in orders]),
            batch_size=batch_size,
            shuffle=False,
            verbose=0,
        )
    return history
