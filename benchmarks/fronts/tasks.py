"""The tasks of benchmarks/fronts: data of a seed, the untied model, its trainings by plan.

Everything of a seed is its own: training, held and test examples, initial weights, orders. A
training is AdamW with a cosine schedule over all epochs; its curve has, for each epoch, the held
and the test metric, as smaller-is-better: an error rate, or nats a character.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import keras
import numpy as np

import wszoo
from wszoo import batches, training
from wszoo.data import load
from wszoo.sharing import graph
from wszoo.sharing.surgery.retie import retie
from wszoo.tuner import SearchSpace
from wszoo.tuner.searching.hypermodel import Shuffled
from wszoo.tuner.twin_trainer import TwinTrainer

EPOCHS = 3  # the default of `wszoo.tuner.search`
Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Task:
    """What is trained, on how much, and what counts.

    `reference` is the worst metric that still counts in a hypervolume, in the units of the test
    metric; `price` is what a search with one objective adds for all parameters.
    """

    data: str
    model: str
    settings: tuple[tuple[str, Any], ...]
    examples: tuple[int, int, int]  # to train on, held out, to test on
    batch: int
    rate: float
    objective: str
    reference: float
    price: float
    by_depth: bool = False

    @property
    def title(self) -> str:
        return f"{self.model} on {self.data}"

    @property
    def metric(self) -> str:
        return "error" if self.objective == "val_accuracy" else "nats a character"


# The references were set, before any search was run, from trainings of all tied with a seed that
# is not reported: a little worse than these.
TASKS = {
    "digits": Task(
        "digits", "conv_net", (("width", 12),), (800, 300, 697), 20, 5e-3,
        "val_accuracy", 0.25, 0.02,
    ),
    "fashion_mnist": Task(
        "fashion_mnist", "conv_net", (("width", 12),), (2000, 1000, 2000), 50, 5e-3,
        "val_accuracy", 0.35, 0.02,
    ),
    "tiny_shakespeare": Task(
        "tiny_shakespeare", "tied_lm", (("width", 32), ("depth", 6)), (800, 300, 500), 16, 1e-2,
        "val_loss", 3.2, 0.02, by_depth=True,
    ),
}  # fmt: skip
LENGTH = 32  # characters of a window


@dataclass(frozen=True)
class Split:
    train: Pair
    held: Pair
    test: Pair


def split_of(task: Task, seed: int, data_dir: Path | None) -> Split:
    """The examples of a seed."""
    rng = np.random.default_rng([19, seed])
    if task.by_depth:
        source = _source(task.data, data_dir)
        parts = ("train", "validation", "test")
        drawn = [
            _windows(source.arrays(part), n, rng)
            for part, n in zip(parts, task.examples, strict=True)
        ]
        return Split(*drawn)
    x, y = _images(task.data, data_dir)
    rows = batches.shuffled(len(x), rng)[: sum(task.examples)]
    ends = np.cumsum(task.examples)[:-1]
    return Split(*((x[part], y[part]) for part in np.split(rows, ends)))


@cache
def _source(name: str, data_dir: Path | None) -> Any:
    return load(name, data_dir=data_dir)


@cache
def _images(name: str, data_dir: Path | None) -> Pair:
    source = _source(name, data_dir)
    parts = [source.arrays(part) for part in ("train", "validation", "test")]
    x, y = zip(*parts, strict=True)
    return np.concatenate(x), np.concatenate(y)


def _windows(arrays: Pair, count: int, rng: np.random.Generator) -> Pair:
    """Windows of a text that start anywhere, and the same one character on."""
    x, y = arrays
    text = np.append(x.ravel(), y[-1, -1])
    starts = rng.integers(0, len(text) - LENGTH, count)
    windows = text[starts[:, None] + np.arange(LENGTH + 1)]
    return windows[:, :-1], windows[:, 1:]


def untied(task: Task, split: Split, seed: int) -> keras.Model:
    """The compiled model that all plans tie; one table of characters in all of them."""
    keras.utils.set_random_seed(seed)
    settings = dict(task.settings)
    if task.by_depth:
        letters = "".join(chr(ord("A") + i) for i in range(settings["depth"]))
        settings |= {"input_shape": (LENGTH,), "sharing": f"depth:{letters}"}
    else:
        settings |= {"input_shape": split.train[0].shape[1:], "sharing": "untied"}
    model = wszoo.get(task.model, **settings)
    steps = EPOCHS * -(-task.examples[0] // task.batch)
    model.compile(
        keras.optimizers.AdamW(training.cosine(task.rate, steps, warmup=steps // 15)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
        steps_per_execution=10,
    )
    return model


def bad(task: Task, model: keras.Model, pair: Pair) -> float:
    """Error rate or nats of a model, whose outputs are logits: smaller is better."""
    x, y = pair
    parts = [model.predict_on_batch(part) for part in np.array_split(x, max(1, len(x) // 400))]
    logits = np.concatenate(parts)
    if task.objective == "val_accuracy":
        return float(np.mean(logits.argmax(axis=-1) != y))
    logits = logits - logits.max(axis=-1, keepdims=True)
    chosen = np.take_along_axis(logits, y[..., None], axis=-1)[..., 0]
    return float(np.mean(np.log(np.exp(logits).sum(axis=-1)) - chosen))


class Curve(keras.callbacks.Callback):
    """Notes held and test metric after each epoch, as `Bench.curve` says."""

    def __init__(self, task: Task, split: Split):
        super().__init__()
        self.task, self.split = task, split
        self.points: list[tuple[float, float]] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        held = bad(self.task, self.model, self.split.held)
        kept = self.points and min(self.points)[0] <= held
        test = self.points[-1][1] if kept else bad(self.task, self.model, self.split.test)
        self.points.append((held, test))


class Bench:
    """A task with the data of a seed: trains plans from scratch on one graph."""

    def __init__(self, task: Task, seed: int, data_dir: Path | None = None):
        self.task, self.seed = task, seed
        self.split = split_of(task, seed, data_dir)
        self.model = untied(task, self.split, seed)
        self.space = SearchSpace.of(self.model, by_depth=task.by_depth)
        self._trainer: TwinTrainer | None = None
        self._starts: dict[int, tuple[list, dict[str, list]]] = {}

    def share(self, pattern: str) -> float:
        """Stored parameters over those of the untied model."""
        whole = self.space.stored_parameters(self.space.untied)
        return self.space.stored_parameters(self.space.plan(pattern)) / whole

    def curve(self, pattern: str, again: int) -> list[tuple[float, float]]:
        """Held and test metric after each epoch of a training from scratch.

        `again` numbers the trainings of a plan: each has initial weights and an order of its own.
        The test metric is that of the epoch with the best held metric so far, whose weights
        KerasTuner keeps.
        """
        task, plan, seed = self.task, self.space.plan(pattern), 1000 * again + self.seed
        weights, values = self._start(again, seed)
        shared = {owner: values[owner] for owner in plan.groups}
        self.trainer.start(plan, weights=weights, shared=shared, seed=seed)
        note = Curve(task, self.split)
        batches = Shuffled(*self.split.train, task.batch, seed)
        settings = {"epochs": EPOCHS, "shuffle": False, "verbose": 0}
        self.trainer.model.fit(batches, **settings, callbacks=[note])
        return note.points

    def _start(self, again: int, seed: int) -> tuple[list, dict[str, list]]:
        """Initial weights of the untied model, whole and by site."""
        if again not in self._starts:
            keras.utils.set_random_seed(seed)
            twin = self.trainer.model
            plain = retie(self.model, self.space.untied)  # not compiled, so it can be cloned
            weights = keras.models.clone_model(plain).get_weights()
            twin.set_weights(weights)
            layers = graph.layers_of(twin)
            self._starts[again] = weights, {s: layers[s].get_weights() for s in self.space.sites}
        return self._starts[again]

    @property
    def trainer(self) -> TwinTrainer:
        if self._trainer is None:
            given = keras.saving.deserialize_keras_object(self.model.get_compile_config())
            optimizer = given.pop("optimizer")
            self._trainer = TwinTrainer(self.model, optimizer, sites=self.space.sites, **given)
        return self._trainer
