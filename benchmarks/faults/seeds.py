"""The same command twice, in two processes at once: the same `metrics.json`.

The processes differ in `PYTHONHASHSEED`, so that no order of a set decides anything, and share the
cores, so that threads end in another order. Times are no metrics and stand in files of their own.
"""

import json
import os
import random
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.faults import command_lines, result

# Recipe → what its small line gets besides, so that all that it can draw is drawn.
MORE = {
    "anomaly.py series": "",
    "anomaly.py images": "",
    "classify_audio.py": "",
    "compare.py": "--rates 1e-3,1e-2",
    "compress.py": "--rival-epochs 1",
    "denoise.py": "",
    "export.py": "",
    "finetune.py": "--mode scratch,frozen,finetune,scratch-plain --steps 12",
    "finetune.py --mode plan": "--augment --lora 2 --epochs 2",
    "label_curve.py": "--ways scratch,frozen,lora --labels 2",
    "language_model.py": "--steps 5 --length 30",
    "multitask.py": "",
    "pretrain.py": "--seeds 2",
    "search_ties.py": "--plans 4 --seeds 2",
}
SHORT = ("denoise.py",)
MANY = 1800  # seconds that a command may take on a busy machine


def run(folder: Path, *, seed: int, short: bool) -> dict[str, Any]:
    """The campaign's part: a row a recipe, with the paths in `metrics.json` that differ."""
    folder = Path(folder).resolve()
    command_lines.prepare(folder)
    names = {name for name in command_lines.LINES if not name.startswith("wszoo ")}
    if lacking := names ^ set(MORE):
        raise ValueError(f"recipes that are not run twice, or no recipes: {sorted(lacking)}")
    rows = []
    for name in SHORT if short else sorted(MORE):
        line = _line(name)
        codes, found = _twice(folder, name, line, seed)
        differ = [] if any(codes) else list(differing(*found))
        row: dict[str, Any] = {"what": name, "tried": 1, "different": int(bool(differ))}
        row |= {"crashed": int(any(codes))}
        if differ or any(codes):
            row |= {"line": shlex.join(line), "said": (differ or found)[:3]}
        rows.append(row)
    ways = {way: sum(row[way] for row in rows) for way in ("different", "crashed")}
    return result(len(rows), rows, **ways)


def _line(name: str) -> list[str]:
    line, more = command_lines.LINES[name].split(), MORE[name].split()
    for option in (word for word in more if word.startswith("--") and word in line):
        del line[line.index(option) : line.index(option) + 2]
    return [*name.split()[1:2], *line, *more] if name.startswith("anomaly") else [*line, *more]


def _twice(folder: Path, name: str, line: list[str], seed: int) -> tuple[list[int], list[Any]]:
    """The exit codes of two processes, and their metrics or what they said last."""
    script = command_lines.RECIPES / name.split()[0]
    rng, running, places = random.Random(f"{seed} {name}"), [], []
    for which in range(2):
        place = folder / f"{name.replace(' ', '_')}_{which}"
        place.mkdir()
        for file in folder.iterdir():
            if file.name in ("images.npz", "words", "pump.csv", "book.txt", "plan.yaml",
                             "model.keras"):  # fmt: skip
                (place / file.name).symlink_to(file)
        more = {"PYTHONHASHSEED": str(rng.randrange(2**32))}
        with (place / "stderr").open("w") as error:
            running.append(
                subprocess.Popen(
                    [sys.executable, str(script), *line],
                    cwd=place,
                    env=os.environ | more,
                    stdout=subprocess.DEVNULL,
                    stderr=error,
                )
            )
        places.append(place)
    codes = [process.wait(timeout=MANY) for process in running]
    if any(codes):
        return codes, [(place / "stderr").read_text()[-500:] for place in places]
    return codes, [_metrics(place) for place in places]


def _metrics(place: Path) -> Any:
    """`metrics.json`, or the metrics of the card of weights."""
    for file in ("out/metrics.json", "out/conv_net.mine/card.json"):
        if (place / file).is_file():
            return json.loads((place / file).read_text())
    raise FileNotFoundError(f"no metrics in {place / 'out'}")


def differing(a: Any, b: Any, path: str = "") -> Any:
    """The paths of two values of JSON at which they differ."""
    if isinstance(a, dict) and isinstance(b, dict):
        for key in sorted({*a, *b}):
            yield from differing(a.get(key), b.get(key), f"{path}.{key}".strip("."))
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for place, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from differing(one, other, f"{path}[{place}]")
    elif a != b and not (a != a and b != b):
        yield f"{path}: {a!r}, {b!r}"
