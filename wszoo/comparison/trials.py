"""One training under conditions that are the same for all arms.

The optimizer is Adam; its rate falls by a cosine, in as many stairs as there are points. A model
is compiled once: a training sets every variable back, so the step is traced once an arm.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from wszoo import batches, tasks
from wszoo.arguments import checked
from wszoo.comparison.conditions import Conditions
from wszoo.data import Source
from wszoo.data.splitting import first_stratified, stratified_order
from wszoo.training import noisy, score
from wszoo.transferring.training import repeated

HELD = 1000  # at most so many examples of validation and train are scored
PIECE = 2**28  # bytes of examples laid out at a time
Extra = Callable[[keras.Model], dict[str, float]]


class Trainer:
    """Trains one architecture again and again, from new weights each time.

    `run` gives what a newly made and compiled model would give, bit for bit, whatever ran before.
    """

    @checked()
    def __init__(self, make: Callable[[], keras.Model], conditions: Conditions):
        self.make, self.conditions = make, conditions
        self.model = make()
        self.stretch = conditions.steps // conditions.points
        # XLA halves the speed of small convolutions on a CPU.
        jit = "auto" if keras.backend.backend() != "tensorflow" else False
        self._repeated = repeated.Trainer(
            self.model,
            keras.optimizers.Adam(1e-3),
            tasks.find(conditions.task).loss(),
            steps_per_execution=self.stretch,
            jit_compile=jit,
        )

    @checked()
    def run(
        self,
        source: Source,
        samples: int,
        seed: int,
        rate: float,
        *,
        final: bool = True,
        extra: Extra | None = None,
    ) -> dict[str, Any]:
        """Trains on `samples` examples that the seed draws, and scores.

        The draw, the order of the examples, the noise and the start depend on the seed alone. Only
        a `final` training is scored on the test split, and by `extra`.
        Keys: stored, seconds (median, per step), curve (validation at each point), validation and,
        if final, train, test and those of `extra`.
        """
        keras.utils.set_random_seed(seed)
        self._repeated.reset(repeated.values_of(self.make()))
        x, y = draw(source, samples, seed)
        held = source.arrays("validation")
        rows = first_stratified(held[1], HELD)
        watch = _Watch(self, rate, (held[0][rows], held[1][rows]))
        self._fit(x, y, seed, watch)
        result: dict[str, Any] = {
            "stored": self.model.count_params(),
            "seconds": float(np.median(watch.seconds)) / self.stretch,
            "curve": watch.curve,
            "validation": watch.curve[-1],
        }
        if final:
            result["train"] = self.score(x[:HELD], y[:HELD])
            result["test"] = self.score(*source.arrays("test"))
            result |= extra(self.model) if extra else {}
        return result

    @checked()
    def score(self, x: np.ndarray, y: np.ndarray) -> float:
        """The task's metric; inputs get the same noise at every call."""
        given = noisy(x, self.conditions.noise) if self.conditions.noise else x
        return score(repeated.outputs(self.model, given), x, y, self.conditions.task)[1]

    def _fit(self, x: np.ndarray, y: np.ndarray, seed: int, watch: "_Watch") -> None:
        wanted, task = self.conditions, tasks.find(self.conditions.task)
        steps, points = wanted.steps * wanted.batch_size, wanted.points
        rows = batches.stream(len(x), steps, batches.generator(seed))
        # Elsewhere weights are synced by fit's end.
        inside = keras.backend.backend() == "tensorflow"
        size = self.stretch * wanted.batch_size
        fits = max(1, min(points, PIECE // (size * x[0].nbytes))) if inside else 1
        calls = [keras.callbacks.LambdaCallback(on_train_batch_end=watch.point)] if inside else []
        for first in range(0, points, fits):
            some = rows[first * size : (first + fits) * size]
            piece = x[some]
            target = piece if task.restores else y[some]
            if wanted.noise:
                piece = noisy(piece, wanted.noise, [seed, first])
            watch.start()
            self._repeated.fit(piece, target, wanted.batch_size, callbacks=calls, may_diverge=True)
            if not inside:
                watch.point()


class _Watch:
    """Times the stretches, scores validation after each and sets the rate of the next."""

    def __init__(self, trainer: Trainer, rate: float, held: tuple[np.ndarray, np.ndarray]):
        self.trainer, self.rate, self.held = trainer, rate, held
        self.curve: list[float] = []
        self.seconds: list[float] = []

    def start(self) -> None:
        done = len(self.curve) / self.trainer.conditions.points
        stair = self.rate * 0.5 * (1 + math.cos(math.pi * done))
        self.trainer.model.optimizer.learning_rate = stair
        self.started = time.perf_counter()

    def point(self, *_: Any, **__: Any) -> None:
        self.seconds.append(time.perf_counter() - self.started)
        self.curve.append(self.trainer.score(*self.held))
        self.start()


def draw(source: Source, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`samples` training examples, classes in proportion; of one seed a smaller draw is contained
    in a larger. Raises `ValueError` where there are not so many."""
    x, y = source.arrays("train")
    if not 1 <= samples <= len(x):
        raise ValueError(f"{source.name} has {len(x)} training examples; {samples} were asked for")
    rows = stratified_order(y, seed)[:samples]
    return x[rows], y[rows]
