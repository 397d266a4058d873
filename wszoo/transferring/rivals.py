"""Trains ways to get a classifier from few labels side by side, see `wszoo.transferring.ways`.

Each has a model of its own, so that flags and adapters of one do not reach another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np

from wszoo import batches
from wszoo.arguments import checked, number_of, one_word, positive
from wszoo.sharing import graph
from wszoo.tasks import heads, linear, probe
from wszoo.training import cosine
from wszoo.transferring.features import cache
from wszoo.transferring.training.augment import jittered
from wszoo.transferring.training.repeated import Trainer, accuracy, values_of
from wszoo.transferring.ways import WAYS

Pair = tuple[np.ndarray, np.ndarray]
Curve = list[tuple[int, float]]  # step, accuracy on what was held out


BATCH = 32
VIEWS = 8  # moved copies of each image, whose features a head that is trained alone sees
EPOCHS = 10  # that a training takes at least, where the steps asked for would be fewer
RANK = 4


@dataclass(frozen=True)
class Trained:
    """What a way came to: accuracy on what was held out on the way, nothing of a closed form, and
    `accuracy(x, y)` on other images, until the way is trained again."""

    curve: Curve
    accuracy: Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Learner:
    """A classifier, what trains it or its head so many steps, and the values it has at first."""

    whole: keras.Model
    trainer: Trainer
    steps: int
    fresh: list[np.ndarray]


class Rivals:
    """Trains ways on draws of labels; what they have in common is made once.

    `make` gives the pretrained backbone, with features `(batch, width)`, anew at every call.
    Features are kept in `folder`, or in no file. Trained ways take `steps` batches of 32, and
    `epochs` at least; those that train a pretrained backbone start from the probe. Accuracy on
    what is held out is measured at `points` of a training.
    """

    @checked(epochs=number_of)
    def __init__(
        self,
        make: Callable[[], keras.Model],
        classes: int,
        steps: int,
        folder: Path | None = None,
        *,
        epochs: int = EPOCHS,
        points: int = 1,
    ):
        if not 1 <= points <= steps:
            raise ValueError(f"points must be 1 to {steps}, the steps, not {points}")
        self.make, self.classes, self.steps, self.folder = make, classes, steps, folder
        self.epochs, self.points = epochs, points
        self.net = make()
        self._random: dict[int, list[np.ndarray]] = {}
        self._learners: dict[tuple[str, float, int], Learner] = {}

    @checked(name=one_word(*WAYS), setting=positive)
    def accuracy(self, name: str, train: Pair, held: Pair, *, setting: float, seed: int) -> float:
        """Accuracy on `held`, `(x, y)`, after training on `train`."""
        trained = self.train(name, train, held, setting=setting, seed=seed)
        return trained.curve[-1][1] if trained.curve else trained.accuracy(*held)

    @checked(name=one_word(*WAYS), setting=positive)
    def train(self, name: str, train: Pair, held: Pair, *, setting: float, seed: int) -> Trained:
        """Trains a way on `train`, `(x, y)`; `held` is scored on the way."""
        way = WAYS[name]
        if way.trains == "head":
            return self._train_head(name, train, held, setting, seed)
        if way.trains is not None:
            return self._train_all(name, train, held, setting, seed)
        rows = self.features if way.pretrained else flat
        probed = self._probe(rows(train[0]), train[1], setting)
        return Trained([], lambda x, y: probe.accuracy(rows(x), y, probed))

    @checked(name=one_word(*WAYS), setting=positive)
    def classifier(self, name: str, train: Pair, *, setting: float, seed: int) -> keras.Model:
        """The whole model that a way ends with. Raises `ValueError` for pixels, which have none."""
        way = WAYS[name]
        if way.trains is not None:
            self.train(name, train, train, setting=setting, seed=seed)
            return self._learner(name, setting, len(train[1])).whole
        if not way.pretrained:
            raise ValueError(f"name must be a way with a backbone; {name!r} has none")
        model = heads.attach(self.make(), linear.logistic(self.classes)).model
        set_head(model, self._probe(self.features(train[0]), train[1], setting))
        return model

    @checked()
    def features(self, x: np.ndarray) -> np.ndarray:
        """Unit-length features `(n, width)` of images, from the backbone."""
        return probe.unit(cache.features(self.net, x, folder=self.folder))

    def _probe(
        self, rows: np.ndarray, y: np.ndarray, strength: float = probe.USUAL
    ) -> probe.Linear:
        return probe.fit_probe(rows, y, classes=self.classes, strength=strength)

    def _train_all(self, name: str, train: Pair, held: Pair, setting: float, seed: int) -> Trained:
        """On images, from the probe or from random values."""
        learner = self._learner(name, setting, len(train[1]))
        model = learner.whole
        if WAYS[name].pretrained:
            learner.trainer.reset(learner.fresh)
            set_head(model, self._probe(self.features(train[0]), train[1]))
        else:
            if seed not in self._random:
                self._random[seed] = random_start(model, seed)
            learner.trainer.reset(self._random[seed])
        curve = self._fit(learner, train, held, seed, moved=WAYS[name].moved)
        return Trained(curve, lambda x, y: accuracy(model, x, y))

    def _train_head(self, name: str, train: Pair, held: Pair, setting: float, seed: int) -> Trained:
        """On features of moved images, which are computed once."""
        x, y = train
        views = cache.views(self.net, x, jittered, VIEWS, folder=self.folder)
        learner = self._learner(name, setting, len(y))
        learner.trainer.reset(learner.fresh)
        rows = np.concatenate(views), np.tile(y, VIEWS)

        def features(x: np.ndarray) -> np.ndarray:
            return cache.features(self.net, x, folder=self.folder)

        curve = self._fit(learner, rows, (features(held[0]), held[1]), seed, moved=False)
        return Trained(curve, lambda x, y: accuracy(learner.trainer.model, features(x), y))

    def _fit(self, learner: Learner, train: Pair, held: Pair, seed: int, *, moved: bool) -> Curve:
        """On the set over and over, in a new order each time, which the seed alone decides."""
        x, y = train
        rows = batches.stream(len(x), learner.steps * BATCH, batches.generator(seed))
        x, y = (jittered(x[rows], seed) if moved else x[rows]), y[rows]
        edges = [learner.steps * i // self.points for i in range(self.points + 1)]
        curve = []
        for first, last in pairwise(edges):
            part = slice(first * BATCH, last * BATCH)
            learner.trainer.fit(x[part], y[part], BATCH)
            curve.append((last, accuracy(learner.trainer.model, *held)))
        return curve

    def _learner(self, name: str, rate: float, examples: int) -> Learner:
        steps = max(self.steps, -(-self.epochs * examples // BATCH))
        if (name, rate, steps) not in self._learners:
            keras.utils.set_random_seed(0)  # adapters begin with random numbers
            parts = heads.attach(self.make(), linear.logistic(self.classes))
            whole, trains = parts.model, WAYS[name].trains
            if trains == "lora":
                from wszoo.transferring.lora import add_lora

                whole = add_lora(whole, rank=RANK, train="head").model
            model = parts.top if trains == "head" else whole
            schedule = cosine(rate, steps, warmup=steps // 10)
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            trainer = Trainer(model, keras.optimizers.AdamW(schedule), loss)
            self._learners[name, rate, steps] = Learner(whole, trainer, steps, values_of(model))
        return self._learners[name, rate, steps]


def set_head(model: keras.Model, linear: probe.Linear) -> None:
    """Sets the head of a classifier to kernel and bias on unit features."""
    graph.layer_at(model, heads.HEAD).set_weights(list(linear))


@checked()
def random_start(model: keras.Model, seed: int) -> list[np.ndarray]:
    """Values, in the order of `model.variables`, of a classifier that is made anew.

    The head's kernel is drawn with standard deviation one: unit features times it give logits of
    order one.
    """
    keras.utils.set_random_seed(seed)
    fresh = keras.models.clone_model(model)
    head = fresh.layers[-1]
    kernel, bias = head.get_weights()
    kernel = np.random.default_rng(seed).standard_normal(kernel.shape)
    head.set_weights([kernel, bias])
    return values_of(fresh)


def flat(x: np.ndarray) -> np.ndarray:
    """Images `(n, …)` as rows `(n, pixels)`."""
    return x.reshape(len(x), -1)
