"""The same command twice, in two processes at once: the same `metrics.json`.

The processes differ in `PYTHONHASHSEED`, so that no order of a set decides anything; they share the
cores, so that threads end in another order; and they run the recipes in opposite orders, so that
what was drawn before is never the same. Times are no metrics and stand in files of their own.
"""

import json
import os
import random
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

from benchmarks.faults import result
from benchmarks.faults.lines import command_lines
from wszoo import command_line

# Recipe → what its small line gets besides, so that all that it can draw is drawn.
MORE = {
    "wszoo anomaly series": "",
    "wszoo anomaly images": "",
    "wszoo classify-audio": "",
    "wszoo compare": "--rates 1e-3,1e-2",
    "wszoo compress": "--rival-epochs 1",
    "wszoo denoise": "",
    "wszoo export-all": "",
    "wszoo finetune": "--modes scratch,probe,finetune,scratch-plain --steps 12",
    "wszoo finetune --freeze": "--augment --lora 2 --epochs 2",
    "wszoo label-curve": "--ways scratch,frozen,lora --labels 2",
    "wszoo language-model": "--steps 5 --length 30",
    "wszoo multitask": "",
    "wszoo pretrain": "--seeds 2",
    "wszoo search-ties": "--plans 4 --seeds 2",
}
# Sizes of SavedModels, in whose names TensorFlow counts what the process did before.
COUNTED = ("files", "bytes")
SHORT = ("wszoo denoise",)
MANY = 3600  # seconds that all may take on a busy machine
FILES = ("images.npz", "words", "pump.csv", "book.txt", "plan.yaml", "model.keras")


def run(folder: Path, *, seed: int, short: bool) -> dict[str, Any]:
    """The campaign's part: a row a recipe, with the places in `metrics.json` that differ."""
    folder = Path(folder).resolve()
    command_lines.prepare(folder)
    if lacking := set(command_lines.recipes()) ^ set(MORE):
        raise ValueError(f"recipes that are not run twice, or no recipes: {sorted(lacking)}")
    chosen = list(SHORT if short else sorted(MORE))
    orders, rng = (chosen, chosen[::-1]), random.Random(seed)
    running = [_started(folder, str(n), order, rng) for n, order in enumerate(orders)]
    for process in running:
        process.wait(timeout=MANY)
    rows = [_row(folder, name) for name in chosen]
    ways = {way: sum(row[way] for row in rows) for way in ("different", "crashed")}
    return result(len(rows), rows, **ways)


def _started(folder: Path, which: str, names: list[str], rng: random.Random) -> subprocess.Popen:
    """A process that runs the recipes one after another, in places of its own."""
    path = f"{Path(__file__).resolve().parents[1]}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    more = {"PYTHONHASHSEED": str(rng.randrange(2**32)), "PYTHONPATH": path}
    script = "from benchmarks.faults import seeds; seeds.run_all()"
    command = [sys.executable, "-c", script, str(folder), which, *names]
    with (folder / f"stdout_{which}").open("w") as out:
        return subprocess.Popen(command, env=os.environ | more, stdout=out, stderr=out)


def run_all() -> None:
    """What a process of `_started` does; leaves `<place>/code` beside what the recipes write."""
    folder, which, *names = sys.argv[1:]
    apps = {name: (app, words) for name, app, words in command_lines.commands()}
    for name in names:
        app, words = apps[name]
        place = _place(Path(folder), which, name)
        place.mkdir(parents=True)
        for file in FILES:
            (place / file).symlink_to(Path(folder) / file)
        os.chdir(place)
        sys.argv = ["wszoo", *words, *_line(name)]
        try:
            command_line.run(app)
            code: Any = 0
        except SystemExit as end:
            code = end.code or 0
        except Exception:
            traceback.print_exc()
            code = 1
        Path("code").write_text(str(code))


def _place(folder: Path, which: str, name: str) -> Path:
    return folder / which / name.replace(" ", "_")


def _row(folder: Path, name: str) -> dict[str, Any]:
    """What two processes made of one recipe."""
    places = [_place(folder, which, name) for which in "01"]
    ended = [(p / "code").is_file() and (p / "code").read_text() == "0" for p in places]
    row: dict[str, Any] = {"what": name, "tried": 1, "different": 0, "crashed": int(not all(ended))}
    if all(ended):
        differ = list(differing(*map(_metrics, places)))
        row |= {"different": int(bool(differ))} | ({"said": differ[:3]} if differ else {})
    return row if not (row["different"] or row["crashed"]) else row | {"line": _line(name)}


def _line(name: str) -> list[str]:
    line, more = command_lines.LINES[name].split(), MORE[name].split()
    for option in (word for word in more if word.startswith("--") and word in line):
        del line[line.index(option) : line.index(option) + 2]
    return [*line, *more]


def _metrics(place: Path) -> Any:
    """`metrics.json`, or the metrics of the card of weights."""
    for file in ("out/metrics.json", "out/conv_net.mine/card.json"):
        if (place / file).is_file():
            return json.loads((place / file).read_text())
    raise FileNotFoundError(f"no metrics in {place / 'out'}")


def differing(a: Any, b: Any, path: str = "") -> Any:
    """The paths of two values of JSON at which they differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b} - {*COUNTED}):
            yield from differing(a.get(key), b.get(key), f"{path}.{key}".strip("."))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for place, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from differing(one, other, f"{path}[{place}]")
    elif a != b and not (a != a and b != b):
        yield f"{path}: {a!r}, {b!r}"
