"""The data of an epoch, which depend on the seed and the epoch alone."""

from collections.abc import Callable

import numpy as np

from wszoo import batches, tasks, training
from wszoo.data import Source
from wszoo.data.sets import pen
from wszoo.data.source import Pair
from wszoo.recipes.pretrain import Pretrain

QUARTERS = 4  # turns of a class that are classes
Make = Callable[[int, int], Pair]  # seed, epoch → x, y


def epoch_maker(task: str, source: Source, options: Pretrain) -> tuple[Make, int]:
    """`(make, examples)`: what makes an epoch, and how many examples it has."""
    views, turns, noise = options.views, options.turns, options.noise
    (x, y), kind = source.arrays("train"), tasks.find(task)
    if turns and (views != "pen" or not kind.labels):
        raise ValueError("--turns needs a classifier and --views pen")
    if noise and not kind.restores:
        raise ValueError(f"--noise is for autoencoders; this model's task is {task}")
    x, y = x[: options.max_examples], y[: options.max_examples]
    if kind.continues:
        return windows_maker(x, y)
    copies = QUARTERS if turns else 1
    drawings = pen.prepare(x) if views == "pen" else None

    def make(seed: int, epoch: int) -> Pair:
        rng = batches.generator(seed, epoch)
        order = batches.shuffled(len(x) * copies, rng)
        index, turn = order // copies, order % copies
        inputs = x[index] if drawings is None else pen.views(drawings, index, turn, rng)
        if kind.restores:
            return training.noisy(inputs, noise, rng) if noise else inputs, inputs
        classes = source.num_classes * copies
        return inputs, np.eye(classes, dtype="float32")[y[index] + turn * source.num_classes]

    return make, len(x) * copies


def windows_maker(x: np.ndarray, y: np.ndarray) -> tuple[Make, int]:
    """As `epoch_maker`: the windows of an epoch begin at places of its own, one text's length in
    all. `x` are windows that follow each other, `y` the same moved by one."""
    text, (count, size) = np.append(x.ravel(), y[-1, -1]), x.shape

    def make(seed: int, epoch: int) -> Pair:
        rng = batches.generator(seed, epoch)
        starts = rng.integers(size) + size * batches.shuffled(count - 1, rng)
        windows = text[starts[:, None] + np.arange(size + 1)]
        return windows[:, :-1], windows[:, 1:]

    return make, count - 1
