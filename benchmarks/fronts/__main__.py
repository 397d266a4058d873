"""Searches for a front of quality over parameters on real data, ours and others, at equal cost.

    python -m benchmarks.fronts --data-dir TFDS

For `conv_net` with six blocks on digits and on fashion_mnist, and `tied_lm` of six blocks on
tiny_shakespeare, each of several seeds (examples, initial weights and orders of its own) is
searched by `wszoo.tuner.search`, by KerasTuner's RandomSearch, BayesianOptimization and Hyperband
over one boolean a pair of neighbours, and by plans at random of which the best five are trained
again. All have the same number of epochs. Tasks: fronts_tasks.py; searches: fronts_methods.py.

A training from scratch is the same for all searches that ask for it, so it is done once and kept
as a line in --out; so is every finished search. A benchmark that is stopped goes on where it was.
Writes docs/fronts/ and docs/fronts.md, by fronts_page.py.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.fronts import page as fronts_page
from benchmarks.fronts.methods import BUDGET, OURS, PEERS, Trainings, ours, plain_seconds
from benchmarks.fronts.tasks import EPOCHS, TASKS, Bench
from wszoo import claims
from wszoo.command_line import run
from wszoo.data import load
from wszoo.files import written_whole

TIMED = "AABBCC"  # the plan whose plain trial is timed


def main(
    tasks: Annotated[str, typer.Option(help="Which, with commas.")] = ",".join(TASKS),
    seeds: Annotated[int, typer.Option(help="Searches of each kind.")] = 3,
    first: Annotated[int, typer.Option(help="The first seed.")] = 0,
    data_dir: Annotated[Path | None, typer.Option(help="Where TFDS keeps data sets.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs/fronts"),
    docs: Annotated[Path, typer.Option(help="Folder of the summary.")] = fronts_page.DOCS,
) -> None:
    """Searches on real data at equal cost."""
    names = tasks.split(",")
    about = {"epochs": EPOCHS, "budget": BUDGET, "first": first, "tasks": TASKS}
    claims.claim(out, about)
    for name in names:
        claims.claim(out / name, {"data": load(TASKS[name].data, data_dir=data_dir)})
    for seed in range(first, first + seeds):
        for name in names:
            one(name, seed, out, data_dir)
    found = [json.loads(path.read_text()) for path in sorted(out.glob("*/[0-9]*.json"))]
    fronts_page.write(docs, found)


def one(name: str, seed: int, out: Path, data_dir: Path | None) -> None:
    """All searches of one task and seed; those that are there already are left."""
    home = out / name
    home.mkdir(exist_ok=True)
    path = home / f"{seed}.json"
    done: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    bench = Bench(TASKS[name], seed, data_dir)
    trainings = Trainings(bench, home / f"{seed}.jsonl")

    def keep(**new: Any) -> None:
        done.update(task=name, seed=seed, **new)
        with written_whole(path) as part:
            part.write_text(json.dumps(done, indent=1) + "\n")

    if "plain_seconds" not in done:
        keep(plain_seconds=plain_seconds(bench, TIMED))
    if OURS not in done:
        keep(**{OURS: ours(bench, home / f"search_{seed}")})
    for method, search in PEERS.items():
        if method not in done:
            keep(**{method: search(trainings, seed)})
        rows = done[method]["rows"]
        print(name, seed, method, len(rows), done[method]["epochs"], flush=True)


if __name__ == "__main__":
    run(main)
