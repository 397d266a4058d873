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
) -> None:
    """Trains `top`, a model of features (see `cache.head_of`), on rows `(n, …)` and targets `(n,)`.

    `rows` may be views of the same examples: epoch e trains on view e modulo their number. Adam and
    the cross-entropy of logits by default. A step on features costs less than handing it its batch,
    so an epoch is handed over at once, and the epochs are laid out in one array in the order in
    which they are trained. Raises `ValueError` for a batch that is larger than the data.
    """
    import keras

    views = [rows] if isinstance(rows, np.ndarray) else list(rows)
    batches = len(y) // batch_size
    if batches < 1:
        raise ValueError(f"batch_size must be 1 to {len(y)}, the examples, not {batch_size}")
    inside = keras.backend.backend() == "tensorflow"
    model = _many_steps(top) if inside else top
    calls = {"jit_compile": False} if inside else {"steps_per_execution": batches}
    model.compile(
        optimizer or keras.optimizers.Adam(learning_rate),
        loss=loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        **calls,
    )
    at_once = min(epochs, max(1, PIECE // views[0].nbytes))
    for first in range(0, epochs, at_once):
        piece = range(first, min(first + at_once, epochs))
        orders = [order_of(len(y), epoch, batch_size, seed) for epoch in piece]
        x = np.concatenate(
            [views[e % len(views)][order] for e, order in zip(piece, orders, strict=True)]
        )
        targets = np.concatenate([y[order] for order in orders])
        if inside:
            x, targets = (a.reshape(-1, batch_size, *a.shape[1:]) for a in (x, targets))
        size = batches if inside else batch_size
        model.fit(x, targets, batch_size=size, shuffle=False, verbose=0)


def _many_steps(top: "keras.Model") -> "keras.Model":
    """The same graph; a step takes many batches, `(batches, batch, …)`, and trains on each."""
    import keras

    class ManySteps(keras.Model):
        def train_step(self, data: Any) -> dict[str, Any]:
            x, y = data[:2]
            step = super().train_step

            def body(i: Any, loss: Any) -> Any:
                return step((x[i], y[i]))["loss"]

            return {"loss": keras.ops.fori_loop(0, keras.ops.shape(x)[0], body, 0.0)}

    return ManySteps(top.inputs, top.outputs)
