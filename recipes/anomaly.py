"""Find what is not normal with an autoencoder whose decoder reuses the encoder's kernels.

    python recipes/anomaly.py series nyc_taxi --manual-dir RAW
    python recipes/anomaly.py series pump.csv --train-share 0.5
    python recipes/anomaly.py series pumps.csv --where sensor=a
    python recipes/anomaly.py images --data digits --seeds 5

`series` trains `tied_seq_ae` on the windows of the first part of a series (labelled anomalies left
out) and scores every point by the mean squared error of the windows that hold it. The series is one
of NAB, or a CSV file with the columns timestamp and value. `images` trains `tied_ae` on all
images of one class, for each class in turn, and asks whether the error tells the test images of
other classes from its own (one-class AUROC). Rivals beside them, scored in the same way: the
untied twin, and `distance`, from the mean of the training data. Writes metrics.json and a picture
to --out.

Measured: see the section on anomalies in README.md.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from sklearn.metrics import roc_auc_score

import wszoo
from wszoo import report
from wszoo.command_line import run
from wszoo.command_line.options import (
    ANY,
    Data,
    DataDir,
    ManualDir,
    Smoke,
    argument,
    folder,
    number,
    numbers,
    text,
    whole,
)
from wszoo.data import load, nab
from wszoo.data.formats.csv_file import is_table_file
from wszoo.files import write_json

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__)
PLANS = {"tied": None, "untied": "untied"}  # a model's name in the tables → its plan
Seeds = Annotated[int, whole("Trainings of each model.")]


@app.command()
def series(
    name: Annotated[str, argument(text("A series of NAB, or a .csv file."))] = "nyc_taxi",
    train_share: Annotated[float, number("Part to learn from.", above=0, below=1)] = 0.4,
    steps: Annotated[int, whole("Training steps, 64 windows each.")] = 1000,
    top: Annotated[int, whole("How many peaks of the score to print.")] = 5,
    seeds: Seeds = 3,
    where: Annotated[
        list[str] | None,
        text("COLUMN=VALUE: one of several series in a file; all: they are one."),
    ] = None,
    time_format: Annotated[
        str | None, text("Of time stamps that are not ISO 8601, as strptime has it.")
    ] = None,
    manual_dir: ManualDir = None,
    out: Annotated[Path, folder("Folder of the results.")] = Path("runs/anomaly"),
    smoke: Smoke = False,
) -> None:
    """Score every point of a time series."""
    if smoke:
        steps, seeds = 5, 1
    if is_table_file(Path(name)):
        one = nab.read_csv(name, where=chosen(where), format=time_format)
    else:
        one = nab.series(name, manual_dir=manual_dir)
    known = int(train_share * len(one.values))
    z = nab.standardise(one.values, until=known)
    learnt = nab.windows(z[:known])
    normal = learnt[~nab.windows(one.anomalous[:known]).any(axis=(1, 2))]
    if not len(normal):
        raise ValueError(f"{name}: no window of its first {train_share:.0%} is free of anomalies")
    every = np.ascontiguousarray(nab.windows(z))
    scores = {"distance": [point_scores(every)]}
    for label, plan in PLANS.items():
        trainer = Trainer("tied_seq_ae", sharing=plan)
        for seed in track(range(seeds), f"training, {label}", transient=True):
            errors = trainer.run(normal, steps, seed)(every) - every
            scores.setdefault(label, []).append(point_scores(errors))
    metrics: dict[str, Any] = {"series": one.name, "points": len(z), "trained on": known}
    truth = one.anomalous[known:]
    if truth.any() and not truth.all():
        results = [
            {"score": label, "seed": seed, "AUROC": float(roc_auc_score(truth, run[known:]))}
            for label, runs in scores.items()
            for seed, run in enumerate(runs)
        ]
        show(f"{one.name}: AUROC of the {len(truth)} points after training", results, "score")
        metrics["results"] = results
    mean = np.mean(scores["tied"], axis=0)
    metrics["peaks"] = peaks(one, mean, known, top)
    for peak in metrics["peaks"]:
        print(f"  {peak['timestamp']}  score {peak['score']:.3g}  {peak['label']}")
    out.mkdir(parents=True, exist_ok=True)
    report.timeline(
        out / "series.png",
        one.timestamps.astype("datetime64[us]").astype(object),
        {"value": one.values, "score, tied": mean, "distance": scores["distance"][0]},
        marked=[(first.astype(object), last.astype(object)) for first, last in one.anomalies],
        until=one.timestamps[known].astype("datetime64[us]").astype(object),
        title=one.name,
    )
    write(out, metrics)
    print(f"wrote metrics.json and series.png to {out}")


@app.command()
def images(
    data: Data = "digits",
    widths: Annotated[
        str, numbers("Of the encoder, by commas.", kind=int, least=1, most=4096)
    ] = "32,8",
    steps: Annotated[int, whole("Training steps, 64 images each.")] = 500,
    seeds: Seeds = 5,
    max_per_class: Annotated[int, whole("Training images of a class.", most=ANY)] = 1000,
    max_examples: Annotated[int, whole("Most examples a split.", most=ANY)] = 10000,
    data_dir: DataDir = None,
    out: Annotated[Path, folder("Folder of the results.")] = Path("runs/anomaly_images"),
    smoke: Smoke = False,
) -> None:
    """One class is normal, the others are not: AUROC for each class in turn."""
    if smoke:
        steps, seeds = 2, 1
    source = load(data, data_dir=data_dir, max_per_split=max_examples)
    if len(source.input_shape) != 3:
        raise ValueError(f"{data} holds no images; its examples are {source.input_shape}")
    x, y = source.arrays("train")
    x_test, y_test = source.arrays("test")
    config = {"input_shape": source.input_shape, "widths": [int(w) for w in widths.split(",")]}
    results: list[dict] = []

    def judge(label: str, seed: int, which: int, errors: np.ndarray) -> None:
        error = np.square(errors).reshape(len(errors), -1).mean(axis=1)
        value = float(roc_auc_score(y_test != which, error))
        title = source.class_names[which]
        results.append({"score": label, "class": title, "seed": seed, "AUROC": value})

    trainers = {label: Trainer("tied_ae", **config, sharing=plan) for label, plan in PLANS.items()}
    runs = [(label, seed) for label in PLANS for seed in range(seeds)]
    for which in track(range(source.num_classes), "classes", transient=True):
        normal = x[y == which][:max_per_class]
        judge("distance", 0, which, x_test - normal.mean(axis=0))
        for label, seed in runs:
            judge(label, seed, which, trainers[label].run(normal, steps, seed)(x_test) - x_test)
    # A seed's score is its mean over classes: the spread is that of training, not of the classes.
    means = [
        {"score": label, "seed": seed, "AUROC": float(np.mean(values))}
        for label, seed in dict.fromkeys((r["score"], r["seed"]) for r in results)
        if (values := [r["AUROC"] for r in results if (r["score"], r["seed"]) == (label, seed)])
    ]
    show(f"{data}: one-class AUROC, mean over {source.num_classes} classes", means, "score")
    out.mkdir(parents=True, exist_ok=True)
    bars: dict[str, dict[str, list[float]]] = {}
    for r in results:
        bars.setdefault(r["score"], {}).setdefault(r["class"], []).append(r["AUROC"])
    report.bars(out / "images.png", bars, y="one-class AUROC", title=data)
    write(out, {"data": data, "steps": steps, "means": means, "results": results})
    print(f"wrote metrics.json and images.png to {out}")


def chosen(where: list[str] | None) -> dict[str, str] | None:
    """Column → value of texts COLUMN=VALUE, nothing for `all`. Raises `ValueError` for another."""
    if where in (None, [], ["all"]):
        return {} if where else None
    if wrong := [text for text in where or () if "=" not in text]:
        raise ValueError(f"--where is COLUMN=VALUE, such as sensor=a, or all; not {wrong[0]!r}")
    return dict(text.split("=", 1) for text in where or ())


class Trainer:
    """Trains one autoencoder again and again from fresh weights, without tracing it anew."""

    def __init__(self, name: str, **config: Any):
        self.name, self.config = name, config
        keras.utils.set_random_seed(0)
        self.net = wszoo.get(name, **config)
        optimizer = keras.optimizers.Adam(2e-3)
        self.net.compile(optimizer, loss="mse")
        optimizer.build(self.net.trainable_variables)
        self.start = [keras.ops.convert_to_numpy(v) for v in optimizer.variables]

    def run(self, x: np.ndarray, steps: int, seed: int) -> Callable[[np.ndarray], np.ndarray]:
        """The function that gives inputs back, learnt from x with 64 examples a step."""
        keras.utils.set_random_seed(seed)
        self.net.set_weights(wszoo.get(self.name, **self.config).get_weights())
        for variable, value in zip(self.net.optimizer.variables, self.start, strict=True):
            variable.assign(value)
        rows = np.random.default_rng(seed).integers(0, len(x), steps * 64)
        self.net.fit(x[rows], x[rows], batch_size=64, shuffle=False, verbose=0)
        return lambda inputs: np.asarray(self.net.predict(inputs, batch_size=512, verbose=0))


def point_scores(errors: np.ndarray) -> np.ndarray:
    """A score a point: the mean squared error of the windows (count, steps, 1) that hold it."""
    of_window = np.square(errors).mean(axis=(1, 2))
    same = np.broadcast_to(of_window[:, None], errors.shape[:2])
    return nab.point_scores(same, len(errors) + errors.shape[1] - 1)


def peaks(one: nab.Series, score: np.ndarray, first: int, count: int) -> list[dict]:
    """The highest points after `first`, a window's length apart, and whether they are labelled."""
    left, found, labelled = score.copy(), [], one.anomalous
    left[:first] = -np.inf
    for _ in range(count):
        best = int(left.argmax())
        if not np.isfinite(left[best]):
            break
        known = ("labelled" if labelled[best] else "not labelled") if one.anomalies else ""
        stamp = str(one.timestamps[best])
        found.append({"timestamp": stamp, "score": float(score[best]), "label": known})
        left[max(0, best - nab.STEPS) : best + nab.STEPS] = -np.inf
    return found


def show(title: str, results: list[dict], row: str) -> None:
    print(title)
    rows = [r | {"": "AUROC, mean ± sd"} for r in results]
    Console().print(report.grid(rows, row=row, column="", value="AUROC"))


def write(out: Path, metrics: dict) -> None:
    write_json(out / "metrics.json", metrics)


if __name__ == "__main__":
    run(app)
