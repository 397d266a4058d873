"""The studies behind docs/claims.md: what is trained on what. Every generator is seeded.

A study is a function of the folders of data that gives a `Setup`: arms, source, conditions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.claims.tasks import (
    STEPS,
    latch,
    moved_images,
    parity,
    recurrent,
    sequences,
    without_strides,
)
from wszoo.comparison import Arm, Conditions
from wszoo.comparison.arms import registered
from wszoo.comparison.trials import Extra
from wszoo.data import Source, load
from wszoo.data.arrays import from_arrays
from wszoo.data.splitting import stratified_order
from wszoo.transferring.training.repeated import outputs

SHORT, LONG = (2, 10), (15, 20)  # steps of sequences to learn from, and to be tested on


@dataclass
class Setup:
    arms: Sequence[Arm]
    source: Source
    conditions: Conditions
    samples: Sequence[int]
    seeds: int = 5
    extra: Extra | None = None


Study = Callable[[Path | None], Setup]


# -- autoencoders -----------------------------------------------------------------------------


def autoencoder(_: Path | None, *, noise: float = 0.0) -> Setup:
    x, y = whole_digits()
    order = stratified_order(y)
    train, held, test = np.split(order, (1300, 1447))
    source = from_arrays(
        x[train],
        y[train],
        name="digits",
        validation_data=(x[held], y[held]),
        test_data=(x[test], y[test]),
    )
    arms, task = registered(
        "tied_ae", source, variants=["tied=default", "untied=untied"], settings={"widths": [32, 8]}
    )
    rates = (3e-3, 1e-2, 3e-2)
    conditions = Conditions(task, steps=2000, noise=noise, rates=rates)
    return Setup(arms, source, conditions, (50, 200, 1300), seeds=8)


def whole_digits() -> tuple[np.ndarray, np.ndarray]:
    splits = [load("digits").arrays(name) for name in ("train", "validation", "test")]
    x, y = (np.concatenate(part) for part in zip(*splits, strict=True))
    return x, y


# -- positions --------------------------------------------------------------------------------


def positions(_: Path | None, *, move_training: bool = False) -> Setup:
    source = load("digits", image_size=14)
    moved = replace(source, splits={k: moved_images(*v) for k, v in source.splits.items()})
    arms, task = registered(
        "tiled_net",
        source,
        variants=[
            'dense={"model": "dense_net", "widths": [64, 32]}',
            'local={"model": "local_net", "filters": [8, 16], "kernel_size": 3}',
            'tiled={"tiles": 2, "filters": [8, 16], "kernel_size": 3}',
            'conv={"tiles": 1, "filters": [8, 16], "kernel_size": 3}',
            'conv + pool={"tiles": 1, "pool": true, "filters": [8, 16], "kernel_size": 3}',
        ],
    )
    conditions = Conditions(task, steps=800, points=10, rates=(3e-3, 1e-2, 3e-2), tune_seeds=2)
    return Setup(
        arms,
        moved if move_training else source,
        conditions,
        (50, 200, 797),
        extra=None if move_training else accuracy_on(*moved.arrays("test"), "test_moved"),
    )


def positions_stride_1(_: Path | None, *, padding: str = "valid") -> Setup:
    """The same without strides, which skip positions, for the largest number of samples."""
    source = load("digits", image_size=14)
    arms = stride_1_arms({"padding": padding, "filters": (8, 16)}, pool="mean")
    rates, tune = ((3e-3, 1e-2), 1) if padding == "valid" else ((3e-3, 1e-2, 3e-2), 2)
    conditions = Conditions("classification", steps=800, points=5, rates=rates, tune_seeds=tune)
    moved = moved_images(*source.arrays("test"))
    return Setup(arms, source, conditions, (797,), extra=accuracy_on(*moved, "test_moved"))


def positions_wide(_: Path | None) -> Setup:
    """More filters, no strides and global max pooling; learns from moved images."""
    source = load("digits", image_size=14)
    moved = replace(source, splits={k: moved_images(*v) for k, v in source.splits.items()})
    arms = stride_1_arms({"padding": "circular", "filters": (16, 32)}, pool="max")
    conditions = Conditions("classification", steps=600, points=5, rates=(3e-3, 1e-2), tune_seeds=1)
    return Setup(arms, moved, conditions, (300,))


def stride_1_arms(spec: dict[str, Any], pool: str) -> list[Arm]:
    kinds = {
        "local": {"tiles": None, "pool": None},
        "conv": {"tiles": 1, "pool": None},
        "conv + pool": {"tiles": 1, "pool": pool},
    }
    return [
        Arm(label, partial(without_strides, **kind, **spec), {**kind, **spec})
        for label, kind in kinds.items()
    ]


def accuracy_on(x: np.ndarray, y: np.ndarray, name: str) -> Extra:
    return lambda model: {name: float(np.mean(outputs(model, x).argmax(1) == y))}


# -- time -------------------------------------------------------------------------------------


def time_arms(length: int) -> list[Arm]:
    plans = {"one cell": None, "a cell a step": "untied"}
    return [
        Arm(
            label,
            partial(recurrent, plan, length=length),
            {"model": "GRU, 12 units", "steps": plan or "tied", "length": length},
        )
        for label, plan in plans.items()
    ]


def lengths(_: Path | None, *, task: Callable) -> Setup:
    splits = {"train": task(6000, SHORT, 1), "validation": task(500, SHORT, 2)}
    splits["test"] = task(2000, SHORT, 3)
    source = Source(task.__name__, splits, ("0", "1"), "none needed", "made by benchmarks/claims")
    longer = accuracy_on(*task(2000, LONG, 4), "test_long")
    conditions = Conditions(
        "classification", steps=2000, points=10, rates=(3e-3, 1e-2), tune_seeds=1
    )
    return Setup(time_arms(STEPS), source, conditions, (300, 3000), extra=longer)


def varying_rule(_: Path | None) -> Setup:
    """The class is the sign of the sum of the values, each with the sign that its step has."""
    length = 10
    signs = np.random.default_rng(0).permutation(np.repeat([-1.0, 1.0], length // 2))

    def make(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        values = np.random.default_rng(seed).normal(size=(count, length))
        x = sequences(values, 0 * values, np.full(count, length))
        return x, (values @ signs > 0).astype("int32")

    sizes = {"train": 6000, "validation": 500, "test": 2000}
    splits = {name: make(size, seed) for seed, (name, size) in enumerate(sizes.items(), start=1)}
    source = Source("rule", splits, ("0", "1"), "none needed", "made by benchmarks/claims")
    conditions = Conditions(
        "classification", steps=1000, points=10, rates=(1e-3, 3e-3, 1e-2), tune_seeds=2
    )
    return Setup(time_arms(length), source, conditions, (300, 3000))


# -- depth ------------------------------------------------------------------------------------

DEPTH_PLANS = ("untied", "sandwich", "sequence:2", "cycle:2", "tied")


def depth(_: Path | None) -> Setup:
    source = load("digits")
    arms, task = registered("conv_net", source, plans=DEPTH_PLANS, settings={"width": 24})
    conditions = Conditions(task, steps=600, points=10, rates=(1e-3, 3e-3, 1e-2), tune_seeds=2)
    return Setup(arms, source, conditions, (797,))


def depth_fashion(data_dir: Path | None) -> Setup:
    source = load("fashion_mnist", image_size=14, data_dir=data_dir)
    arms, task = registered("conv_net", source, plans=DEPTH_PLANS, settings={"width": 16})
    conditions = Conditions(task, steps=600, points=5, rates=(3e-3, 1e-2), tune_seeds=1)
    return Setup(arms, source, conditions, (2000,))


STUDIES: dict[str, Study] = {  # smallest first
    "autoencoder": autoencoder,
    "denoising": partial(autoencoder, noise=0.4),
    "positions": positions,
    "positions_moved": partial(positions, move_training=True),
    "positions_stride_1": positions_stride_1,
    "positions_circular": partial(positions_stride_1, padding="circular"),
    "positions_wide": positions_wide,
    "depth": depth,
    "varying_rule": varying_rule,
    "latch": partial(lengths, task=latch),
    "parity": partial(lengths, task=parity),
    "depth_fashion": depth_fashion,
}
