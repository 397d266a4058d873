"""What wszoo makes of graphs that are not its own: every graph through every step.

    python -m benchmarks.foreign                       # those that have no result yet, the page
    python -m benchmarks.foreign --only keras.ResNet50 --redo
    python -m benchmarks.foreign --stale --processes 2 # whatever older code gave

Graphs: foreign_graphs.py, foreign_sequences.py and foreign_structures.py (hand-written),
foreign_families.py (needs `pip install 'wszoo[hub]' kimm`). Steps: foreign_steps.py, in a child
process; foreign_fresh.py loads what was written, in another. A step in which the process crashes or
that takes too long is "wrong", and the others go on after it. Results lie in docs/foreign/, a file
a graph, and the page is docs/foreign.md (foreign_page.py).
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.foreign import page as foreign_page
from benchmarks.foreign.names import NAMES, STEPS
from wszoo.command_line import run
from wszoo.files import written_whole

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUT = ROOT / "docs" / "foreign"
LARGE = ("keras.", "kimm.")  # a process each
TOGETHER = 10  # graphs in a process
QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "OMP_NUM_THREADS": "1", "KERAS_BACKEND": "tensorflow"}
QUIET |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}


def main(
    only: Annotated[list[str], typer.Option(help="Names, or their beginnings.")] = [],  # noqa: B006
    redo: Annotated[bool, typer.Option(help="Also those that have a result.")] = False,
    stale: Annotated[bool, typer.Option(help="Also those whose result is of other code.")] = False,
    processes: Annotated[int, typer.Option(help="Graphs at a time.")] = 1,
    limit: Annotated[int, typer.Option(help="Seconds a step may take.")] = 300,
) -> None:
    """Runs graphs through the steps and writes docs/foreign.md."""
    names = [n for n in NAMES if not only or any(n.startswith(start) for start in only)]
    if not names:
        raise ValueError(f"no graph is called {only}; there are {', '.join(NAMES)}")
    OUT.mkdir(parents=True, exist_ok=True)
    wanted = groups([name for name in names if redo or not done(name, stale)])
    with ThreadPoolExecutor(processes) as pool:
        for rows in pool.map(lambda group: results(group, limit), wanted):
            for row in rows:
                keep(row)
                said = [
                    f"{step}: {why}"
                    for step, (what, why) in row["cells"].items()
                    if what == "wrong"
                ]
                print(f"{row['graph']}: {row['seconds']} s", *said, sep="\n   ", flush=True)
    foreign_page.write()


def groups(names: list[str]) -> list[list[str]]:
    """Small models go together, which loads TensorFlow less often."""
    large = [[name] for name in names if name.startswith(LARGE)]
    small = [name for name in names if not name.startswith(LARGE)]
    return [*(small[i : i + TOGETHER] for i in range(0, len(small), TOGETHER)), *large]


def done(name: str, stale: bool) -> bool:
    path = OUT / f"{name}.json"
    return path.is_file() and not (stale and json.loads(path.read_text())["code"] != code())


def code() -> str:
    """Hash of wszoo and of the steps, by which a result tells that it is old."""
    files = sorted((ROOT / "wszoo").rglob("*.py")) + sorted(HERE.glob("*.py"))
    whole = hashlib.sha256()
    for file in files:
        if file != HERE / "page.py":
            whole.update(file.read_bytes())
    return whole.hexdigest()[:16]


def keep(row: dict[str, Any]) -> None:
    with written_whole(OUT / f"{row['graph']}.json") as part:
        part.write_text(json.dumps(row, indent=1, ensure_ascii=False) + "\n")


def results(names: list[str], limit: int) -> list[dict[str, Any]]:
    """A row a graph, with all its cells."""
    before = code()
    with tempfile.TemporaryDirectory() as folder:
        stepped(names, Path(folder), limit)
        fresh(Path(folder), limit)
        return [row_of(name, Path(folder) / name, before) for name in names]


def stepped(names: list[str], folder: Path, limit: int) -> None:
    """Runs the steps; one in which the process dies is wrong, and the others go on after it."""
    while died := child(["benchmarks.foreign.steps", limit, folder, *names], limit):
        path = folder / (folder / "now").read_text() / "cells.json"
        row = json.loads(path.read_text())
        at = [row["at"]] if row["at"] in STEPS else STEPS
        row["cells"] |= {step: ["wrong", died] for step in at if step not in row["cells"]}
        path.write_text(json.dumps(row))


def fresh(folder: Path, limit: int) -> None:
    """A process of its own loads what the steps wrote."""
    while died := child(["benchmarks.foreign.fresh", limit, folder], limit):
        why = ["wrong", f"in a fresh process: {died}"]
        Path((folder / "at").read_text()).write_text(json.dumps(why))


def row_of(name: str, folder: Path, code_before: str) -> dict[str, Any]:
    row = json.loads((folder / "cells.json").read_text())
    for step in STEPS:
        if row["cells"][step][0] == "pending":
            row["cells"][step] = json.loads((folder / f"{step}.done").read_text())
    if row["cells"]["stock"][0] == "wrong":  # Keras' own fault, and not a cell of ours
        row["cells"]["stock"] = ["none", f"fails: {row['cells']['stock'][1]}"]
    cells = {step: row["cells"][step] for step in STEPS}
    facts = {key: row.get(key) for key in ("parameters", "megabytes", "seconds")}
    return {"graph": name, "code": code_before, **facts, "cells": cells}


def child(arguments: list[Any], limit: int) -> str:
    """Runs a module; how it died, empty if it did not."""
    command = [sys.executable, "-m", *map(str, arguments)]
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    environment = {**os.environ, **QUIET, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    if not ended.returncode:
        return ""
    if "Timeout (" in ended.stderr:
        return f"took longer than {limit} s"
    last = (ended.stderr.strip().splitlines() or [""])[-1][:300]
    return f"the process ended with {ended.returncode}: {last}"


if __name__ == "__main__":
    run(main)
