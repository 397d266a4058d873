"""Put a pretrained backbone under a new head, on few labels, beside its rivals.

    python recipes/finetune.py conv_net.omniglot --data digits --labels-per-class 5 --seeds 5

`frozen` is logistic regression on the backbone's features; `finetune` starts from that and trains
everything; `scratch` trains the same network from random values; `pixels` is logistic regression
on the image itself. Trained modes move the images a little; `finetune-plain` and `scratch-plain`
do not. `all` runs the first four side by side on the same draws of labels. Learning rates and
strengths were chosen for each mode by one search over held-out images
(benchmarks/tune_finetune.py). Writes metrics.json, curves.png, model.keras and saved_model/ (of
the mode that is best on the validation images) to --out.

Measured, digits, test accuracy over 5 seeds: see the table in README.md.
"""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

import wszoo
from wszoo import report
from wszoo.cli import run
from wszoo.data import Source, load
from wszoo.export.saved_model import saved_model
from wszoo.sharing.files import written_whole
from wszoo.transfer import heads, probe, tune


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
ALL = "pixels,scratch,frozen,finetune"
HELD = ("validation", "test")


def main(
    backbone: Annotated[str, typer.Argument(help="A model with its tag.")] = "conv_net.omniglot",
    data: Annotated[str, typer.Option(help="A source: a name, .npz, image folder.")] = "digits",
    mode: Annotated[str, typer.Option(help=f"all, or some of {','.join(MODES)}.")] = "all",
    labels_per_class: Annotated[
        list[int] | None, typer.Option(help="Give it several times.")
    ] = None,
    seeds: Annotated[int, typer.Option(help="Draws of the labels.")] = 5,
    steps: Annotated[int, typer.Option(help="Of the trained modes.")] = 120,
    data_dir: Annotated[Path | None, typer.Option(help="Where TFDS keeps data sets.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("runs/finetune"),
    smoke: Annotated[bool, typer.Option(help="A few steps, to see that it runs.")] = False,
) -> None:
    """Put a pretrained backbone under a new head, on few labels, beside its rivals."""
    counts = labels_per_class or [5]
    if smoke:
        counts, seeds, steps = counts[:1], min(seeds, 2), 12
    names = (ALL if mode == "all" else mode).split(",")
    if unknown := [name for name in names if name not in MODES]:
        raise ValueError(f"unknown mode {unknown[0]!r}; valid are all, {', '.join(MODES)}")
    net = wszoo.get(backbone, head=None)
    source = load(data, image_size=net.input_shape[1], data_dir=data_dir)
    if source.input_shape != net.input_shape[1:]:
        raise ValueError(
            f"{backbone} takes images {net.input_shape[1:]}; {data} has {source.input_shape}"
        )
    rivals = Rivals(net, source, steps)

    started, results = time.perf_counter(), []
    with Progress(transient=True) as progress:
        task = progress.add_task("training", total=len(names) * len(counts) * seeds)
        for name in names:
            for labels in counts:
                for seed in range(seeds):
                    results.append(rivals.run(name, labels, seed))
                    progress.advance(task)
    seconds = time.perf_counter() - started

    print(f"{backbone} → {data}: test accuracy, mean ± sd over {seeds} draws ({seconds:.0f} s)")
    table = report.grid(results, row="mode", column="labels/class", value="test")
    Console().print(table)
    validation = {n: np.mean([r["validation"] for r in results if r["mode"] == n]) for n in names}
    best = max(names, key=validation.__getitem__)
    out.mkdir(parents=True, exist_ok=True)
    metrics = {"backbone": backbone, "data": data, "steps": steps, "best": best}
    with written_whole(out / "metrics.json") as part:
        part.write_text(json.dumps(metrics | {"results": results}, indent=1) + "\n")
    draw(out / "curves.png", results)
    print(f"best on validation: {best}. Wrote metrics.json and curves.png to {out}")
    trained = [name for name in names if name != "pixels"]  # pixels have no backbone to keep
    if trained:
        keep = max(trained, key=validation.__getitem__)
        model = rivals.classifier(keep, max(counts), 0)
        wszoo.save(model, out / "model.keras")
        saved_model(model, out / "saved_model" / "1")
        print(f"and model.keras and saved_model/1: {keep}, {max(counts)} labels a class")


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
        x, y = few.arrays("train")
        mode = MODES[name]
        if mode.pretrained:
            self.net.set_weights(self.pretrained)
            x = probe.features(self.net, x)
        classes = self.source.num_classes
        return probe.fit_probe(flat(x), y, classes=classes, strength=mode.strength)

    def train(self, name: str, few: Source, seed: int) -> list:
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


def flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


def draw(path: Path, results: list[dict]) -> None:
    """Validation accuracy over steps of the trained modes; the closed forms as levels."""
    panels: dict = {}
    levels: dict = {}
    for row in results:
        title = f"{row['labels/class']} labels a class"
        home = panels if row["curve"] else levels
        value = row["curve"] or row["validation"]
        home.setdefault(title, {}).setdefault(row["mode"], []).append(value)
        panels.setdefault(title, {})
    report.curves(path, panels, levels=levels, x="training steps", y="validation accuracy")


if __name__ == "__main__":
    run(main)
