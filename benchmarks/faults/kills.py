"""Every recipe, and export, ended by `kill -9` at random moments, and begun again.

Half of the moments are drawn over the time that an unbroken run takes, half are the next ones at
which a writer is at work. The same command must then end with the figures of the unbroken run, and
leave nothing of the dead writer. An export that was killed must leave no file that cannot be read,
and the next one must get a version of its own.
"""

import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults import result
from benchmarks.faults.lines.commands import CASES, Case, begin, prepare, ready
from wszoo.files import PREFIX, write_json

SHORT = ("denoise",)
EXPORT = Case("wszoo export", "wszoo", ("export", "tied_ae.digits", "out"))
POLL = 0.001  # seconds between two looks


def run(folder: Path, *, seed: int, short: bool) -> dict:
    """Kills each command (`times` of it), and says what was lost or different afterwards."""
    ready()
    names = SHORT if short else [*(case.name for case in CASES), EXPORT.name]
    rows = [row_of(name, folder, 2 if short else 6, seed) for name in names]
    counts = {way: sum(row[way] for row in rows) for way in ("lost", "different")}
    return result(sum(row["tried"] for row in rows), rows, **counts)


def row_of(name: str, folder: Path, times: int, seed: int) -> dict[str, Any]:
    """The row of a command, read if it was made before: all of them take half an hour."""
    place = folder / name.replace(" ", "_")
    done = place.with_suffix(".json")
    if not done.is_file():
        shutil.rmtree(place, ignore_errors=True)
        if name == EXPORT.name:
            row = exports_killed(place, times, seed)
        else:
            (case,) = (case for case in CASES if case.name == name)
            row = killed_often(case, place, times, seed)
        write_json(done, row)
    row_made: dict[str, Any] = json.loads(done.read_text())
    return row_made


def killed_often(case: Case, folder: Path, times: int, seed: int) -> dict[str, Any]:
    """A row of the table: how often a command that was killed did not end as it should."""
    rng = np.random.default_rng(seed)
    seconds = unbroken(case, prepare(folder / "whole"))
    wanted = case.found(folder / "whole")
    row = new_row(case.name, seconds)
    for number in range(times):
        place, after = folder / str(number), float(rng.uniform(0.2, 1)) * seconds
        how = killed(case, place, after, writing=number % 2 == 1)
        case_again = case.begin(place)
        case_again.join()
        if case_again.exitcode != 0:
            row["lost"] += 1
            row["failures"].append(f"killed {how}: then {last_line(place)}")
        elif case.found(place) != wanted:
            row["different"] += 1
            row["failures"].append(f"killed {how}: other figures")
        count(row, place, how)
        shutil.rmtree(place)
    return row


def exports_killed(folder: Path, times: int, seed: int) -> dict[str, Any]:
    """The same of `wszoo export` into a folder in which a version stands."""
    rng = np.random.default_rng(seed)
    row = new_row("wszoo export", unbroken(EXPORT, prepare(folder / "0")))
    for number in range(times):
        place = folder / str(number + 1)
        shutil.copytree(folder / "0", place)
        after = float(rng.uniform(0.2, 1)) * row["seconds"]
        how = killed(EXPORT, place, after, writing=number % 2 == 1, fresh=False)
        before = versions(place)
        broken = unreadable(place)
        unbroken(EXPORT, place)
        expected = [*before, str(int(before[-1]) + 1)]
        if broken or versions(place) != expected or unreadable(place):
            row["lost"] += 1
            row["failures"].append(f"killed {how}: {before} unreadable={broken} {versions(place)}")
        count(row, place, how)
        shutil.rmtree(place)
    return row


def new_row(what: str, seconds: float) -> dict[str, Any]:
    counts = {"tried": 0, "while writing": 0, "lost": 0, "different": 0, "left over": 0}
    return {"what": what, "seconds": round(seconds, 1), **counts, "failures": []}


def count(row: dict[str, Any], place: Path, how: str) -> None:
    row["tried"] += 1
    row["while writing"] += "writing" in how
    row["left over"] += len(parts(place)) + len(list(place.rglob(".lock")))
    print(row["what"], how, row["failures"], file=sys.stderr, flush=True)


def unbroken(case: Case, place: Path) -> float:
    """Seconds of a run to its end."""
    started = time.perf_counter()
    process = case.begin(place)
    process.join()
    if process.exitcode != 0:
        raise RuntimeError(f"{case.name} does not run unbroken: {last_line(place)}")
    return time.perf_counter() - started


def killed(case: Case, place: Path, after: float, *, writing: bool, fresh: bool = True) -> str:
    """Kills a run after so many seconds, or when a writer is at work then; says when it was.

    One that has ended by then, since the machine is faster than it was, is begun anew.
    """
    while True:
        if fresh:
            shutil.rmtree(place, ignore_errors=True)
            prepare(place)
        process, started = case.begin(place), time.perf_counter()
        while process.is_alive() and time.perf_counter() - started < after:
            time.sleep(POLL)
        while process.is_alive() and writing and not parts(place):
            time.sleep(POLL)
        at_work = bool(parts(place))
        process.kill()
        process.join()
        if process.exitcode == -signal.SIGKILL:
            when = f"after {time.perf_counter() - started:.2f} s"
            return f"{when}, writing" if at_work else when
        after *= 0.8


def parts(place: Path) -> list[str]:
    """Folders of writers, at work or dead; they come and go."""
    names = [name for _, folders, _ in os.walk(place) for name in folders]
    return [name for name in names if name.startswith(PREFIX)]


def versions(place: Path) -> list[str]:
    return sorted(p.name for p in (place / "out" / "tied_ae").iterdir() if p.name.isdecimal())


def unreadable(place: Path) -> bool:
    """Whether a file of an export cannot be read, in a process of its own."""
    process = begin(read_all, str(place / "out"))
    process.join()
    return process.exitcode != 0


def read_all(folder: str) -> None:
    """Loads every SavedModel and reads every other file of an export."""
    import tensorflow as tf

    from wszoo.exporting.stored import inspect_file

    for path in (Path(folder) / "tied_ae").iterdir():
        if path.name.isdecimal():
            tf.saved_model.load(str(path))
    for path in Path(folder).glob("*.tflite"):
        inspect_file(path)


def last_line(place: Path) -> str:
    lines = (place / "log.txt").read_text().strip().splitlines()
    return lines[-1][-300:] if lines else "(nothing)"
