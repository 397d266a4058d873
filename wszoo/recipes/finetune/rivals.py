"""The modes of `--compare`: what each trains, and from where.

Learning rates and strengths were chosen for each mode by one search over held-out images
(benchmarks/transfer/settings.py).
"""

import time
from dataclasses import dataclass

import keras

from wszoo.data import Source
from wszoo.tasks import heads, probe
from wszoo.transferring.rivals import flat
from wszoo.transferring.training import repeated as tune


@dataclass(frozen=True)
class Mode:
    """Closed form (`strength`: scikit-learn's C) or trained (`learning_rate`)."""

    pretrained: bool
    strength: float = 100.0
    learning_rate: float | None = None
    jitter: bool = False


MODES = {
    "pixels": Mode(pretrained=False, strength=1.0),
    "scratch": Mode(pretrained=False, learning_rate=1e-2, jitter=True),
    "frozen": Mode(pretrained=True),
    "finetune": Mode(pretrained=True, learning_rate=3e-3, jitter=True),
    "scratch-plain": Mode(pretrained=False, learning_rate=1e-2),
    "finetune-plain": Mode(pretrained=True, learning_rate=1e-3),
}
HELD = ("validation", "test")


class Rivals:
    """Runs one mode on one draw of labels; what the draws have in common is made once."""

    def __init__(self, net: keras.Model, source: Source, steps: int):
        self.net, self.source, self.steps = net, source, steps
        self.model = heads.attach_head(net, source.num_classes)
        self.pretrained = net.get_weights()
        self.features = {s: probe.features(net, source.arrays(s)[0]) for s in HELD}
        self.pixels = {s: flat(source.arrays(s)[0]) for s in HELD}
        self.trainers: dict[tune.Schedule, tune.Trainer] = {}

    def run(self, name: str, labels: int, seed: int) -> dict:
        """Accuracy on validation and test, and the curve over training steps."""
        started = time.perf_counter()
        few = self.source.subset(labels, seed=seed)
        if MODES[name].learning_rate is None:
            linear, curve = self.probe(name, few), []
            rows = self.features if MODES[name].pretrained else self.pixels
            scores = {s: probe.accuracy(rows[s], few.arrays(s)[1], linear) for s in HELD}
        else:
            curve = self.train(name, few, seed)
            scores = {s: tune.accuracy(self.model, *few.arrays(s)) for s in HELD}
        seconds = round(time.perf_counter() - started, 2)
        row = {"mode": name, "labels/class": labels, "seed": seed, "seconds": seconds}
        return row | scores | {"curve": curve}

    def classifier(self, name: str, labels: int, seed: int) -> keras.Model:
        """The whole model that a mode ends with."""
        few = self.source.subset(labels, seed=seed)
        if MODES[name].learning_rate is None:
            self.model.set_weights([*self.pretrained, *self.probe(name, few)])
        else:
            self.train(name, few, seed)
        return self.model

    def probe(self, name: str, few: Source) -> probe.Linear:
        """Kernel and bias of a mode's logistic regression."""
        x, y = few.arrays("train")
        mode = MODES[name]
        if mode.pretrained:
            self.net.set_weights(self.pretrained)
            x = probe.features(self.net, x)
        classes = self.source.num_classes
        return probe.fit_probe(flat(x), y, classes=classes, strength=mode.strength)

    def train(self, name: str, few: Source, seed: int) -> list:
        """Trains the model in a mode; its validation accuracy over the steps."""
        mode = MODES[name]
        assert mode.learning_rate is not None
        schedule = tune.Schedule(mode.learning_rate, self.steps, jitter=mode.jitter)
        if schedule not in self.trainers:
            self.trainers[schedule] = tune.Trainer(self.model, schedule)
        start = [*self.pretrained, *self.probe(name, few)]
        if not mode.pretrained:
            start = heads.random_start(self.model, seed)
        arrays = few.arrays("train"), few.arrays("validation")
        return self.trainers[schedule].run(start, *arrays, seed=seed)
