"""Teachers whose layers are tied by a known partition, and what every plan is really worth.

A teacher is a net of residual tanh layers, tied by its partition, with weights of its draw. It
labels inputs x ~ N(0, 1); labels are scaled to variance 1 an output and get noise. A student is
the same net under some plan, with biases and weights of its own to learn.

Each teacher labels 250 noisy examples, all that a search sees of it. The truth about a plan there
is what its user gets in the end: the mean, over seeds of weights and order, of the error on
2,000 new examples without noise, of students trained on all 250 examples; plus the price of
parameters, PRICE × stored / untied parameters of the tied layers.

Width, gain and noise were chosen on the teachers of draw 0, so that neither tying everything nor
tying nothing is among the best plans; draw 0 is not reported.
"""

from dataclasses import dataclass, replace

import keras
import numpy as np

from wszoo import SharingPlan
from wszoo.tuner import Job, SideBySide, Training
from wszoo.tuner.space.space import SearchSpace

PRICE = 0.01  # a hundredth of the variance for all layers untied
WIDTH, OUTPUTS, GAIN, NOISE = 16, 4, 0.7, 0.1
EXAMPLES, TEST = 250, 2000
TRAINING = Training(loss="mse", learning_rate=1e-2, steps=600, batch_size=40, points=6)
TASKS = {6: ("AAABBB", "ABABAB", "ABCCBA"), 8: ("AAAABBBB", "ABABABAB", "ABCDDCBA")}
DRAWS = (1, 2, 3)  # of each teacher
LANES = 203  # all plans of six sites at once


@dataclass(frozen=True)
class Task:
    """A teacher: `pattern` ties its layers, as many as letters; `draw` makes its weights."""

    pattern: str
    draw: int

    @property
    def depth(self) -> int:
        return len(self.pattern)

    def labels(self, x: np.ndarray) -> np.ndarray:
        """The teacher's outputs, unscaled: `(n, OUTPUTS)`."""
        rng = np.random.default_rng([7, self.depth, self.draw])
        kernels = rng.normal(0, GAIN / np.sqrt(WIDTH), (self.depth, WIDTH, WIDTH))
        biases = rng.normal(0, 0.3, (self.depth, WIDTH))
        readout = rng.normal(0, 1 / np.sqrt(WIDTH), (WIDTH, OUTPUTS))
        h = x
        for letter in self.pattern:
            group = ord(letter) - ord("A")
            h = h + np.tanh(h @ kernels[group] + biases[group])
        return h @ readout

    def test(self) -> tuple[np.ndarray, np.ndarray]:
        """The clean examples, scaled by their own mean and deviation."""
        x = np.random.default_rng([11, 0]).normal(size=(TEST, WIDTH))
        y = self.labels(x)
        return x.astype("float32"), ((y - y.mean(0)) / y.std(0)).astype("float32")

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """The noisy examples, scaled as the test examples are."""
        rng = np.random.default_rng([13, self.draw])
        x = rng.normal(size=(EXAMPLES, WIDTH))
        clean = self.labels(np.random.default_rng([11, 0]).normal(size=(TEST, WIDTH)))
        y = (self.labels(x) - clean.mean(0)) / clean.std(0)
        return x.astype("float32"), (y + rng.normal(0, NOISE, y.shape)).astype("float32")


def student(depth: int) -> keras.Model:
    """The untied net that all plans tie: blocks of `h + tanh(h W + b)` and a linear readout."""
    h = inputs = keras.Input((WIDTH,))
    for i in range(depth):
        layer = keras.layers.Dense(WIDTH, activation="tanh", name=f"block_{i}")
        h = keras.layers.Add(name=f"add_{i}")([h, layer(h)])
    readout = keras.layers.Dense(OUTPUTS, use_bias=False, name="readout")
    return keras.Model(inputs, readout(h), name="student")


class Bench:
    """Model, space and engine of one depth; the engine is compiled once for all tasks."""

    def __init__(self, depth: int):
        self.model = student(depth)
        self.space = SearchSpace.of(self.model, "block_*")
        self.engine = SideBySide(self.model, self.space, TRAINING, lanes=LANES)
        once = replace(TRAINING, points=1)  # the truth is measured at the end alone
        self._tester = SideBySide(self.model, self.space, once, lanes=LANES)

    def price(self, plan: SharingPlan) -> float:
        return PRICE * len(plan.groups) / len(plan)

    def errors(self, task: Task, plans: list[SharingPlan], seed: int) -> np.ndarray:
        """Clean test error of each plan, trained on all examples."""
        x, y = task.data()
        every = np.arange(EXAMPLES)
        jobs = [Job(plan, every, every, seed) for plan in plans]
        return self._tester.run(jobs, x, y, task.test())[:, -1]
