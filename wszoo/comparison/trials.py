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

from wszoo import tasks
from wszoo.arguments import checked
from wszoo.comparison.conditions import Conditions
from wszoo.data import Source
from wszoo.data.splitting import first_stratified, stratified_order
from wszoo.training import noisy, score
from wszoo.transferring.training.repeated import stream

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
        optimizer = keras.optimizers.Adam(1e-3)
        # XLA halves the speed of small convolutions on a CPU.
        jit = "auto" if keras.backend.backend() != "tensorflow" else False
        loss = tasks.find(conditions.task).loss()
        self.model.compile(optimizer, loss=loss, steps_per_execution=self.stretch, jit_compile=jit)
        optimizer.build(self.model.trainable_variables)
        self._fresh = [keras.ops.convert_to_numpy(v) for v in optimizer.variables]

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
        self._reset(seed)
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
        return score(outputs(self.model, given), x, y, self.conditions.task)[1]

    def _reset(self, seed: int) -> None:
        keras.utils.set_random_seed(seed)
        new = self.make().variables  # with the states of dropout's generators
        for mine, start in zip(self.model.variables, new, strict=True):
            mine.assign(start)
        for mine, value in zip(self.model.optimizer.variables, self._fresh, strict=True):
            mine.assign(value)

    def _fit(self, x: np.ndarray, y: np.ndarray, seed: int, watch: "_Watch") -> None:
        plan = self.conditions
        order = np.arange(len(x))
        rows, _ = stream(order, order, plan.steps * plan.batch_size, seed=seed, jitter=False)
        inside = (
            keras.backend.backend() == "tensorflow"
        )  # elsewhere weights are synced by fit's end
        size = self.stretch * plan.batch_size
        fits = max(1, min(plan.points, PIECE // (size * x[0].nbytes))) if inside else 1
        for first in range(0, plan.points, fits):
            piece = x[rows[first * size : (first + fits) * size]]
            target = piece
            if not tasks.find(plan.task).restores:
                target = y[rows[first * size : (first + fits) * size]]
            elif plan.noise:
                piece = noisy(piece, plan.noise, [seed, first])
            calls = {"on_train_batch_end": watch.point} if inside else {}
            watch.start()
            self.model.fit(
                piece,
                target,
                batch_size=plan.batch_size,
                shuffle=False,
                verbose=0,
                callbacks=[keras.callbacks.LambdaCallback(**calls)],
            )
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


def outputs(model: keras.Model, x: np.ndarray, *, batch_size: int = 500) -> np.ndarray:
    """As `model.predict`, which would build a data set each time."""
    parts = [x[i : i + batch_size] for i in range(0, len(x), batch_size)]
    return np.concatenate([np.asarray(model.predict_on_batch(part)) for part in parts])
