"""Searches for the plan of a network whose truth is known: every plan of it was tried many times.

    python benchmarks/planted.py truth          # errors of all 203 plans over seeds
    python benchmarks/planted.py replay         # every search on many data sets
    python benchmarks/planted.py eight          # 8 sites: 4,140 plans against a sample of them
    python benchmarks/planted_times.py          # seconds of real runs, on a quiet machine
    python benchmarks/planted_page.py           # docs/planted.md, metrics.json, the pictures

What a task is: planted_tasks.py. What the searches do: planted_methods.py. Each command goes on
where it was stopped; results lie in docs/planted/.
"""

import json
from itertools import product
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from planted_methods import OURS, PEERS, Trials, ours
from planted_tasks import TASKS, Bench, Task
from rich.progress import track

from wszoo.cli import run
from wszoo.sharing.files import written_whole

OUT = Path("docs/planted")
DATA_SETS = 2  # of each teacher
FIRST_TRUTH_SEED = 5000  # its weights and orders are none of those that searches see
SAMPLE = 400  # plans of eight sites whose truth is measured
app = typer.Typer(add_completion=False)


def read(name: str) -> dict:
    path = OUT / name
    return json.loads(path.read_text()) if path.is_file() else {}


def write(name: str, data: dict) -> None:
    with written_whole(OUT / name) as part:
        part.write_text(json.dumps(data, separators=(",", ":")) + "\n")


@app.command()
def truth(seeds: Annotated[int, typer.Option(help="Seeds of every plan.")] = 16) -> None:
    """Clean test errors of all plans of six sites, a row a seed, for each teacher and data set."""
    bench, found = Bench(6), read("truth.json")
    plans = list(bench.space)
    found.setdefault("patterns", [plan.pattern for plan in plans])
    for seed in track(range(seeds), "truth"):
        for pattern, data in product(TASKS[6], range(DATA_SETS)):
            rows = found.setdefault(f"{pattern} {data}", [])
            if len(rows) <= seed:
                errors = bench.errors(Task(pattern), plans, data, FIRST_TRUTH_SEED + seed)
                rows.append(errors.round(5).tolist())
                write("truth.json", found)


@app.command()
def replay(seeds: Annotated[int, typer.Option(help="Searches of each data set.")] = 5) -> None:
    """Every search on every data set, from several seeds: what it would have named, over work."""
    bench, found = Bench(6), read("replays.json")
    for seed in track(range(seeds), "searches"):
        for pattern, data in product(TASKS[6], range(DATA_SETS)):
            runs = found.setdefault(f"{pattern} {data} {seed}", {})
            if not runs:
                trials = Trials(bench, Task(pattern), data, seed)
                runs |= {name: find(trials, seed).points for name, find in PEERS.items()}
                write("replays.json", found)
            if OURS not in runs:
                runs[OURS] = ours(bench, Task(pattern), data, seed)[0].points
                write("replays.json", found)


@app.command()
def eight(seeds: Annotated[int, typer.Option(help="Searches of each teacher.")] = 2) -> None:
    """Races over 4,140 plans; the truth of a sample and of what the races named."""
    bench, found = Bench(8), read("eight.json")
    plans = list(bench.space)
    rng = np.random.default_rng(19)
    sample = [plans[i] for i in rng.choice(len(plans), SAMPLE, replace=False)]
    for pattern in track(TASKS[8], "eight sites"):
        task, entry = Task(pattern), found.setdefault(pattern, {"races": {}, "truth": {}})
        for seed in range(seeds):
            if str(seed) not in entry["races"]:
                trace, result = ours(bench, task, 0, seed)
                entry["races"][str(seed)] = {"trained": result.trained, "points": trace.points}
                write("eight.json", found)
        named = [bench.space.plan(r["points"][-1][1]) for r in entry["races"].values()]
        asked = list(dict.fromkeys([*sample, *named, bench.space.plan(pattern)]))
        for i in range(6):
            new = [p for p in asked if len(entry["truth"].get(p.pattern, [])) <= i]
            if not new:
                continue
            errors = bench.errors(task, new, 0, FIRST_TRUTH_SEED + i)
            for plan, error in zip(new, errors, strict=True):
                entry["truth"].setdefault(plan.pattern, []).append(round(float(error), 5))
            write("eight.json", found)
    found["sample"] = [plan.pattern for plan in sample]
    write("eight.json", found)


if __name__ == "__main__":
    run(app)
