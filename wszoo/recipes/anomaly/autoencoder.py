"""Autoencoders trained again and again, and what is printed of them."""

from collections.abc import Callable
from functools import partial
from typing import Any

import keras
import numpy as np
from rich.console import Console

import wszoo
from wszoo import report
from wszoo.transferring.training.repeated import Trainer, outputs, values_of

PLANS = {"tied": None, "untied": "untied"}  # a model's name in the tables → its plan


class Autoencoder:
    """One that is trained again and again from fresh weights, without tracing it anew."""

    def __init__(self, name: str, **config: Any):
        keras.utils.set_random_seed(0)
        self.make = partial(wszoo.get, name, **config)
        self.trainer = Trainer(self.make(), keras.optimizers.Adam(2e-3), "mse")

    def run(self, x: np.ndarray, steps: int, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        """The function that gives inputs back, learnt from x with 64 examples a step."""
        keras.utils.set_random_seed(seed)
        self.trainer.reset(values_of(self.make()))
        rows = np.random.default_rng(seed).integers(0, len(x), steps * 64)
        self.trainer.fit(x[rows], x[rows], 64)
        return partial(outputs, self.trainer.model)


def show(title: str, results: list[dict], row: str) -> None:
    """Prints a table: a row a score, with mean and spread over its seeds."""
    print(title)
    rows = [r | {"": "AUROC, mean ± sd"} for r in results]
    Console().print(report.grid(rows, row=row, column="", value="AUROC"))
