"""Ways to get a classifier from few labels, side by side: what a pretrained backbone is worth.

Every way is one training on one draw of labels with one setting: a learning rate, or the strength
of a logistic regression. Trained ways see images moved a little; each has a model of its own, so
that flags and adapters of one do not reach another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from wszoo.arguments import checked, one_word, positive
from wszoo.sharing import graph
from wszoo.tasks import heads, probe
from wszoo.transferring.features import cache
from wszoo.transferring.training import repeated as tune

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Way:
    """`trains`: nothing (a closed form), `"head"`, `"all"` or `"lora"`.

    `settings` are those a search begins with: learning rates, or strengths (scikit-learn's C).
    """

    pretrained: bool
    trains: str | None
    settings: tuple[float, ...]


WAYS = {
    "pixels": Way(False, None, (0.3, 1.0, 3.0)),
    "scratch": Way(False, "all", (3e-3, 1e-2, 3e-2)),
    "probe": Way(True, None, (30.0, 100.0, 300.0)),
    "frozen": Way(True, "head", (3e-2, 1e-1, 3e-1)),
    "finetune": Way(True, "all", (1e-3, 3e-3, 1e-2)),
    "lora": Way(True, "lora", (1e-3, 3e-3, 1e-2)),
}
VIEWS = 8  # moved copies of each image, whose features a head that is trained alone sees
EPOCHS = 10  # that a training takes at least, where the steps asked for would be fewer
RANK = 4


class Rivals:
    """Trains ways on draws of labels; what they have in common is made once.

    `make` gives the pretrained backbone, with features `(batch, width)`, anew at every call.
    Features are kept in `folder`. Trained ways take `steps` batches of 32, ten epochs at least;
    those that train a pretrained backbone start from the probe.
    """

    @checked()
    def __init__(self, make: Callable[[], keras.Model], classes: int, steps: int, folder: Path):
        self.make, self.classes, self.steps, self.folder = make, classes, steps, folder
        self.net = make()
        self._random: dict[int, list[np.ndarray]] = {}
        self._trainers: dict[tuple[str, float, int], tuple[tune.Trainer, list[np.ndarray]]] = {}

    @checked(name=one_word(*WAYS), setting=positive)
    def accuracy(self, name: str, train: Pair, held: Pair, *, setting: float, seed: int) -> float:
        """Accuracy on `held`, `(x, y)`, after training on `train`."""
        way = WAYS[name]
        if way.trains == "head":
            return self._head(name, train, held, setting, seed)
        if way.trains is not None:
            return self._trained(name, train, held, setting, seed)
        rows = self.features if way.pretrained else flat
        linear = self._probe(rows(train[0]), train[1], setting)
        return probe.accuracy(rows(held[0]), held[1], linear)

    @checked()
    def features(self, x: np.ndarray) -> np.ndarray:
        """Unit-length features `(n, width)` of images, from the backbone."""
        return probe.unit(cache.features(self.net, x, folder=self.folder))

    def _probe(
        self, rows: np.ndarray, y: np.ndarray, strength: float = probe.USUAL
    ) -> probe.Linear:
        return probe.fit_probe(rows, y, classes=self.classes, strength=strength)

    def _trained(self, name: str, train: Pair, held: Pair, setting: float, seed: int) -> float:
        trainer, fresh = self._trainer(name, setting, len(train[1]))
        model = trainer.model
        if WAYS[name].pretrained:
            model.set_weights(fresh)
            head = graph.layer_at(model, heads.HEAD)
            head.set_weights(list(self._probe(self.features(train[0]), train[1])))
            start = model.get_weights()
        else:
            if seed not in self._random:
                self._random[seed] = heads.random_start(model, seed)
            start = self._random[seed]
        return trainer.run(start, train, held, seed=seed)[-1][1]

    def _head(self, name: str, train: Pair, held: Pair, setting: float, seed: int) -> float:
        """On features of moved images, which are computed once."""
        x, y = train
        seen = cache.views(self.net, x, tune.jittered, VIEWS, folder=self.folder)
        trainer, start = self._trainer(name, setting, len(y))
        shown = cache.features(self.net, held[0], folder=self.folder)
        rows = np.concatenate(seen), np.tile(y, VIEWS)
        return trainer.run(start, rows, (shown, held[1]), seed=seed)[-1][1]

    def _trainer(
        self, name: str, rate: float, examples: int
    ) -> tuple[tune.Trainer, list[np.ndarray]]:
        """A trainer, and the weights before the head is set."""
        steps = max(self.steps, -(-EPOCHS * examples // 32))
        if (name, rate, steps) not in self._trainers:
            keras.utils.set_random_seed(0)  # adapters begin with random numbers
            trains = WAYS[name].trains
            schedule = tune.Schedule(rate, steps, points=1, jitter=trains != "head")
            net = self.make()
            model = heads.attach_head(net, self.classes)
            if trains == "lora":
                from wszoo.transferring.lora import add_lora

                model = add_lora(model, rank=RANK, train="head").model
            if trains == "head":
                model = cache.head_of(model, net)
            trainer = tune.Trainer(model, schedule)
            self._trainers[name, rate, steps] = trainer, model.get_weights()
        return self._trainers[name, rate, steps]


def flat(x: np.ndarray) -> np.ndarray:
    """Images `(n, …)` as rows of unit length `(n, pixels)`."""
    return x.reshape(len(x), -1)
