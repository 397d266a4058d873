"""`tied_ae` learns all images of one class, for each class in turn.

Does its error tell the test images of other classes from its own (one-class AUROC)? Rivals beside
it, scored in the same way: the untied twin, and `distance`, from the mean of the training images.
Writes metrics.json and a picture to --out.

Measured: see the section on anomalies in README.md.
"""

import dataclasses

import numpy as np
from rich.progress import track
from sklearn.metrics import roc_auc_score

from wszoo import pictures
from wszoo.command_line import options as option
from wszoo.data import Source, load
from wszoo.files import write_json
from wszoo.recipes.anomaly import OfImages
from wszoo.recipes.anomaly.autoencoder import PLANS, Autoencoder, show


def main(options: OfImages) -> None:
    """One class is normal, the others are not: AUROC for each class in turn."""
    if options.smoke:
        options = dataclasses.replace(options, steps=2, seeds=1)
    data, out = options.data, options.out
    source = load(data, **option.reading(options), max_per_split=options.max_examples)
    if len(source.input_shape) != 3:
        raise ValueError(f"{data} holds no images; its examples are {source.input_shape}")
    results = one_class(source, options)
    means = over_classes(results)
    show(f"{data}: one-class AUROC, mean over {source.num_classes} classes", means, "score")
    out.mkdir(parents=True, exist_ok=True)
    bars: dict[str, dict[str, list[float]]] = {}
    for r in results:
        bars.setdefault(r["score"], {}).setdefault(r["class"], []).append(r["AUROC"])
    pictures.bars(out / "images.png", bars, y="one-class AUROC", title=data)
    metrics = {"data": data, "steps": options.steps, "means": means, "results": results}
    write_json(out / "metrics.json", metrics)
    print(f"wrote metrics.json and images.png to {out}")


def one_class(source: Source, options: OfImages) -> list[dict]:
    """A row a class, score and seed: its AUROC."""
    (x, y), (x_test, y_test) = source.arrays("train"), source.arrays("test")
    widths = [int(width) for width in option.split(options.widths)]
    config = {"input_shape": source.input_shape, "widths": widths}
    results: list[dict] = []

    def judge(label: str, seed: int, which: int, errors: np.ndarray) -> None:
        error = np.square(errors).reshape(len(errors), -1).mean(axis=1)
        value = float(roc_auc_score(y_test != which, error))
        title = source.class_names[which]
        results.append({"score": label, "class": title, "seed": seed, "AUROC": value})

    trainers = {n: Autoencoder("tied_ae", **config, sharing=plan) for n, plan in PLANS.items()}
    runs = [(label, seed) for label in PLANS for seed in range(options.seeds)]
    for which in track(range(source.num_classes), "classes", transient=True):
        normal = x[y == which][: options.max_per_class]
        judge("distance", 0, which, x_test - normal.mean(axis=0))
        for label, seed in runs:
            restored = trainers[label].run(normal, options.steps, seed)(x_test)
            judge(label, seed, which, restored - x_test)
    return results


def over_classes(results: list[dict]) -> list[dict]:
    """A row a score and seed, its mean over classes: so the spread is that of training."""
    return [
        {"score": label, "seed": seed, "AUROC": float(np.mean(values))}
        for label, seed in dict.fromkeys((r["score"], r["seed"]) for r in results)
        if (values := [r["AUROC"] for r in results if (r["score"], r["seed"]) == (label, seed)])
    ]
