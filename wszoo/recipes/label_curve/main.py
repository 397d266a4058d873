"""Every way chooses its learning rate or strength by the same search.

It searches at each number of labels in --tune-at (others take that of the nearest): --tune-seeds
draws of labels of their own, scored on validation and training images that were not drawn, three
values and on from there while the best stands at the edge. Test images are scored with the chosen
setting alone. Where a class has too few training images, test images beyond --held become training
images. Writes metrics.json, label_curve.md and label_curve.png to --out, and each finished training
to --trainings.

Measured: see docs/label_curve/.
"""

import dataclasses
import math
import time
from pathlib import Path

import numpy as np
from rich.progress import Progress

import wszoo
from wszoo import checksums, claims
from wszoo.command_line import options as option
from wszoo.data import Source, load
from wszoo.data.source import Pair
from wszoo.data.splitting import first_stratified
from wszoo.recipes.label_curve import LabelCurve
from wszoo.recipes.label_curve.page import write
from wszoo.transferring.rivals import Rivals
from wszoo.transferring.ways import WAYS

FACTOR, FURTHER = 3.0, 2  # the search goes on in such steps, so many times at most


def main(options: LabelCurve) -> None:
    """Accuracy over labels a class: scratch against ways to use a pretrained backbone."""
    counts = [int(count) for count in option.split(options.labels)]
    if options.smoke:
        few = dataclasses.replace(options, seeds=2, tune_seeds=1, tune_at="1", steps=4, held=50)
        options, counts = few, counts[:2]
    tuned_at = [int(count) for count in option.split(options.tune_at)]
    backbone, names = options.backbone, option.split(options.ways)
    places = option.reading(options)
    places["image_size"] = places["image_size"] or wszoo.get(backbone, head=None).input_shape[1]
    source = enough(load(options.data, **places), max(counts + tuned_at), options.held)
    folder = options.trainings or options.out / "trainings"
    rivals = Rivals(
        lambda: wszoo.get(backbone, head=None),
        source.num_classes,
        options.steps,
        folder / "features",
    )
    kept = ("backbone", "data", "steps", "held")
    settings = {name: getattr(options, name) for name in kept}
    about = settings | {"seeds": options.seeds, "tune_seeds": options.tune_seeds}
    about |= {"tune_at": tuned_at}
    curve = Curve(rivals, source, folder, options.held, options.tune_seeds, tuned_at)
    decides = settings | {"network": rivals.net, "examples": source, "ways": WAYS}
    with claims.claimed(folder, decides, "a label curve"), Progress(transient=True) as progress:
        bar = progress.add_task("trainings", total=len(counts) * len(names))
        results = []
        for count in counts:
            for name in names:
                results += curve.point(name, count, options.seeds)
                progress.advance(bar)
                write(options.out, about, results)
    print((options.out / "label_curve.md").read_text())


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
        """A row a seed of one way at one number of labels."""
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

    def unseen(self, few: Source) -> Pair:
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
