"""A fine-tuning run that is ended by `kill -9` at ten random moments, and begun again.

    python -m benchmarks.kill

Runs `recipes/finetune.py --mode plan` to its end. Then ten times, each in folders of its own: the
same command is killed at a moment between the first work on the feature cache and the end of the
unbroken run, one in each tenth of that time, drawn from a seed; what is killed is the whole process
(SIGKILL); the same command is given again. metrics.json, with the record of every epoch, must be
that of the unbroken run to the last digit. Writes docs/kill/metrics.json and docs/kill.md.
"""

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
import yaml

from wszoo.cli import run
from wszoo.files import written_whole

ROOT = Path(__file__).resolve().parent.parent
PLAN = {
    "phases": [
        {"name": "head", "train": "head", "epochs": 10},
        {"name": "top", "train": ["head", "block_5"], "epochs": 10, "learning_rate": 5e-4},
        {"name": "again", "train": "head", "epochs": 5},
    ]
}


def main(
    moments: Annotated[int, typer.Option(help="How often it is killed.")] = 10,
    seed: Annotated[int, typer.Option(help="Of the moments.")] = 0,
    folder: Annotated[Path, typer.Option(help="Working files.")] = Path("runs/kill"),
    docs: Annotated[Path, typer.Option(help="Folder of the page.")] = ROOT / "docs",
) -> None:
    """Kills fine-tuning runs at random moments and compares how they end."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    whole, (begun, ended) = unbroken(folder / "whole")
    found: dict[str, Any] = {"seconds": [round(begun, 2), round(ended, 2)], "kills": []}
    for i, shift in enumerate(np.random.default_rng(seed).random(moments)):
        after = float((ended - begun) * (i + shift) / moments)
        row = killed(folder / str(i), after)
        row["equal"] = metrics(folder / str(i)) == whole
        found["kills"].append(row)
        print(row, file=sys.stderr, flush=True)
        shutil.rmtree(folder / str(i))
        write(docs, found)
    print(page(found))
    if not all(row["equal"] for row in found["kills"]):
        raise ValueError("a run that was killed ended with other metrics")


def begin(place: Path) -> subprocess.Popen:
    """The recipe in a process of its own, with its output in a file."""
    place.mkdir(exist_ok=True)
    command = [sys.executable, ROOT / "recipes" / "finetune.py", "conv_net.omniglot", "--mode"]
    command += ["plan", "--labels-per-class", "10", "--freeze", place.parent / "plan.yaml"]
    command += ["--cache", place / "features", "--out", place / "out"]
    with (place / "log.txt").open("ab") as log:
        return subprocess.Popen([*map(str, command)], stdout=log, stderr=log)


def finish(process: subprocess.Popen, place: Path) -> None:
    if process.wait():
        raise RuntimeError((place / "log.txt").read_text()[-3000:])


def wait_for(path: Path, process: subprocess.Popen) -> None:
    while not path.exists() and process.poll() is None:
        time.sleep(0.002)


def unbroken(place: Path) -> tuple[dict, tuple[float, float]]:
    """The metrics, and the seconds until the cache's folder appeared and until the end."""
    started, process = time.perf_counter(), begin(place)
    wait_for(place / "features", process)
    begun = time.perf_counter() - started
    finish(process, place)
    return metrics(place), (begun, time.perf_counter() - started)


def killed(place: Path, after: float) -> dict[str, Any]:
    """Kills a run `after` seconds of work, and runs it again; what was there when it was killed.

    One that has ended by then, since the machine is faster than it was, is begun anew and killed
    after less.
    """
    while not killed_once(place, after):
        shutil.rmtree(place)
        after *= 0.8
    kept = len(list((place / "features").glob("*.features")))
    row = {"after": round(after, 2), "features": kept, "at": state(place)}
    finish(begin(place), place)
    return row


def killed_once(place: Path, after: float) -> bool:
    """Whether a run was still at work when it was killed."""
    process = begin(place)
    wait_for(place / "features", process)
    time.sleep(after)
    process.kill()  # SIGKILL
    return process.wait() == -signal.SIGKILL


def state(place: Path) -> str:
    """What a run had got to, from its backup."""
    import h5py

    if (place / "out" / "metrics.json").exists():
        return "results are written"
    path = place / "out" / "run" / "state.weights.h5"
    if not path.exists():
        return "before the first epoch's end"
    with h5py.File(path) as file:
        rows = json.loads(file["wszoo_record"][()].tobytes())["rows"]
    return f"epoch {rows[-1]['epoch'] + 1}, {rows[-1]['phase']}"


def metrics(place: Path) -> dict:
    found: dict = json.loads((place / "out" / "metrics.json").read_text())
    return found


def write(docs: Path, found: dict[str, Any]) -> None:
    (docs / "kill").mkdir(parents=True, exist_ok=True)
    with written_whole(docs / "kill" / "metrics.json") as part:
        part.write_text(json.dumps(found, indent=1) + "\n")
    with written_whole(docs / "kill.md") as part:
        part.write_text(page(found))


def page(found: dict[str, Any]) -> str:
    begun, ended = found["seconds"]
    kills = found["kills"]
    lines = [
        "# Fine-tuning that is killed",
        "",
        "Written by `python -m benchmarks.kill`. `recipes/finetune.py --mode plan` on digits (10 "
        "labels a class; 10 epochs of the head, 10 with the last block, 5 of the head again) was "
        "ended by `kill -9`, and the same command was given again. Unbroken it took "
        f"{ended:.1f} s, {begun:.1f} of them until the feature cache was begun; the moments are "
        "drawn from the rest, one in each tenth. Each kill is a run of its own. `equal`: "
        "metrics.json, with the losses of every epoch, is that of the unbroken run to the last "
        "digit.",
        "",
        f"**{sum(row['equal'] for row in kills)} of {len(kills)} are equal.**",
        "",
        "| killed after (s) | files in the cache | last backup | equal |",
        "|---|---|---|---|",
    ]
    for row in kills:
        equal = "yes" if row["equal"] else "**no**"
        lines.append(f"| {row['after']:.2f} | {row['features']} | {row['at']} | {equal} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run(main)
