"""Several modes side by side, on the same draws of labels.

Writes metrics.json, curves.png, model.keras and saved_model/ (of the mode that is best on the
validation images) to --out.

Measured, digits, test accuracy over 5 seeds: see the table in README.md.
"""

import time
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.progress import Progress

import wszoo
from wszoo import pictures, report
from wszoo.command_line import options as option
from wszoo.data import Source
from wszoo.exporting.saved_model.write import saved_model
from wszoo.files import write_json
from wszoo.recipes.finetune import Finetune
from wszoo.recipes.finetune.choosing import source_for
from wszoo.transferring import backbones
from wszoo.transferring.rivals import Rivals
from wszoo.transferring.ways import WAYS

POINTS = 4  # of a training, at which validation is scored


def compare(options: Finetune) -> None:
    """Runs all modes on all draws of labels, and keeps the best."""
    names, counts = option.split(options.modes), options.labels_per_class or [5]
    seeds, steps = options.seeds, options.steps
    if options.smoke:
        counts, seeds, steps = counts[:1], min(seeds, 2), 12
    keras.utils.set_random_seed(0)  # dropout, if the backbone has some; draws have their own
    source = source_for(options)
    assert isinstance(source, Source)  # of classes
    backbone, size = options.backbone or "", options.image_size
    rivals = Rivals(
        lambda: backbones.find(backbone, image_size=size).make(source.input_shape),
        source.num_classes,
        steps,
        epochs=0,
        points=min(POINTS, steps),
    )
    started, results = time.perf_counter(), []
    with Progress(transient=True) as progress:
        bar = progress.add_task("training", total=len(names) * len(counts) * seeds)
        for name in names:
            for labels in counts:
                for seed in range(seeds):
                    results.append(row(rivals, source, name, labels, seed))
                    progress.advance(bar)
    seconds, title = time.perf_counter() - started, f"{options.backbone} → {options.data}"
    print(f"{title}: test accuracy, mean ± sd over {seeds} draws ({seconds:.0f} s)")
    Console().print(report.grid(results, row="mode", column="labels/class", value="test"))
    validation = {n: np.mean([r["validation"] for r in results if r["mode"] == n]) for n in names}
    best = max(names, key=validation.__getitem__)
    write(options, results, {"steps": steps, "best": best})
    print(f"best on validation: {best}. Wrote metrics.json and curves.png to {options.out}")
    trained = [name for name in names if name != "pixels"]  # pixels have no backbone to keep
    if trained:
        keep = max(trained, key=validation.__getitem__)
        few = source.subset(max(counts), seed=0).arrays("train")
        model = rivals.classifier(keep, few, setting=WAYS[keep].usual, seed=0)
        wszoo.save(model, options.out / "model.keras")
        saved_model(model, options.out / "saved_model" / "1")
        print(f"and model.keras and saved_model/1: {keep}, {max(counts)} labels a class")


def row(rivals: Rivals, source: Source, name: str, labels: int, seed: int) -> dict[str, object]:
    """Accuracy on validation and test of one mode on one draw of labels, and the curve over
    training steps."""
    started = time.perf_counter()
    few = source.subset(labels, seed=seed)
    train, held = few.arrays("train"), few.arrays("validation")
    trained = rivals.train(name, train, held, setting=WAYS[name].usual, seed=seed)
    scores = {split: trained.accuracy(*few.arrays(split)) for split in ("validation", "test")}
    seconds = round(time.perf_counter() - started, 2)
    about = {"mode": name, "labels/class": labels, "seed": seed, "seconds": seconds}
    return about | scores | {"curve": trained.curve}


def write(options: Finetune, results: list[dict], about: dict[str, object]) -> None:
    """Writes metrics, the times apart from them, and curves."""
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    metrics = {"backbone": options.backbone, "data": options.data, **about, "results": results}
    write_json(out / "metrics.json", report.untimed(metrics))
    draw(out / "curves.png", results)
    kept = ("mode", "labels/class", "seed", "seconds")
    write_json(out / "times.json", [{name: row[name] for name in kept} for row in results])


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
    pictures.curves(path, panels, levels=levels, x="training steps", y="validation accuracy")
