"""Accuracy over labels a class: scratch against ways to use a pretrained backbone.

    python recipes/label_curve.py conv_net.omniglot --data digits

`pixels` is logistic regression on the image; `scratch` trains the backbone's network from random
values; `probe` is logistic regression on the backbone's features; `frozen` trains the head on
features of moved images; `finetune` starts from the probe and trains everything, `lora` low-rank
adapters and the head. Every way chooses its learning rate or strength by the same search, at each
number of labels in --tune-at (others take that of the nearest): --tune-seeds draws of labels of
their own, scored on validation and training images that were not drawn, three values and on from
there while the best stands at the edge. Test images are scored with the chosen setting alone.
Where a class has too few training images, test images beyond --held become training images.

Writes metrics.json, label_curve.md and label_curve.png to --out, and each finished training to
--trainings: a run that is killed goes on when the same command is given again.

Measured: see docs/label_curve/.
"""

import dataclasses
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
from rich.progress import Progress

import wszoo
from wszoo import checksums, claims, pictures, report
from wszoo.command_line import run
from wszoo.command_line.options import (
    ANY,
    Data,
    DataDir,
    Smoke,
    argument,
    folder,
    numbers,
    split,
    text,
    whole,
    words,
)
from wszoo.comparison import paired
from wszoo.data import Source, load
from wszoo.data.splitting import first_stratified
from wszoo.files import write_json, write_text
from wszoo.transferring.rivals import WAYS, Rivals

FACTOR, FURTHER = 3.0, 2  # the search goes on in such steps, so many times at most
REFERENCE = "scratch"


def main(
    backbone: Annotated[str, argument(text("A model with its tag."))] = "conv_net.omniglot",
    data: Data = "digits",
    labels: Annotated[
        str, numbers("Labels a class, by commas.", kind=int, least=1)
    ] = "1,2,5,10,20,100",
    ways: Annotated[str, words("By commas.", valid=WAYS)] = ",".join(WAYS),
    seeds: Annotated[int, whole("Draws of labels that are scored.")] = 5,
    tune_seeds: Annotated[int, whole("Draws of the search.")] = 2,
    tune_at: Annotated[str, numbers("Labels a class of the search.", kind=int, least=1)] = "2,20",
    steps: Annotated[int, whole("Training steps; ten epochs at least.")] = 120,
    held: Annotated[int, whole("Images that are scored, of each split.", most=ANY)] = 1000,
    data_dir: DataDir = None,
    out: Annotated[Path, folder("Folder of the results.")] = Path("runs/label_curve"),
    trainings: Annotated[Path | None, folder("By default in --out.")] = None,
    smoke: Smoke = False,
) -> None:
    """Accuracy over labels a class: scratch against ways to use a pretrained backbone."""
    counts, tuned_at = ([int(n) for n in split(listed)] for listed in (labels, tune_at))
    names = split(ways)
    if smoke:
        counts, tuned_at, seeds, tune_seeds, steps, held = counts[:2], [1], 2, 1, 4, 50
    size = wszoo.get(backbone, head=None).input_shape[1]
    source = enough(load(data, image_size=size, data_dir=data_dir), max(counts + tuned_at), held)
    folder = trainings or out / "trainings"
    rivals = Rivals(
        lambda: wszoo.get(backbone, head=None), source.num_classes, steps, folder / "features"
    )
    settings = {"backbone": backbone, "data": data, "steps": steps, "held": held}
    about = settings | {"seeds": seeds, "tune_seeds": tune_seeds, "tune_at": tuned_at}
    curve = Curve(rivals, source, folder, held, tune_seeds, tuned_at)
    decides = settings | {"network": rivals.net, "examples": source, "ways": WAYS}
    with claims.claimed(folder, decides, "a label curve"), Progress(transient=True) as progress:
        bar = progress.add_task("trainings", total=len(counts) * len(names))
        results = []
        for count in counts:
            for name in names:
                results += curve.point(name, count, seeds)
                progress.advance(bar)
                write(out, about, results)
    print((out / "label_curve.md").read_text())


class Curve:
    """Points of the curve; each training is a file, so none is run twice."""

    def __init__(
        self,
        rivals: Rivals,
        source: Source,
        folder: Path,
        held: int,
        tune_seeds: int,
        tuned_at: list[int],
    ):
        self.rivals, self.source, self.folder = rivals, source, folder
        self.held, self.tune_seeds, self.tuned_at = held, tune_seeds, tuned_at
        x, y = source.arrays("test")
        rows = first_stratified(y, held)
        self.test = x[rows], y[rows]

    def point(self, name: str, count: int, seeds: int) -> list[dict]:
        nearest = min(self.tuned_at, key=lambda n: abs(math.log(n / count)))
        setting, tried = self.search(name, nearest)
        edge = setting in (min(tried), max(tried)) and len(tried) > 1
        about = {"way": name, "labels": count, "setting": setting, "edge": edge}
        scores = [self.run("test", name, count, setting, seed) for seed in range(seeds)]
        return [about | {"seed": seed, "test": score} for seed, score in enumerate(scores)]

    def search(self, name: str, count: int) -> tuple[float, dict[float, float]]:
        """The best setting on images that were not drawn, and the mean accuracy of each tried."""
        draws = range(100, 100 + self.tune_seeds)
        tried: dict[float, float] = {}
        low, middle, high = WAYS[name].settings
        todo = [middle, low, high]  # the first of equals counts
        for _ in range(FURTHER + 1):
            for setting in todo:
                scores = [self.run("search", name, count, setting, seed) for seed in draws]
                tried[setting] = float(np.mean(scores))
            best = max(tried, key=tried.__getitem__)
            todo = [max(tried) * FACTOR] if best == max(tried) else []
            todo = [min(tried) / FACTOR] if best == min(tried) else todo
            if not todo:
                break
        return best, tried

    def run(self, kind: str, name: str, count: int, setting: float, seed: int) -> float:
        """Accuracy of one training, on the test images or on those of the search."""
        path = self.folder / f"{kind}_{name}_{count}_{setting:.3g}_{seed}.json"
        if not path.is_file():
            started = time.perf_counter()
            few = self.source.subset(count, seed=seed)
            held = self.test if kind == "test" else self.unseen(few)
            score = self.rivals.accuracy(
                name, few.arrays("train"), held, setting=setting, seed=seed
            )
            seconds = round(time.perf_counter() - started, 2)
            checksums.write_json(path, {"accuracy": score, "seconds": seconds})
        return checksums.read_json(path)["accuracy"]

    def unseen(self, few: Source) -> tuple[np.ndarray, np.ndarray]:
        """Validation images, and training images that were not drawn, as many as `held` at most."""
        taken = {row.tobytes() for row in few.arrays("train")[0]}
        x, y = self.source.arrays("train")
        rows = first_stratified(y, self.held + len(taken))
        rows = np.array([i for i in rows if x[i].tobytes() not in taken], int)
        more, labels = few.arrays("validation")
        x, y = np.concatenate([more, x[rows]]), np.concatenate([labels, y[rows]])
        kept = first_stratified(y, self.held)
        return x[kept], y[kept]


def enough(source: Source, most: int, held: int) -> Source:
    """The source, with test images beyond `held` as training images where classes have too few."""
    x, y = source.arrays("train")
    if np.bincount(y, minlength=source.num_classes).min() >= most:
        return source
    test, labels = source.arrays("test")
    kept = np.zeros(len(labels), bool)
    kept[first_stratified(labels, held)] = True
    train = np.concatenate([x, test[~kept]]), np.concatenate([y, labels[~kept]])
    splits = {**source.splits, "train": train, "test": (test[kept], labels[kept])}
    return dataclasses.replace(source, splits=splits)


def write(out: Path, about: dict, results: list[dict]) -> None:
    """What has been run so far, as metrics, page and picture."""
    write_json(out / "metrics.json", about | {"results": results})
    write_text(out / "label_curve.md", page(about, results))
    panels: dict = {}
    title = f"{about['backbone']} → {about['data']}"
    for name in dict.fromkeys(r["way"] for r in results):
        mine = [r for r in results if r["way"] == name]
        panels[name] = [
            [(r["labels"], r["test"]) for r in mine if r["seed"] == seed]
            for seed in range(about["seeds"])
        ]
    axes = {"x": "labels a class", "y": "test accuracy", "scale": "log"}
    pictures.curves(out / "label_curve.png", {title: panels}, levels={}, **axes)


def page(about: dict, results: list[dict]) -> str:
    names = list(dict.fromkeys(r["way"] for r in results))
    counts = list(dict.fromkeys(r["labels"] for r in results))
    head = f"# {about['backbone']} → {about['data']}: accuracy over labels a class"
    note = (
        f"Test accuracy, mean ± standard deviation over {about['seeds']} draws of labels. (*) the "
        "best learning rate or strength stood at the edge of those tried."
    )

    def scores(name: str, count: int) -> list[dict]:
        return [r for r in results if r["way"] == name and r["labels"] == count]

    def cell(name: str, count: int) -> str:
        if not (found := scores(name, count)):
            return ""
        mean, sd = report.mean_sd([r["test"] for r in found])
        return f"{mean:.3f} ± {sd:.3f}" + ("*" if found[0]["edge"] else "")

    def difference(name: str, count: int) -> str:
        mine, other = ([r["test"] for r in scores(n, count)] for n in (name, REFERENCE))
        if not mine or len(mine) != len(other) or len(mine) < 2:
            return ""
        found = paired(mine, other)
        return f"{100 * found.mean:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}] " + (
            found.verdict(higher_is_better=True)
        )

    rivals = [name for name in names if name != REFERENCE]
    parts = [head, table("labels a class", names, counts, cell), note]
    if REFERENCE in names:
        parts += [
            f"Difference from {REFERENCE} on the same draws, in points, with its 95 % t-interval:",
            table("labels a class", rivals, counts, difference),
        ]
    return "\n\n".join([*parts, "![accuracy over labels a class](label_curve.png)"]) + "\n"


def table(corner: str, names: list, counts: list, cell: Callable[[str, int], str]) -> str:
    lines = [f"| {corner} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {n} | {' | '.join(cell(name, n) for name in names)} |" for n in counts]
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
