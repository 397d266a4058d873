"""Short trainings of one classifier from many starts: compiled once, reset for each run."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import keras
import numpy as np

from wszoo import batches
from wszoo.training import cosine

Weights = list[np.ndarray]
Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Schedule:
    """How a classifier is trained: AdamW, a tenth of the steps warming up, cosine to zero.

    `points` is how often held-out accuracy is measured on the way. `jitter` moves, turns and
    scales images a little.
    """

    learning_rate: float
    steps: int = 120
    batch_size: int = 32
    points: int = 4
    jitter: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1 or self.batch_size < 1 or self.learning_rate <= 0:
            raise ValueError(f"steps, batch size and learning rate must be positive: {self}")
        if not 1 <= self.points <= self.steps:
            raise ValueError(f"points must be 1 to {self.steps}, the steps, not {self.points}")


class Trainer:
    """Trains a classifier of logits `(batch, classes)` on integer labels.

    Every run sets weights and optimizer back, so runs do not touch each other and the training
    step is traced once. Recompiles the model: set `trainable` flags before.
    """

    def __init__(self, model: keras.Model, schedule: Schedule):
        self.model, self.schedule = model, schedule
        rate = cosine(schedule.learning_rate, schedule.steps, warmup=schedule.steps // 10)
        optimizer = keras.optimizers.AdamW(rate)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer, loss=loss)
        optimizer.build(model.trainable_variables)
        self._fresh = [np.asarray(variable) for variable in optimizer.variables]

    def run(self, start: Weights, train: Pair, held: Pair, *, seed: int) -> list[tuple[int, float]]:
        """Trains from `start` (as `model.get_weights()`) on `train = (x, y)`.

        Returns `(step, accuracy on held)` at each point. The order of examples and the jitter
        depend on the seed alone.
        """
        plan = self.schedule
        self.model.set_weights(start)
        for variable, value in zip(self.model.optimizer.variables, self._fresh, strict=True):
            variable.assign(value)
        x, y = stream(*train, plan.steps * plan.batch_size, seed=seed, jitter=plan.jitter)
        edges = [plan.steps * i // plan.points for i in range(plan.points + 1)]
        curve = []
        for start_step, step in pairwise(edges):
            rows = slice(start_step * plan.batch_size, step * plan.batch_size)
            self.model.fit(x[rows], y[rows], batch_size=plan.batch_size, shuffle=False, verbose=0)
            curve.append((step, accuracy(self.model, *held)))
        return curve


def stream(
    x: np.ndarray, y: np.ndarray, length: int, *, seed: int, jitter: bool
) -> tuple[np.ndarray, np.ndarray]:
    """`length` examples: the set over and over, shuffled anew each time, moved a little."""
    rows = batches.stream(len(x), length, batches.generator(seed))
    return (jittered(x[rows], seed) if jitter else x[rows]), y[rows]


def jittered(x: np.ndarray, seed: int) -> np.ndarray:
    """Images `(n, rows, columns, channels)`, moved 5 %, scaled 10 % and turned 8° at most."""
    fill: dict[str, Any] = {"fill_mode": "constant", "seed": seed, "data_format": "channels_last"}
    for layer in (
        keras.layers.RandomTranslation(0.05, 0.05, **fill),
        keras.layers.RandomZoom((-0.1, 0.1), (-0.1, 0.1), **fill),
        keras.layers.RandomRotation(8 / 360, **fill),
    ):
        x = layer(x, training=True)
    return keras.ops.convert_to_numpy(x)


def accuracy(model: keras.Model, x: np.ndarray, y: np.ndarray, *, batch_size: int = 400) -> float:
    """Share of images whose largest logit is the label's."""
    right = 0
    for start in range(0, len(x), batch_size):  # predict() would build a data set each time
        rows = slice(start, start + batch_size)
        right += int(np.sum(np.argmax(model.predict_on_batch(x[rows]), axis=1) == y[rows]))
    return right / len(x)
