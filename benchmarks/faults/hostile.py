"""Hostile files of every kind that wszoo reads: each is refused in a sentence.

No code of theirs runs (it would write a file), nothing beside them is written, and memory stays
bounded: a process reads them one after the other, with little more room than it has.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.faults import result
from benchmarks.faults.files.asking import Asked, outcome

ROOM = 2**29  # bytes that a refusal may take at its peak


def run(folder: Path, *, seed: int, short: bool) -> dict:
    """Makes the files, has each read, and looks what became of it."""
    from benchmarks.faults.files import hostile_files

    folder.mkdir(parents=True, exist_ok=True)
    groups: dict[str, Counter[str]] = {}
    again: dict[str, list[str]] = {}
    peak = 0
    with Asked("reading.py") as reader:
        for what, kind, path in hostile_files.files(folder, short=short):
            group = path.relative_to(folder).parts[0]
            before = listing(folder)
            answer = reader.ask(kind=kind, path=str(path))
            grown = max(0, answer.get("peak", 0) - peak) if peak else 0
            peak = max(peak, answer.get("peak", 0))
            way = _judged(answer, grown, path, listing(folder) - before)
            groups.setdefault(group, Counter())[way] += 1
            if way != "refused":
                again.setdefault(group, []).append(f"{what}: {way} {_told(answer)}")
    rows: list[dict[str, Any]] = [
        {"what": group.replace("_", " "), "tried": counts.total(), **counts}
        | ({"again": again[group]} if group in again else {})
        for group, counts in groups.items()
    ]
    totals = sum(groups.values(), Counter())
    failed = {way: totals[way] for way in ("crashed", "vague", "accepted", "lost")}
    return result(totals.total(), rows, **failed)


def listing(folder: Path) -> set[Path]:
    """All files there and in the working folder, but for Python's and libraries' caches."""
    return {*folder.rglob("*"), *Path.cwd().glob("*")}


def _judged(answer: dict[str, Any], grown: int, path: Path, written: set[Path]) -> str:
    """`refused`, or how it failed; a file written elsewhere or code that ran is something lost."""
    if written:
        return "lost"
    if grown > ROOM:
        return "crashed"
    if "numbers" in answer:
        return "accepted"
    return outcome(answer, None, (path.stem, path.name))


def _told(answer: dict[str, Any]) -> str:
    kinds, said = answer.get("error", [[""], ""])
    return f"{answer.get('crash', '')}{kinds[0]} {said[:200]}".strip()
