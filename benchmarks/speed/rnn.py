"""A training step of TimeSharedRNN beside Keras' own recurrent layers, in one run.

    python -m benchmarks.speed.rnn --out docs/rnn.md

For each cell and shape: Keras' layer, TimeSharedRNN in one group, unrolled, under plans over time,
and as the untied twin. A row is the median over rounds; the contenders take turns in each round,
so that a slow moment of the machine meets all of them. Writes the table into the page, between its
two marks.
"""

import time
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer
from rich.progress import track

from wszoo.command_line import run
from wszoo.layers import TimeSharedRNN
from wszoo.layers.time_shared_rnn import CELLS

SHAPES = {  # batch, steps, features, units
    "64 × 40 × 40, 64 units": (64, 40, 40, 64),
    "32 × 28 × 28, 128 units": (32, 28, 28, 128),
}
MARKS = ("<!-- rnn:begin -->\n", "<!-- rnn:end -->")


def main(
    out: Annotated[Path | None, typer.Option(help="A page with the marks.")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds; a round times each contender once.")] = 40,
    steps: Annotated[int, typer.Option(help="Training steps of one timing.")] = 5,
) -> None:
    """A training step of TimeSharedRNN beside Keras' own recurrent layers, in one run."""
    lines = [
        "| batch × steps × features | cell | layer | ms a step | ÷ Keras | parameters | "
        "first step, s |",
        "|---|---|---|---|---|---|---|",
    ]
    for title, shape in SHAPES.items():
        for cell in CELLS:
            found = measure(contenders(cell, shape), shape, rounds, steps, f"{title}, {cell}")
            keras_ms = found["Keras"][0]
            for name, (median, parameters, first) in found.items():
                lines.append(
                    f"| {title} | {cell} | {name} | {median:.2f} | {median / keras_ms:.2f} | "
                    f"{parameters:,} | {first:.1f} |"
                )
    table = "\n".join(lines)
    print(table)
    if out is not None:
        before, _, rest = out.read_text().partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        out.write_text(f"{before}{MARKS[0]}{table}\n{MARKS[1]}{after}")


def contenders(cell: str, shape: tuple[int, int, int, int]) -> dict[str, keras.layers.Layer]:
    _, steps, _, units = shape
    return {
        "Keras": CELLS[cell](units),
        "Keras, unroll": CELLS[cell](units, unroll=True),
        "one group": TimeSharedRNN(units, cell=cell),
        "one group, unroll": TimeSharedRNN(units, cell=cell, unroll=True),
        "sequence of 4": TimeSharedRNN(units, cell=cell, steps=4),
        "cycle of 2": TimeSharedRNN(units, cell=cell, steps="AB" * (steps // 2)),
        "a group a step": TimeSharedRNN(units, cell=cell, steps=steps),
    }


def measure(
    layers: dict[str, keras.layers.Layer],
    shape: tuple[int, int, int, int],
    rounds: int,
    steps: int,
    title: str,
) -> dict[str, tuple[float, int, float]]:
    """Name → (median milliseconds a training step, parameters, seconds of the first step)."""
    batch, length, features, _ = shape
    rng = np.random.default_rng(0)
    x = rng.normal(size=(batch, length, features)).astype("float32")
    y = rng.integers(0, 10, batch)
    models, first, times = {}, {}, {name: [] for name in layers}
    for name, layer in layers.items():
        inputs = keras.Input((length, features))
        models[name] = keras.Model(inputs, keras.layers.Dense(10)(layer(inputs)))
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        models[name].compile("adam", loss=loss)
        started = time.perf_counter()
        models[name].train_on_batch(x, y)
        first[name] = time.perf_counter() - started
    for _ in track(range(rounds), title, transient=True):
        for name, model in models.items():
            started = time.perf_counter()
            for _ in range(steps):
                model.train_on_batch(x, y)
            times[name].append(1e3 * (time.perf_counter() - started) / steps)
    return {
        name: (float(np.median(times[name])), layers[name].count_params(), first[name])
        for name in layers
    }


if __name__ == "__main__":
    run(main)
