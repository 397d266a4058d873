"""Training a head on features that are kept: an epoch a call, on the TensorFlow backend.

A step of a head on features costs less than handing it its batch. So the features are handed over
once, an epoch is the order of their rows, and a loop inside the graph takes the batches.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from wszoo import batches

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

PIECE = 2**28  # bytes of features that are handed over at a time
STEPS = 1000  # of a call, so that a progress bar moves
ROWS = 4096  # that are scored at a time


def order_of(examples: int, epoch: int, batch_size: int, seed: int) -> np.ndarray:
    """Rows of an epoch, shuffled by seed and epoch alone; what fills no batch is left out."""
    rows = batches.order(examples, seed, epoch)
    return rows[: examples // batch_size * batch_size]


class HeadTrainer:
    """Trains a compiled model of features by Keras' own steps, many in a call.

    `y` are the targets of the rows `(n, …)`, `weights` their weights `(n,)` in the loss.
    """

    def __init__(self, model: "keras.Model", y: np.ndarray, weights: np.ndarray | None = None):
        import tensorflow as tf

        self.model = model
        self._fixed = [tf.convert_to_tensor(a) for a in (y, weights) if a is not None]
        self._rows, self._tensor = np.empty(0), None
        self._run: Callable[..., object] | None = None

    def train(
        self, rows: np.ndarray, order: np.ndarray, after: Callable[[int], object] | None = None
    ) -> dict[str, float]:
        """One epoch: batches of rows by their numbers `(steps, batch)`; the model's metrics.

        `after` is called with the number of steps that are done.
        """
        self.model.reset_metrics()
        done = 0
        for part in np.array_split(order, self._calls(rows, order)):
            self._call(rows, part.astype("int32"))
            done += len(part)
            if after is not None:
                after(done)
        return {k: float(v) for k, v in self.model.get_metrics_result().items()}

    def _calls(self, rows: np.ndarray, order: np.ndarray) -> int:
        """In how many calls an epoch is trained."""
        pieces = 1 if rows.nbytes <= PIECE else -(-rows.nbytes // PIECE)
        return min(len(order), max(pieces, -(-len(order) // STEPS)))

    def _call(self, rows: np.ndarray, order: np.ndarray) -> None:
        import tensorflow as tf

        if self._run is None:
            self._build(rows)
            spec = tf.TensorSpec((None, *rows.shape[1:]), rows.dtype)
            steps = tf.TensorSpec((None, order.shape[1]), tf.int32)
            loop = tf.function(self._loop, autograph=False, jit_compile=False)
            self._run = loop.get_concrete_function(spec, steps, steps)
        if rows.nbytes > PIECE:
            here = np.arange(order.size, dtype="int32").reshape(order.shape)
            given = rows[order.ravel()], here, order
            self._run(*map(tf.convert_to_tensor, given))
            return
        if rows is not self._rows:
            self._rows, self._tensor = rows, tf.convert_to_tensor(rows)
        labels = tf.convert_to_tensor(order)
        self._run(self._tensor, labels, labels)

    def _build(self, rows: np.ndarray) -> None:
        """Makes the variables of metrics and optimizer, which a loop in a graph cannot make."""
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.test_step((rows[:1], *(a[:1] for a in self._fixed)))
        self.model.reset_metrics()

    def _loop(self, rows: "tf.Tensor", order: "tf.Tensor", labels: "tf.Tensor") -> None:
        """Trains on `rows[order]` with the targets of `labels`, both of shape (steps, batch)."""
        import tensorflow as tf

        def body(step: "tf.Tensor") -> "tuple[tf.Tensor]":
            batch = (tf.gather(a, labels[step]) for a in self._fixed)
            self.model.train_step((tf.gather(rows, order[step]), *batch))
            return (step + 1,)

        tf.while_loop(lambda step: step < tf.shape(order)[0], body, (0,), parallel_iterations=1)


class Scorer:
    """Loss and metrics of a model of features on rows; traced once, whatever is compiled later."""

    def __init__(self, top: "keras.Model", loss: "keras.losses.Loss", metrics: list):
        import keras

        self.model = keras.Model(top.inputs[0], top.outputs[0])
        self.model.compile(loss=loss, metrics=metrics, jit_compile=False)
        self._run: Callable[..., object] | None = None

    def score(self, rows: np.ndarray, y: np.ndarray) -> dict[str, float]:
        """Loss and metrics of the head on rows that are kept, by name."""
        import tensorflow as tf

        if self._run is None:
            self.model.test_step((rows[:1], y[:1]))
            specs = [tf.TensorSpec((None, *a.shape[1:]), a.dtype) for a in (rows, y)]
            step = tf.function(self._step, autograph=False, jit_compile=False)
            self._run = step.get_concrete_function(*specs)
        self.model.reset_metrics()
        for start in range(0, len(rows), ROWS):
            some = slice(start, start + ROWS)
            self._run(tf.convert_to_tensor(rows[some]), tf.convert_to_tensor(y[some]))
        return {k: float(v) for k, v in self.model.get_metrics_result().items()}

    def _step(self, *batch: "tf.Tensor") -> None:
        self.model.test_step(batch)


def fit_epochs(
    trainer: HeadTrainer,
    rows_of: Callable[[int], np.ndarray],
    order_of: Callable[[int], np.ndarray],
    validate: Callable[[], dict[str, float]],
    *,
    epochs: range,
    callbacks: "Sequence[keras.callbacks.Callback]",
    verbose: int = 0,
) -> None:
    """What `fit` does, an epoch a call: `rows_of` and `order_of` give rows and batches of an epoch.

    Callbacks see `validate()` as `val_…` and may set the learning rate or `stop_training`.
    """
    import keras

    model = trainer.model
    calls = keras.callbacks.CallbackList(
        list(callbacks),
        add_progbar=verbose != 0,
        verbose=verbose,
        epochs=epochs.stop,
        steps=len(order_of(epochs.start)),
        model=model,
    )
    model.stop_training = False
    calls.on_train_begin()
    logs: dict[str, float] = {}

    def after(done: int) -> None:
        now = dict(model.get_metrics_result()) if verbose == 1 else None
        calls.on_train_batch_end(done - 1, now)

    for epoch in epochs:
        calls.on_epoch_begin(epoch)
        calls.on_train_batch_begin(0)
        logs = trainer.train(rows_of(epoch), order_of(epoch), after)
        logs |= {f"val_{name}": value for name, value in validate().items()}
        calls.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    model.optimizer.finalize_variable_values(model.trainable_variables)
    calls.on_train_end(logs)
