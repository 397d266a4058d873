"""Every recipe, and export, stopped by SIGTERM, Ctrl-C and SIGHUP at random moments.

It must end soon, with exit code 128 + the signal's number, say that it was stopped and how to go on
(where there is a run to go on with), and leave no half file, no lock and no process of its own.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults import result
from benchmarks.faults.kills import last_line, parts
from benchmarks.faults.lines.commands import CASES, Case, heed_signals, prepare, ready

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
PATIENCE = 60.0  # seconds after which a command that goes on hangs
WSZOO = "import sys; from wszoo.cli import main; sys.argv[0] = 'wszoo'; main()"


def run(folder: Path, *, seed: int, short: bool) -> dict:
    """Stops each command by each signal, and says how it ended."""
    ready()
    rng, rows = np.random.default_rng(seed), []
    names = ("denoise",) if short else [case.name for case in CASES]
    for case in [case for case in CASES if case.name in names]:
        row = new_row(case.name)
        for number in SIGNALS[:1] if short else SIGNALS:
            judge(row, *stopped(case, folder / case.name.replace(" ", "_"), number, rng))
        rows.append(row)
    if not short:
        rows.append(new_row("wszoo export, with its child process"))
        for number in SIGNALS:
            judge(rows[-1], *export_stopped(folder / "wszoo", number, rng))
    counts = {way: sum(row[way] for row in rows) for way in ("lost", "crashed", "vague")}
    return result(sum(row["tried"] for row in rows), rows, **counts)


def new_row(what: str) -> dict[str, Any]:
    return {"what": what, "tried": 0, "lost": 0, "crashed": 0, "vague": 0, "failures": []}


def judge(row: dict[str, Any], number: int, code: Any, said: str, left: list[str]) -> None:
    """Counts how a command ended: its exit code, its last line, and what it left."""
    go_on = "give the same command again" in said or "no file was left half written" in said
    row["tried"] += 1
    row["crashed"] += code != 128 + number
    row["vague"] += not go_on or "stopped by" not in said
    row["lost"] += bool(left)
    if code != 128 + number or not go_on or left:
        row["failures"].append(f"{signal.Signals(number).name}: code {code}, {said!r}, left {left}")
    print(row["what"], number, code, said, left, file=sys.stderr, flush=True)


def stopped(case: Case, place: Path, number: int, rng: Any) -> tuple[int, Any, str, list[str]]:
    """A recipe at work that gets a signal; one that ended before is begun anew."""
    after = float(rng.uniform(1, 5))
    while True:
        shutil.rmtree(place, ignore_errors=True)
        process = case.begin(prepare(place))
        process.join(after)
        if process.exitcode is not None:
            if process.exitcode:
                return number, process.exitcode, f"unstopped: {last_line(place)}", parts(place)
            after *= 0.5
            continue
        os.kill(process.pid, number)
        process.join(PATIENCE)
        code = process.exitcode if process.exitcode is not None else "none: it hangs"
        process.kill()
        process.join()
        if code != 0:
            return number, code, last_line(place), parts(place) + locks(place)
        after *= 0.5


def export_stopped(place: Path, number: int, rng: Any) -> tuple[int, Any, str, list[str]]:
    """`wszoo export` in a process of its own; what it started must end too."""
    after, mark = float(rng.uniform(8, 14)), uuid.uuid4().hex
    while True:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        process = subprocess.Popen(
            [sys.executable, "-c", WSZOO, "export", "tied_ae.digits", "out"],
            cwd=place,
            env=os.environ | {"WSZOO_FAULTS": mark},
            stdout=subprocess.DEVNULL,
            stderr=(place / "log.txt").open("wb"),
            preexec_fn=heed_signals,
        )
        try:
            process.wait(after)
            after *= 0.7
            continue
        except subprocess.TimeoutExpired:
            process.send_signal(number)
        try:
            code: Any = process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            code = f"{process.wait()}: it hung"
        if code == 0:  # it had done its work, and was about to end
            after *= 0.7
            continue
        time.sleep(1)
        return number, code, last_line(place), parts(place) + processes_of(mark)


def locks(place: Path) -> list[str]:
    return [str(path.relative_to(place)) for path in place.rglob(".lock")]


def processes_of(mark: str) -> list[str]:
    """Processes that have the mark in their environment (Linux)."""
    leftovers = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (folder / "environ").read_bytes():
                leftovers.append(f"process {folder.name}")
        except OSError:
            continue
    return leftovers
