"""`tied_seq_ae` learns the windows of the first part of a series, and scores every point.

Labelled anomalies are left out of what it learns; the score is the mean squared error of the
windows that hold the point. The series is one of NAB, or a CSV file with the columns timestamp and
value. Rivals beside it, scored in the same way: the untied twin, and `distance`, from the mean of
the training data. Writes metrics.json and a picture to --out.

Measured: see the section on anomalies in README.md.
"""

import dataclasses
from pathlib import Path

import numpy as np
from rich.progress import track
from sklearn.metrics import roc_auc_score

from wszoo import pictures
from wszoo.data import nab
from wszoo.data.formats.csv_file import is_table_file
from wszoo.files import write_json
from wszoo.recipes.anomaly import OfSeries
from wszoo.recipes.anomaly.autoencoder import PLANS, Autoencoder, show


def main(options: OfSeries) -> None:
    """Score every point of a time series."""
    if options.smoke:
        options = dataclasses.replace(options, steps=5, seeds=1)
    one = read(options)
    first = int(options.train_share * len(one.values))  # of the points that are judged
    scores = scores_of(one, first, options)
    metrics: dict[str, object] = {"series": one.name, "points": len(one.values)}
    metrics["trained on"] = first
    truth = one.anomalous[first:]
    if truth.any() and not truth.all():
        results = [
            {"score": label, "seed": seed, "AUROC": float(roc_auc_score(truth, run[first:]))}
            for label, runs in scores.items()
            for seed, run in enumerate(runs)
        ]
        show(f"{one.name}: AUROC of the {len(truth)} points after training", results, "score")
        metrics["results"] = results
    mean = np.mean(scores["tied"], axis=0)
    metrics["peaks"] = highest = peaks(one, mean, first, options.top)
    for peak in highest:
        print(f"  {peak['timestamp']}  score {peak['score']:.3g}  {peak['label']}")
    curves = {"value": one.values, "score, tied": mean, "distance": scores["distance"][0]}
    draw(options.out, one, curves, first)
    write_json(options.out / "metrics.json", metrics)
    print(f"wrote metrics.json and series.png to {options.out}")


def read(options: OfSeries) -> nab.Series:
    """The series of that name or file."""
    if is_table_file(Path(options.name)):
        return nab.read_csv(options.name, where=options.rows(), format=options.time_format)
    return nab.series(options.name, manual_dir=options.manual_dir)


def scores_of(one: nab.Series, first: int, options: OfSeries) -> dict[str, list[np.ndarray]]:
    """What scores a point → a score a point, of each training.

    Raises `ValueError` where nothing normal is left to learn from.
    """
    z = nab.standardise(one.values, until=first)
    learnt = nab.windows(z[:first])
    normal = learnt[~nab.windows(one.anomalous[:first]).any(axis=(1, 2))]
    if not len(normal):
        share = f"{options.train_share:.0%}"
        raise ValueError(f"{options.name}: no window of its first {share} is free of anomalies")
    every = np.ascontiguousarray(nab.windows(z))
    scores = {"distance": [point_scores(every)]}
    for label, plan in PLANS.items():
        trainer = Autoencoder("tied_seq_ae", sharing=plan)
        for seed in track(range(options.seeds), f"training, {label}", transient=True):
            errors = trainer.run(normal, options.steps, seed)(every) - every
            scores.setdefault(label, []).append(point_scores(errors))
    return scores


def point_scores(errors: np.ndarray) -> np.ndarray:
    """A score a point: the mean squared error of the windows (count, steps, 1) that hold it."""
    of_window = np.square(errors).mean(axis=(1, 2))
    same = np.broadcast_to(of_window[:, None], errors.shape[:2])
    return nab.point_scores(same, len(errors) + errors.shape[1] - 1)


def peaks(one: nab.Series, score: np.ndarray, first: int, count: int) -> list[dict]:
    """The highest points after `first`, a window's length apart, and whether they are labelled."""
    left, highest, labelled = score.copy(), [], one.anomalous
    left[:first] = -np.inf
    for _ in range(count):
        best = int(left.argmax())
        if not np.isfinite(left[best]):
            break
        known = ("labelled" if labelled[best] else "not labelled") if one.anomalies else ""
        stamp = str(one.timestamps[best])
        highest.append({"timestamp": stamp, "score": float(score[best]), "label": known})
        left[max(0, best - nab.STEPS) : best + nab.STEPS] = -np.inf
    return highest


def draw(out: Path, one: nab.Series, curves: dict[str, np.ndarray], first: int) -> None:
    """Writes the series, its scores and its labelled anomalies as a picture."""
    out.mkdir(parents=True, exist_ok=True)
    pictures.timeline(
        out / "series.png",
        one.timestamps.astype("datetime64[us]").astype(object),
        curves,
        marked=[(begin.astype(object), end.astype(object)) for begin, end in one.anomalies],
        until=one.timestamps[first].astype("datetime64[us]").astype(object),
        title=one.name,
    )
