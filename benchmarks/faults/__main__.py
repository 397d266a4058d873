"""What wszoo does when things go wrong: kills, damage, hostile files, haste, full disks.

    python -m benchmarks.faults                  # all parts, some hours of two cores
    python -m benchmarks.faults memory signals   # some of them
    python -m benchmarks.faults --page           # the page alone, from the results that stand

Each part beside this file tries one kind of fault and counts how it fails: something that was
written is lost, numbers are silently different, a crash or a hang, an error that does not say what
was wrong, wrong input that is taken. Writes docs/faults/<part>.json and docs/faults.md.
"""

import importlib
import json
import pkgutil
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import faults
from benchmarks.faults import WAYS
from wszoo.command_line import run
from wszoo.files import written_whole

ROOT = Path(__file__).resolve().parents[2]
PARTS = sorted(
    module.name
    for module in pkgutil.iter_modules(faults.__path__)
    if module.name != "__main__"
    and hasattr(importlib.import_module(f"benchmarks.faults.{module.name}"), "run")
)


def main(
    parts: Annotated[list[str] | None, typer.Argument(help="Which; all by default.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of moments, places and values.")] = 0,
    short: Annotated[bool, typer.Option(help="A sample of each, printed alone.")] = False,
    page: Annotated[bool, typer.Option(help="Write the page from the results alone.")] = False,
    folder: Annotated[Path, typer.Option(help="Working files.")] = Path("runs/faults"),
    docs: Annotated[Path, typer.Option(help="Folder of the page.")] = ROOT / "docs",
) -> None:
    """Tries kinds of faults and writes down how they end."""
    chosen = parts or PARTS
    if unknown := [part for part in chosen if part not in PARTS]:
        raise ValueError(f"no part {unknown[0]!r}; the parts are {', '.join(PARTS)}")
    for part in [] if page else chosen:
        result = tried(part, folder / part, seed=seed, short=short)
        print(part, {key: value for key, value in result.items() if key != "rows"}, flush=True)
        if not short:
            write(docs / "faults" / f"{part}.json", json.dumps(result, indent=1))
    if not short:
        write(docs / "faults.md", page_of(docs / "faults"))


def tried(part: str, folder: Path, *, seed: int, short: bool) -> dict[str, Any]:
    """A part's result; how long it took is printed."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begun = time.monotonic()
    result = importlib.import_module(f"benchmarks.faults.{part}").run(
        folder, seed=seed, short=short
    )
    shutil.rmtree(folder)
    print(f"{part} took {time.monotonic() - begun:.0f} s", file=sys.stderr)
    return result


def write(path: Path, text: str) -> None:
    with written_whole(path) as file:
        file.write_text(text.rstrip() + "\n")


def page_of(folder: Path) -> str:
    """The page, from the results that stand in a folder."""
    results = {part: json.loads((folder / f"{part}.json").read_text())
               for part in PARTS if (folder / f"{part}.json").is_file()}  # fmt: skip
    head = ["part", "tried", *WAYS.values()]
    rows = [[link(part), result["tried"], *(result[way] for way in WAYS)]
            for part, result in results.items()]  # fmt: skip
    total = [sum(row[i] for row in rows) for i in range(1, len(head))]
    lines = ["# What happens when things go wrong", "", INTRODUCTION, ""]
    lines += [*table(head, [*rows, ["**all**", *total]]), ""]
    if left := [part for part in PARTS if part not in results]:
        lines += [f"Not run yet: {', '.join(left)}.", ""]
    for part, result in results.items():
        about = importlib.import_module(f"benchmarks.faults.{part}").__doc__ or ""
        lines += [f"## {title(part)}", "", *about.strip().splitlines(), ""]
        lines += [*table(*columns(result["rows"])), ""] if result["rows"] else []
    return "\n".join(lines)


INTRODUCTION = """Written by `python -m benchmarks.faults`. Each part tries one kind of fault, \
drawn from a seed, and counts the tries that end badly: something that was written is lost or \
cannot be read, numbers are other ones without a word, the process crashes or hangs, an error does \
not say what was wrong or comes from deep within another package, or wrong input is taken."""


def columns(rows: list[dict]) -> tuple[list[str], list[list[Any]]]:
    head = list(dict.fromkeys(key for row in rows for key in row))
    return head, [[row.get(key, "") for key in head] for row in rows]


def table(head: list[str], rows: list[list[Any]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(map(cell, line))} |" for line in lines]


def cell(value: Any) -> str:
    text = f"{value:.2g}" if isinstance(value, float) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def title(part: str) -> str:
    return part.replace("_", " ").capitalize()


def link(part: str) -> str:
    return f"[{part.replace('_', ' ')}](#{part.replace('_', '-')})"


if __name__ == "__main__":
    if not PARTS:
        sys.exit("no parts")
    run(main)
