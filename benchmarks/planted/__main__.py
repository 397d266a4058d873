"""Searches for the plan of a network whose truth is known: every plan of it was tried many times.

    python -m benchmarks.planted truth          # errors of all 203 plans over seeds
    python -m benchmarks.planted replay         # every search on every teacher
    python -m benchmarks.planted eight          # 8 sites: 4,140 plans against a sample of them
    python -m benchmarks.planted.times          # seconds of real runs, on a quiet machine
    python -m benchmarks.planted.page           # docs/planted.md, metrics.json, the pictures

What a task is: planted_tasks.py. What the searches do: planted_methods.py. Each command goes on
where it was stopped; results lie in docs/planted/.
"""

from typing import Annotated

import numpy as np
import typer
from rich.progress import track

from benchmarks.planted.methods import OURS, PEERS, Measured, Trials, ours
from benchmarks.planted.stored import EIGHT_SEEDS, read, write
from benchmarks.planted.tasks import DRAWS, TASKS, Bench, Task
from wszoo.command_line import run

FIRST_TRUTH_SEED = 5000  # its weights and orders are none of those that searches see
SAMPLE = 400  # plans of eight sites whose truth is measured
FIRST = 3  # replicates of the first round of the race over eight sites
app = typer.Typer(add_completion=False)


def teachers(depth: int) -> list[Task]:
    return [Task(pattern, draw) for draw in DRAWS for pattern in TASKS[depth]]


@app.command()
def truth(seeds: Annotated[int, typer.Option(help="Seeds of every plan.")] = 16) -> None:
    """Clean test errors of all plans of six sites, a row a seed, for each teacher."""
    bench, found = Bench(6), read("truth.json")
    plans = list(bench.space)
    found.setdefault("patterns", [plan.pattern for plan in plans])
    for seed in track(range(seeds), "truth"):
        for task in teachers(6):
            rows = found.setdefault(f"{task.pattern} {task.draw}", [])
            if len(rows) <= seed:
                errors = bench.errors(task, plans, FIRST_TRUTH_SEED + seed)
                rows.append(errors.round(5).tolist())
                write("truth.json", found)


@app.command()
def replay(seeds: Annotated[int, typer.Option(help="Searches of each teacher.")] = 3) -> None:
    """Every search on every teacher, from several seeds: what it would have named, over work."""
    bench, found = Bench(6), read("replays.json")
    for seed in track(range(seeds), "searches"):
        for task in teachers(6):
            runs = found.setdefault(f"{task.pattern} {task.draw} {seed}", {})
            if not runs:
                trials = Trials(bench, task, seed)
                runs |= {name: find(trials, seed).points for name, find in PEERS.items()}
                write("replays.json", found)
            measure = Measured(bench, task, seed)
            for name, first in OURS.items():
                if name not in runs:
                    runs[name] = ours(bench, measure, seed, first)[0].points
                    write("replays.json", found)


@app.command()
def eight() -> None:
    """A race over 4,140 plans for each teacher; the truth of a sample and of what was named."""
    bench, found = Bench(8), read("eight.json")
    plans = list(bench.space)
    rng = np.random.default_rng(19)
    sample = [plans[i] for i in rng.choice(len(plans), SAMPLE, replace=False)]
    found["sample"] = [plan.pattern for plan in sample]
    for pattern in track(TASKS[8], "eight sites"):
        task = Task(pattern, DRAWS[0])
        entry = found.setdefault(pattern, {"truth": {}})
        if "points" not in entry:
            trace, state = ours(bench, Measured(bench, task, 0), 0, FIRST)
            entry |= {"points": trace.points, "plans": len(state.scores)}
            write("eight.json", found)
        named = entry["points"][-1][1]
        controls = [bench.space.plan(p) for p in (named, pattern, "AAAAAAAA", "ABCDEFGH")]
        asked = list(dict.fromkeys([*sample, *controls]))
        for seed in range(EIGHT_SEEDS):
            new = [p for p in asked if len(entry["truth"].get(p.pattern, [])) <= seed]
            if not new:
                continue
            errors = bench.errors(task, new, FIRST_TRUTH_SEED + seed)
            for plan, error in zip(new, errors, strict=True):
                entry["truth"].setdefault(plan.pattern, []).append(round(float(error), 5))
            write("eight.json", found)


if __name__ == "__main__":
    run(app)
