"""Autoencoders trained again and again, and what is printed of them."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from rich.console import Console

import wszoo
from wszoo import report

PLANS = {"tied": None, "untied": "untied"}  # a model's name in the tables → its plan


class Trainer:
    """Trains one autoencoder again and again from fresh weights, without tracing it anew."""

    def __init__(self, name: str, **config: Any):
        self.name, self.config = name, config
        keras.utils.set_random_seed(0)
        self.net = wszoo.get(name, **config)
        optimizer = keras.optimizers.Adam(2e-3)
        self.net.compile(optimizer, loss="mse")
        optimizer.build(self.net.trainable_variables)
        self.start = [keras.ops.convert_to_numpy(v) for v in optimizer.variables]

    def run(self, x: np.ndarray, steps: int, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        """The function that gives inputs back, learnt from x with 64 examples a step."""
        keras.utils.set_random_seed(seed)
        self.net.set_weights(wszoo.get(self.name, **self.config).get_weights())
        for variable, value in zip(self.net.optimizer.variables, self.start, strict=True):
            variable.assign(value)
        rows = np.random.default_rng(seed).integers(0, len(x), steps * 64)
        self.net.fit(x[rows], x[rows], batch_size=64, shuffle=False, verbose=0)
        return lambda inputs: np.asarray(self.net.predict(inputs, batch_size=512, verbose=0))


def show(title: str, results: list[dict], row: str) -> None:
    """Prints a table: a row a score, with mean and spread over its seeds."""
    print(title)
    rows = [r | {"": "AUROC, mean ± sd"} for r in results]
    Console().print(report.grid(rows, row=row, column="", value="AUROC"))
