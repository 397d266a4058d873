"""Training steps of local layers: ours, a convolution, and Keras 2's three implementations.

    pip install tf_keras        # in the test extra
    python -m benchmarks.speed.local

Two layers with 3 × 3 kernels and ReLU, a pooled head and SGD; batches of 128 on the CPU, each
step one `train_step` in a `tf.function`. The contestants take turns in one process, so that other
load falls on all alike; a figure is the median, with the least in brackets. Slow ones take fewer
turns, at least four. Keras 2's implementations 2 and 3 come after the others of a shape: memory as
large as they take and give back slows what runs between. They are left out where their kernels
would take more than `--max-gib`. `products alone`: the local layers' products of patches, kernels
and gradients, on tensors that are there, to show what the rest of a step takes. Writes
docs/local.md.
"""

import argparse
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import keras
import numpy as np
import tensorflow as tf
import tf_keras

from wszoo import layers

REPO = Path(__file__).resolve().parents[2]
BATCH = 128
# (rows, columns, channels), filters of both layers
SHAPES = [
    ((28, 28, 1), 16),
    ((16, 16, 8), 16),
    ((32, 32, 3), 8),
    ((12, 12, 16), 32),
    ((24, 24, 4), 16),
]
PRODUCTS = "products alone"
OURS = {
    "`Conv2D`": lambda filters, _: keras.layers.Conv2D(filters, 3, activation="relu"),
    "tiles=(1, 1)": lambda filters, _: local(filters, 1),
    "tiles=(2, 2)": lambda filters, _: local(filters, 2),
    "tiles: half of the positions a side": lambda filters, positions: local(
        filters, positions // 2
    ),
    "low rank, 4 kernels": lambda filters, _: layers.LowRankLocallyConnected2D(
        filters, 3, rank=4, activation="relu"
    ),
    "local (tiles=None)": lambda filters, _: local(filters, None),
}


def local(filters: int, tiles: int | None) -> keras.layers.Layer:
    return layers.LocallyConnected2D(filters, 3, activation="relu", tiles=tiles)


def network(library, make: Callable, shape: tuple, filters: int):
    x = inputs = library.Input(shape)
    for nth in range(2):
        x = make(filters, shape[0] - 2 * (nth + 1))(x)
    x = library.layers.Dense(10)(library.layers.GlobalAveragePooling2D()(x))
    model = library.Model(inputs, x)
    loss = library.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer="sgd", loss=loss)
    return model


def contestants(shape: tuple, filters: int) -> dict[str, Callable]:
    """name → a function that trains one step."""
    models = {name: network(keras, make, shape, filters) for name, make in OURS.items()}
    steps = training(shape, models | keras_2(shape, filters, (1,)))
    return steps | {PRODUCTS: products(shape, filters)}


def heavy(shape: tuple, filters: int, max_gib: float) -> dict[str, Callable]:
    """The same of Keras 2's layers that hold dense kernels, or sparse ones as large."""
    fit = dense_gib(shape, filters) <= max_gib
    return training(shape, keras_2(shape, filters, (2, 3))) if fit else {}


def keras_2(shape: tuple, filters: int, numbers: tuple[int, ...]) -> dict:
    def make(width: int, number: int):
        layer = tf_keras.layers.LocallyConnected2D
        return layer(width, 3, activation="relu", implementation=number)

    return {
        f"Keras 2, implementation {number}": network(
            tf_keras, lambda width, _, number=number: make(width, number), shape, filters
        )
        for number in numbers
    }


def training(shape: tuple, models: dict) -> dict[str, Callable]:
    x = tf.constant(np.random.default_rng(0).random((BATCH, *shape), "float32"))
    y = tf.constant(np.arange(BATCH) % 10)
    return {name: tf.function(lambda m=m: m.train_step((x, y))) for name, m in models.items()}


def products(shape: tuple, filters: int) -> Callable:
    """The five products of a step: of each layer, by each kernel, and by the second's patches."""
    rng, given = np.random.default_rng(0), []
    for nth, channels in enumerate((shape[-1], filters)):
        positions = (shape[0] - 2 * (nth + 1)) * (shape[1] - 2 * (nth + 1))
        for matrix in ((9 * channels, BATCH), (9 * channels, filters), (filters, BATCH)):
            given.append(tf.constant(rng.random((positions, *matrix), "float32")))

    @tf.function
    def multiply(*given):
        found = [tf.matmul(given[4], given[5])]
        for patches, kernel, by_output in (given[:3], given[3:]):
            found.append(tf.matmul(kernel, patches, transpose_a=True))
            found.append(tf.matmul(patches, by_output, transpose_b=True))
        return found

    return lambda: multiply(*given)


def dense_gib(shape: tuple, filters: int) -> float:
    """The second layer's kernel as a dense matrix (implementation 2), in GiB."""
    inputs = (shape[0] - 2) * (shape[1] - 2) * filters
    return 4 * inputs * (shape[0] - 4) * (shape[1] - 4) * filters / 2**30


def measure(steps: dict[str, Callable], seconds: float) -> dict[str, np.ndarray]:
    """Seconds of single steps, the contestants in turn, for about `seconds` each."""
    for step in steps.values():
        for _ in range(2):
            step()
    taken: dict[str, list[float]] = {name: [] for name in steps}
    rounds = 0
    while steps and (rounds < 4 or (rounds < 30 and min(map(sum, taken.values())) < seconds)):
        rounds += 1
        for name, step in steps.items():
            if sum(taken[name]) > 2 * seconds and len(taken[name]) >= 4:
                continue
            start = time.perf_counter()
            step()
            taken[name].append(time.perf_counter() - start)
    return {name: np.array(times) for name, times in taken.items()}


def idle(seconds: float = 1.0) -> float:
    """The share of all cores' time that nothing uses now (Linux)."""

    def read() -> np.ndarray:
        return np.array(Path("/proc/stat").read_text().splitlines()[0].split()[1:9], float)

    before = read()
    time.sleep(seconds)
    spent = read() - before
    return float(spent[3] / spent.sum())


def section(shape: tuple, filters: int, times: dict[str, np.ndarray]) -> str:
    conv = np.median(times["`Conv2D`"])
    rivals = {n: np.median(t) for n, t in times.items() if n.startswith("Keras 2")}
    best = min(rivals, key=lambda name: rivals[name])
    ours = times["local (tiles=None)"]
    ratio, least = rivals[best] / np.median(ours), times[best].min() / ours.min()
    lines = [
        f"## {' × '.join(map(str, shape))} → {filters} → {filters}\n",
        "| layers | step, ms | × `Conv2D` |\n|---|---|---|",
    ]
    for name, each in times.items():
        median = np.median(each)
        cell = f"{1e3 * median:.1f} ({1e3 * each.min():.1f})"
        lines.append(f"| {name} | {cell} | {median / conv:.1f} |")
    lines.append(
        f"\nThe local layers train {ratio:.1f} times as fast as {best}, the fastest\nof Keras 2 "
        f"({least:.1f} by the least times); the products alone would be "
        f"{rivals[best] / np.median(times[PRODUCTS]):.1f} times as fast.\n"
    )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="per contestant, about")
    parser.add_argument("--max-gib", type=float, default=1.0, help="of a Keras 2 kernel")
    parser.add_argument("--out", type=Path, default=REPO / "docs" / "local.md")
    options = parser.parse_args()
    versions = ", ".join(
        f"{name} {library.__version__}"
        for name, library in (("TensorFlow", tf), ("Keras", keras), ("tf_keras", tf_keras))
    )
    command = shlex.join(["python", "benchmarks/speed/local.py", *sys.argv[1:]])
    page = [
        "# Local layers: time of a training step\n",
        f"Made by `{command}`: two layers with 3 × 3 kernels and ReLU, batches of "
        f"{BATCH}, SGD.\nMedian milliseconds of a step, the least in brackets. All in one run, in "
        "turn (implementations 2\nand 3 after the others of a shape); `products alone` are the "
        "local layers' products of patches,\nkernels and gradients, without the rest of a step. "
        f"{os.cpu_count()} CPU cores ({platform.machine()}), {100 * idle():.0f} % idle in the\n"
        f"second before it began; {versions}.\n",
    ]
    for shape, filters in SHAPES:
        times = measure(contestants(shape, filters), options.seconds)
        times |= measure(heavy(shape, filters, options.max_gib), options.seconds)
        page.append(section(shape, filters, times))
        print(page[-1], flush=True)
    options.out.write_text("\n".join(page))


if __name__ == "__main__":
    main()
