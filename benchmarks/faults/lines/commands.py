"""Commands with settings so small that a run takes seconds and still has several epochs.

`Case.begin` runs one in a process that was forked from one which has imported everything: only
what is at work is killed, not the import of TensorFlow.
"""

import json
import multiprocessing
import os
import runpy
import signal
import sys
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
PRELOADED = [
    "matplotlib.figure",
    "sklearn.linear_model",
    "sklearn.metrics",
    "tensorflow",
    "wszoo.comparison",
    "wszoo.evaluation",
    "wszoo.exporting.api",
    "wszoo.transferring.run",
    "wszoo.tuner",
    "wszoo.tuner.searching.search",
]
CONTEXT = multiprocessing.get_context("forkserver")
PLAN = """
phases:
- {name: head, train: head, epochs: 3}
- {name: top, train: [head, block_5], epochs: 2, learning_rate: 0.0005}
"""
# What differs from run to run: times, numbers of versions, and the size of SavedModels, in which
# TensorFlow's counters of names stand.
RUNS_OWN = ("seconds", "seconds_per_epoch", "path", "files", "bytes")


@dataclass(frozen=True)
class Case:
    """A recipe (or `wszoo`, the command) with its arguments, and where its figures are written."""

    name: str
    recipe: str
    arguments: tuple[str, ...]
    figures: str = "out/metrics.json"

    def begin(self, folder: Path) -> Any:
        """The command at work in a folder, in a process that has imported its modules before."""
        return begin(work, self.recipe, self.arguments, str(folder))

    def found(self, folder: Path) -> Any:
        """The figures of a run that has ended, without those that no two runs share."""
        return without(json.loads((folder / self.figures).read_text()))


CASES = (
    Case(
        "pretrain",
        "pretrain",
        (
            *("tied_ae", "--data", "digits", "--tag", "t", "--set", '{"widths": [16, 4]}'),
            *("--epochs", "6", "--batch-size", "16", "--seeds", "2"),
            *("--out", "out", "--run-dir", "runs"),
        ),
        "out/tied_ae.t/card.json",
    ),
    Case(
        "finetune --freeze",
        "finetune",
        (
            *("digits", "--freeze", "plan.yaml", "--labels-per-class", "3"),
            *("--cache", "features", "--out", "out"),
        ),
    ),
    Case(
        "finetune",
        "finetune",
        (
            *("digits", "--compare", "--modes", "probe,finetune", "--seeds", "2", "--steps", "20"),
            *("--labels-per-class", "2", "--out", "out"),
        ),
    ),
    Case(
        "search_ties",
        "search_ties",
        (
            *("tied_ae", "--data", "digits", "--examples", "300", "--plans", "4"),
            *("--epochs", "3", "--seeds", "2", "--points", "100", "--out", "out"),
        ),
    ),
    Case(
        "compare",
        "compare",
        (
            *("tied_ae", "--data", "digits", "--plans", "default,untied"),
            *("--set", '{"widths": [8, 4]}', "--steps", "60", "--points", "4", "--seeds", "3"),
            *("--samples", "20,50", "--tune-seeds", "1", "--out", "out"),
        ),
    ),
    Case(
        "label_curve",
        "label_curve",
        (
            *("--ways", "probe,frozen", "--labels", "1,3", "--tune-at", "1", "--seeds", "2"),
            *("--tune-seeds", "1", "--steps", "10", "--held", "100", "--out", "out"),
        ),
    ),
    Case(
        "multitask",
        "multitask",
        (
            *("--examples", "200", "--few", "40", "--steps", "10", "--width", "4"),
            *("--seeds", "1", "--out", "out"),
        ),
    ),
    Case(
        "compress",
        "compress",
        (
            *("conv_net.mnist", "--data", "digits", "--fraction", "0.6", "--examples", "200"),
            *("--epochs", "3", "--rival-epochs", "1", "--out", "out"),
        ),
    ),
    Case("denoise", "denoise", ("tied_ae.digits", "--data", "digits", "--out", "out")),
    Case(
        "language_model",
        "language_model",
        (
            *("--data", "book.txt", "--set", '{"width": 16, "depth": 1}', "--steps", "40"),
            *("--prompt", "the ", "--length", "20", "--out", "out"),
        ),
    ),
    Case(
        "classify_audio",
        "classify_audio",
        (
            *("--data", "words", "--model", "rnn", "--set", '{"units": 8, "depth": 1}'),
            *("--epochs", "4", "--out", "out"),
        ),
    ),
    Case(
        "anomaly series",
        "anomaly",
        ("series", "pump.csv", "--steps", "30", "--seeds", "2", "--out", "out"),
    ),
    Case(
        "anomaly images",
        "anomaly",
        (
            *("images", "--steps", "10", "--seeds", "1", "--max-per-class", "50"),
            *("--max-examples", "300", "--out", "out"),
        ),
    ),
    Case("export", "export_all", ("tied_ae.digits", "--data", "digits", "--smoke", "--out", "out")),
)


def begin(function: Callable[..., None], *arguments: Any) -> Any:
    """A function at work in a process of its own, forked from one that has imported everything."""
    process = CONTEXT.Process(target=function, args=arguments)
    process.start()
    return process


def ready() -> None:
    """Returns when everything is imported, so that the first process takes no longer."""
    CONTEXT.set_forkserver_preload(PRELOADED)
    begin(time.sleep, 0).join()


def work(recipe: str, arguments: tuple[str, ...], folder: str) -> None:
    """Runs a recipe as `python recipes/<recipe>.py` does, with its output in `folder/log.txt`."""
    heed_signals()
    os.chdir(folder)
    log = os.open("log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    script = ROOT / "recipes" / f"{recipe}.py"
    sys.argv = [str(script), *arguments]
    if recipe == "wszoo":
        from wszoo.cli import main

        main()
    else:
        runpy.run_path(str(script), run_name="__main__")


def heed_signals() -> None:
    """A shell has what it starts in the background ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def prepare(folder: Path) -> Path:
    """A new folder with the small files that the commands read."""
    folder.mkdir(parents=True)
    (folder / "plan.yaml").write_text(PLAN)
    (folder / "book.txt").write_text("the cat sat on the mat. " * 200)
    times = np.datetime64("2024-01-01T00:00:00") + np.arange(400) * np.timedelta64(60, "s")
    rows = [f"{time},{np.sin(i / 5) + 30 * (i == 300)}" for i, time in enumerate(times)]
    (folder / "pump.csv").write_text("\n".join(["timestamp,value", *rows]))
    for label, hertz in (("high", 2000), ("low", 300)):
        for i in range(10):
            tone(folder / "words" / label / f"{i}.wav", hertz + 10 * i)
    return folder


def tone(path: Path, hertz: float, rate: int = 8000) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.5 * np.sin(2 * np.pi * hertz * np.arange(rate // 2) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((32767 * samples).astype("<i2").tobytes())


def without(value: Any) -> Any:
    """A value of JSON without the keys of `RUNS_OWN`, at any depth."""
    if isinstance(value, dict):
        return {k: without(v) for k, v in value.items() if k not in RUNS_OWN}
    return [without(item) for item in value] if isinstance(value, list) else value
