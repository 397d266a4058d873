"""Frozen training with the feature cache, and the closed-form probe, against plain Keras.

    python -m benchmarks.transfer.speed --data-dir TFDS

Five arms, each in a process of its own, on the same images: `plain` is what a Keras user writes
(`backbone.trainable = False`, `fit`); `cached` computes the features once, writes them to an empty
folder and trains the head on them; `again` is the same command for the second time; `probe` is the
logistic regression with its regularisation path from images, `probe again` from the cache. For a
model of the zoo also `wszoo.transfer`, which scores validation and test images as well. Seconds
run from images and backbone in memory to a trained head: with tracing, hashing and writing, without
imports and loading. Accuracy is on test images; that of `cached` over five seeds of the head. Peak
memory is the whole process's, with images and libraries.
Writes docs/transfer/metrics.json and docs/transfer.md.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer

import wszoo
from wszoo import report
from wszoo.command_line import run
from wszoo.data import images, load
from wszoo.data.splitting import first_stratified
from wszoo.files import written_whole
from wszoo.tasks import probe
from wszoo.transferring.features import cache
from wszoo.transferring.run import transfer
from wszoo.transferring.training.in_graph import HeadTrainer, order_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
ARMS = ("plain", "cached", "again", "probe", "probe again")
CALLS = ("one call", "one call again")  # of zoo models
BACKBONES = ("conv_net.omniglot", "keras:MobileNetV3Small")
SIZE = 96  # of the images for a model of Keras Applications
BATCH = 32


def main(
    backbone: Annotated[list[str] | None, typer.Option(help="Give it several times.")] = None,
    data: str = "fashion_mnist",
    epochs: int = 20,
    examples: int = 5000,
    repeats: Annotated[int, typer.Option(help="Of all arms but plain; the median counts.")] = 3,
    data_dir: Annotated[Path | None, typer.Option(help="Where TFDS keeps data sets.")] = None,
    folder: Annotated[Path, typer.Option(help="Working files.")] = Path("runs/transfer"),
    docs: Annotated[Path, typer.Option(help="Folder of the page.")] = DOCS,
    note: Annotated[str, typer.Option(help="What else to say of the run.")] = "",
    arm: Annotated[str, typer.Option(help="One arm, in this process.", hidden=True)] = "",
) -> None:
    """Frozen training with the feature cache against plain Keras."""
    names = backbone or list(BACKBONES)
    if arm:
        print(json.dumps(measure(arm, names[0], folder, epochs)))
        return
    path = docs / "transfer" / "metrics.json"
    known = json.loads(path.read_text()) if path.is_file() else {}
    about = {"data": data, "epochs": epochs, "examples": examples, "repeats": repeats}
    about |= {"cores": cores(), "note": note}
    for name in names:
        work = folder / name.replace(":", "_")
        shutil.rmtree(work, ignore_errors=True)
        prepare(name, work, data, examples, data_dir)
        common = ["--backbone", name, "--folder", str(work), "--epochs", str(epochs)]
        known[name] = about | {"arms": {}}
        for each in ARMS + CALLS if "." in name else ARMS:
            known[name]["arms"][each] = run_arm(each, common, work, repeats)
            write(docs, known)
        shutil.rmtree(work)
    print(page(known))


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def write(docs: Path, known: dict[str, Any]) -> None:
    (docs / "transfer").mkdir(parents=True, exist_ok=True)
    with written_whole(docs / "transfer" / "metrics.json") as part:
        part.write_text(json.dumps(known, indent=1) + "\n")
    with written_whole(docs / "transfer.md") as part:
        part.write_text(page(known))


def prepare(name: str, work: Path, data: str, examples: int, data_dir: Path | None) -> None:
    """Writes images and the backbone's weights, the same for all arms."""
    work.mkdir(parents=True)
    source = load(data, data_dir=data_dir)
    arrays = {}
    for split, most in (("train", examples), ("test", 2000)):
        x, y = source.arrays(split)
        rows = first_stratified(y, most)
        arrays[f"x_{split}"] = x[rows] if "." in name else enlarged(x[rows])
        arrays[f"y_{split}"] = y[rows]
    for key, value in arrays.items():
        np.save(work / f"{key}.npy", value)
    if "." not in name:
        keras.utils.set_random_seed(0)
        net = backbone_of(name)
        calibrate(net, arrays["x_train"][:256])
        net.save_weights(work / "net.weights.h5")


def enlarged(x: np.ndarray) -> np.ndarray:
    """Images `(n, rows, columns, 1)` in [0, 1] as `(n, 96, 96, 3)` in [0, 255]."""
    parts = [images.resize(x[i : i + 500], SIZE) for i in range(0, len(x), 500)]
    return np.repeat(np.concatenate(parts), 3, axis=-1) * np.float32(255)


def backbone_of(name: str) -> keras.Model:
    if "." in name:
        return wszoo.get(name, head=None)
    make = getattr(keras.applications, name.partition(":")[2])
    return make(input_shape=(SIZE, SIZE, 3), weights=None, include_top=False, pooling="avg")


def calibrate(net: keras.Model, x: np.ndarray) -> None:
    """Sets the statistics of BatchNormalization to those of a batch: random weights without them
    give features near zero."""
    norms = [n for n in net.layers if isinstance(n, keras.layers.BatchNormalization)]
    momentum = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    net(x, training=True)
    for norm, value in zip(norms, momentum, strict=True):
        norm.momentum = value


def run_arm(arm: str, common: list[str], work: Path, repeats: int) -> dict[str, Any]:
    """An arm's runs, each a process: median seconds, accuracies, largest peak memory."""
    found = []
    for _ in range(1 if arm == "plain" else repeats):
        if arm in ("cached", "probe", "one call"):
            shutil.rmtree(work / "features", ignore_errors=True)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.transfer.speed", "--arm", arm, *common],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{arm}: {done.stderr[-2000:]}")
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(common[1], arm, found[-1], file=sys.stderr, flush=True)
    seconds = [row["seconds"] for row in found]
    memory = max(row["peak_mb"] for row in found)
    middle = float(np.median(seconds))
    accuracy = found[0]["accuracy"]
    return {"seconds": middle, "all_seconds": seconds, "accuracy": accuracy, "peak_mb": memory}


def measure(arm: str, name: str, work: Path, epochs: int) -> dict[str, Any]:
    x, y, x_test, y_test = (
        np.load(work / f"{key}.npy") for key in ("x_train", "y_train", "x_test", "y_test")
    )
    net = backbone_of(name)
    if (work / "net.weights.h5").is_file():
        net.load_weights(work / "net.weights.h5")
    net.trainable = False
    classes = int(y.max()) + 1
    import sklearn.linear_model  # noqa: F401  # as keras, imported before the clock runs

    folder = work / "features"
    started = time.perf_counter()
    if arm == "plain":
        model = plain(net, x, y, classes, epochs)
        seconds = time.perf_counter() - started
        found = [share(model.predict(x_test, batch_size=100, verbose=0), y_test)]
    elif arm in ("cached", "again"):
        top = cached(net, x, y, classes, epochs, folder, 0)
        seconds = time.perf_counter() - started
        rows = cache.features(net, x_test)
        found = [share(top.predict(rows, verbose=0), y_test)]
        if arm == "cached":
            for seed in range(1, 5):
                top = cached(net, x, y, classes, epochs, folder, seed)
                found.append(share(top.predict(rows, verbose=0), y_test))
    elif arm in CALLS:
        held = x_test, y_test
        result = transfer(
            net,
            data=((x, y), held, held),
            epochs=epochs,
            batch_size=BATCH,
            schedule="constant",
            probe_first=False,
            cache=folder,
            verbose=0,
        )
        seconds = time.perf_counter() - started
        found = [share(result.model.predict(x_test, verbose=0), y_test)]
    else:
        rows, linear = probed(net, x, y, classes, folder)
        seconds = time.perf_counter() - started
        found = [probe.accuracy(probe.unit(cache.features(net, x_test)), y_test, linear)]
    return {"seconds": round(seconds, 3), "accuracy": found, "peak_mb": peak_mb()}


def peak_mb() -> int:
    """Of this process. Not by `getrusage` on Linux: there a child takes over its parent's peak."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(x for x in status.read_text().splitlines() if x.startswith("VmHWM"))
        return round(int(line.split()[1]) / 1024)
    unit = 1 if sys.platform != "darwin" else 1024
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 / unit)


def plain(net: keras.Model, x: np.ndarray, y: np.ndarray, classes: int, epochs: int) -> Any:
    """Transfer learning as Keras' guide has it."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input(net.input_shape[1:])
    model = keras.Model(inputs, keras.layers.Dense(classes)(net(inputs, training=False)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(1e-3), loss=loss)
    model.fit(x, y, batch_size=BATCH, epochs=epochs, verbose=0)
    return model


def cached(
    net: keras.Model,
    x: np.ndarray,
    y: np.ndarray,
    classes: int,
    epochs: int,
    folder: Path,
    seed: int,
) -> keras.Model:
    assert cache.why_not(net) is None
    keras.utils.set_random_seed(seed)
    rows = cache.features(net, x, folder=folder)
    top = keras.Sequential([keras.Input(rows.shape[1:]), keras.layers.Dense(classes)])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    top.compile(keras.optimizers.Adam(1e-3), loss=loss, jit_compile=False)
    trainer = HeadTrainer(top, y)
    for epoch in range(epochs):
        trainer.train(rows, order_of(len(y), epoch, BATCH, seed).reshape(-1, BATCH))
    return top


def probed(net: keras.Model, x: np.ndarray, y: np.ndarray, classes: int, folder: Path) -> Any:
    """The path's best, chosen on a tenth of the rows."""
    rows = probe.unit(cache.features(net, x, folder=folder))
    held = np.zeros(len(y), bool)
    held[first_stratified(y, len(y) // 10)] = True
    path = probe.fit_path(rows[~held], y[~held], classes=classes, held=(rows[held], y[held]))
    return rows, path.linear


def share(logits: np.ndarray, y: np.ndarray) -> float:
    return float(np.mean(np.argmax(logits, axis=1) == y))


NOTES = {
    "plain": "`trainable = False`, `fit`",
    "cached": "features computed, kept on disk, head trained",
    "again": "the second run of the same command",
    "probe": "logistic regression with its path, from images",
    "probe again": "the same, from the cache",
    "one call": "`wszoo.transfer(…, cache=folder)`: with validation in every epoch, and a test",
    "one call again": "the same for the second time",
}


def page(known: dict[str, Any]) -> str:
    lines = [
        "# Frozen training with the feature cache, against plain Keras",
        "",
        "Written by `python -m benchmarks.transfer.speed`. Seconds from images and backbone in "
        "memory to "
        "a trained head: with tracing, hashing and writing, without imports and "
        "loading. Each arm is a process of its own; peak memory is the whole process's, with "
        "images and libraries.",
    ]
    for name, found in known.items():
        plain_seconds = found["arms"]["plain"]["seconds"]
        lines += ["", f"## {name}", "", about_run(name, found), ""]
        lines += ["| | seconds | × | test accuracy | peak MB | |", "|---|---|---|---|---|---|"]
        for arm, row in found["arms"].items():
            mean, sd = report.mean_sd(row["accuracy"])
            score = f"{mean:.3f}" + (f" ± {sd:.3f}" if len(row["accuracy"]) > 1 else "")
            ratio = plain_seconds / row["seconds"]
            cells = [arm, f"{row['seconds']:.2f}", f"{ratio:.1f}", score, f"{row['peak_mb']:,}"]
            lines.append(f"| {' | '.join(cells)} | {NOTES[arm]} |")
    return "\n".join(lines) + "\n"


def about_run(name: str, found: dict[str, Any]) -> str:
    often = "once" if found["repeats"] == 1 else f"{found['repeats']} times (the median counts)"
    text = (
        f"{found['examples']:,} images of {found['data']}, {found['epochs']} epochs in batches of "
        f"{BATCH}, on {found['cores']} CPU core(s); 2,000 test images. `plain` ran once, the "
        f"others {often}; accuracy of `cached` is mean ± standard deviation over five seeds."
    )
    if "." not in name:
        text += (
            f" Images are resized to {SIZE}×{SIZE}×3 beforehand. The weights are random, with "
            "BatchNormalization statistics of 256 images: time does not depend on them, and the "
            "accuracy is that of random features."
        )
    return f"{text} {found['note']}".strip()


if __name__ == "__main__":
    run(main)
