"""The arms of the comparison: how each is trained and measured."""

from typing import Any

import keras
import numpy as np

import wszoo
from wszoo import batches
from wszoo.data import Source
from wszoo.recipes.multitask.strokes import attributes
from wszoo.tasks.several import attach_heads, compile_heads, with_gaps
from wszoo.training import cosine

ARMS = ("separate", "shared", "uncertainty")
TASKS = {"class": "classification", "slant": "regression", "thickness": "regression"}
METRIC = {"class": "error (%)", "slant": "error (degrees)", "thickness": "error (pixels)"}


class Study:
    """The data, and how one arm is trained and measured."""

    def __init__(self, source: Source, settings: dict):
        self.settings = settings
        self.x, y = source.arrays("train")
        self.x, y = self.x[: settings["examples"]], y[: settings["examples"]]
        self.targets = {"class": y, **attributes(self.x)}
        self.test_x, test_y = source.arrays("test")
        self.test_x, test_y = self.test_x[:2000], test_y[:2000]
        self.test = {"class": test_y, **attributes(self.test_x)}
        self.cache: dict[tuple, dict] = {}

    def model(self, tasks: list[str]) -> keras.Model:
        """A new network with a head for each of some tasks."""
        net = wszoo.get(
            "conv_net",
            input_shape=self.x.shape[1:],
            width=self.settings["width"],
            depth=4,
            head=None,
        )
        targets = {name: self.targets[name] for name in tasks}
        return attach_heads(net, {name: TASKS[name] for name in tasks}, targets)

    def run(self, labels: int, arm: str, seed: int) -> dict:
        """Errors of an arm by task, and the parameters that it stores."""
        if arm != "separate":
            return self.train(list(METRIC), labels, "uncertainty" if arm[0] == "u" else None, seed)
        scores: dict[str, Any] = {"stored": 0}
        for name in METRIC:
            n = labels if name == "class" else len(self.x)  # the others do not see the labels
            key = (name, n, seed)
            if key not in self.cache:
                self.cache[key] = self.train([name], n, None, seed)
            found = self.cache[key]
            scores |= {name: found[name], "stored": scores["stored"] + found["stored"]}
        return scores

    def train(self, tasks: list[str], labels: int, weights: str | None, seed: int) -> dict:
        """Errors by task, and the parameters stored, of one network trained on some tasks."""
        keras.utils.set_random_seed(seed)
        model, kinds = self.model(tasks), {name: TASKS[name] for name in tasks}
        steps, size = self.settings["steps"], self.settings["batch_size"]
        optimizer = keras.optimizers.Adam(
            cosine(self.settings["learning_rate"], steps, warmup=steps // 10)
        )
        compile_heads(model, kinds, optimizer=optimizer, weights=weights)
        rng = batches.generator(seed)
        named = batches.shuffled(len(self.x), rng)[:labels]
        targets = {name: self.targets[name].copy() for name in tasks}
        x = self.x
        if tasks == ["class"]:  # nothing to learn from the others
            x, targets = x[named], {"class": targets["class"][named]}
        elif "class" in tasks:
            hidden = np.setdiff1d(np.arange(len(x)), named)
            targets["class"][hidden] = -1
        rows = batches.stream(len(x), steps * size, rng)
        y, weight = with_gaps({name: t[rows] for name, t in targets.items()}, kinds)
        model.fit(x[rows], y, sample_weight=weight, batch_size=size, shuffle=False, verbose=0)
        outputs = model.predict(self.test_x, batch_size=500, verbose=0)
        return {n: error(n, outputs[n], self.test[n]) for n in tasks} | {
            "stored": int(model.count_params())
        }


def error(task: str, outputs: np.ndarray, wanted: np.ndarray) -> float:
    """Percent of wrong classes, or the mean absolute error."""
    if task == "class":
        return float(100 * np.mean(outputs.argmax(1) != wanted))
    return float(np.mean(np.abs(outputs[:, 0] - wanted)))
