"""The searches that benchmarks/fronts compares, each on one task and seed.

All have the same budget of epochs, `BUDGET`, which is the most that `wszoo.tuner.search` can take,
the training of its parent included. What a search gives is a list of rows, a
plan each: its size, the held metric that the search saw (a mean where it trained a plan several
times) and the test metric of the models that it trained.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fronts import neighbours
from benchmarks.fronts.tasks import EPOCHS, Bench, bad, untied
from wszoo.sharing.surgery.retie import retie
from wszoo.tuner import search

PLANS, FINALISTS, SEEDS = 16, 4, 3
BUDGET = EPOCHS + PLANS + (-(-PLANS // 3) + 2) * EPOCHS + (FINALISTS + 2) * (SEEDS - 1) * EPOCHS
AGAIN = 5  # plans that the search at random trains on two more seeds
OURS = "wszoo.tuner.search"
RANDOM = "random plans, best five again"
KINDS = ("RandomSearch", "BayesianOptimization", "Hyperband")
Row = dict[str, Any]


class Trainings:
    """Curves of trainings from scratch, by plan and number; those not known yet are trained."""

    def __init__(self, bench: Bench, path: Path):
        self.bench, self.path = bench, path
        lines = path.read_text().splitlines() if path.is_file() else []
        rows = [json.loads(line) for line in lines]
        self._known = {(row["plan"], row["again"]): row["curve"] for row in rows}

    def curve(self, pattern: str, again: int = 0) -> list[list[float]]:
        """Held and test metric an epoch."""
        if (pattern, again) not in self._known:
            row = {"plan": pattern, "again": again, "curve": self.bench.curve(pattern, again)}
            with self.path.open("a") as file:
                file.write(json.dumps(row) + "\n")
            self._known[pattern, again] = row["curve"]
        return self._known[pattern, again]

    def best(self, pattern: str, again: int = 0, epochs: int = EPOCHS) -> tuple[float, float]:
        """Held and test metric at the epoch that is best on held examples."""
        held, test = min(self.curve(pattern, again)[:epochs])
        return held, test


def random_plans(trainings: Trainings, seed: int) -> dict[str, Any]:
    """Plans at random; the five that are first on the front, then by score, on two more seeds."""
    bench = trainings.bench
    plans = [bench.space.pattern(plan) for plan in bench.space]
    number = BUDGET // EPOCHS - AGAIN * (SEEDS - 1)
    rng = np.random.default_rng([17, seed])
    drawn = [plans[i] for i in rng.choice(len(plans), number, replace=False)]
    rows = [row_of(bench, plan, [trainings.best(plan)]) for plan in drawn]
    front = front_of(rows)
    others = sorted((row for row in rows if row not in front), key=lambda row: row["held"])
    for row in (front + others)[:AGAIN]:
        each = [trainings.best(row["plan"], again) for again in range(SEEDS)]
        row |= row_of(bench, row["plan"], each)
    return {"rows": rows, "epochs": (number + AGAIN * (SEEDS - 1)) * EPOCHS}


def tuner(kind: str) -> Callable[[Trainings, int], dict[str, Any]]:
    """A search by one of KerasTuner's own oracles, until the budget is spent."""

    def run(trainings: Trainings, seed: int) -> dict[str, Any]:
        bench, found, spent = trainings.bench, {}, 0
        with tempfile.TemporaryDirectory() as folder:
            oracle = neighbours.oracle(kind, len(bench.space.units), seed, **length(kind))
            oracle._set_project_dir(folder, "fronts")
            while (trial := oracle.create_trial("tuner0")).status == "RUNNING":
                values = trial.hyperparameters.values
                pattern = neighbours.joined(values, len(bench.space.units))
                epochs = values.get("tuner/epochs", EPOCHS)
                cost = epochs - values.get("tuner/initial_epoch", 0)
                if spent + cost > BUDGET:
                    break
                spent += cost
                held, test = trainings.best(pattern, epochs=epochs)
                row = row_of(bench, pattern, [(held, test)])
                score = held + bench.task.price * row["size"]
                oracle.update_trial(trial.trial_id, {"val_loss": score})
                trial.status = "COMPLETED"
                oracle.end_trial(trial)
                if epochs >= found.get(pattern, (0, row))[0]:  # a plan run for longer counts
                    found[pattern] = epochs, row
        return {"rows": [row for _, row in found.values()], "epochs": spent}

    return run


def length(kind: str) -> dict[str, int]:
    if kind == "Hyperband":
        return {"max_epochs": EPOCHS, "hyperband_iterations": BUDGET}
    return {"max_trials": BUDGET}


def ours(bench: Bench, folder: Path) -> dict[str, Any]:
    """A real search, with its defaults; each point is judged by all models trained for it."""
    task, split = bench.task, bench.split
    shutil.rmtree(folder, ignore_errors=True)  # half a search has no time of its own
    began, work = time.time(), time.process_time()
    front = search(
        bench.model,
        split.train,
        split.held,
        folder,
        space=bench.space,
        objective=task.objective,
        epochs=EPOCHS,
        plans=PLANS,
        finalists=FINALISTS,
        seeds=SEEDS,
        seed=bench.seed,
        batch_size=task.batch,
    )
    seconds, work = time.time() - began, time.process_time() - work
    runs = trials_in(folder)
    twin = bench.trainer.model
    rows = []
    for point in front.points:
        each = []
        for name, score in runs[point.pattern]:
            twin.load_weights(folder / "trials" / f"trial_{name}" / "checkpoint.weights.h5")
            held = 1 - score if front.better == "max" else score
            assert np.isclose(bad(task, twin, split.held), held, rtol=1e-3, atol=2e-3)
            each.append((held, bad(task, twin, split.test)))
        rows.append(row_of(bench, point.pattern, each))
    epochs = EPOCHS + sum(epochs for _, _, epochs in every_trial(folder))
    shutil.rmtree(folder)
    return {"rows": rows, "epochs": epochs, "seconds": seconds, "processor_seconds": work}


def every_trial(folder: Path) -> list[tuple[str, dict[str, Any], int]]:
    """Name, what its file says, and epochs of each trial of a search."""
    found = [json.loads(path.read_text()) for path in folder.glob("trials/trial_*/trial.json")]
    return [(t["trial_id"], t, t["hyperparameters"]["values"]["tuner/epochs"]) for t in found]


def trials_in(folder: Path) -> dict[str, list[tuple[str, float]]]:
    """Plan → names and scores of its trials that ran for all epochs."""
    runs: dict[str, list[tuple[str, float]]] = {}
    for name, trial, epochs in sorted(every_trial(folder), key=lambda each: each[0]):
        if epochs == EPOCHS and trial["status"] == "COMPLETED":
            plan = trial["hyperparameters"]["values"]["plan"]
            runs.setdefault(plan, []).append((name, trial["score"]))
    return runs


def row_of(bench: Bench, plan: str, each: list[tuple[float, float]]) -> Row:
    """Of a plan: size as a share of the untied model, held and test metric, means over seeds."""
    held, test = np.mean(each, axis=0).tolist()
    return {"plan": plan, "size": bench.share(plan), "held": held, "test": test, "runs": len(each)}


def front_of(rows: list[Row]) -> list[Row]:
    """The rows that no smaller or equally small one matches or beats on held examples."""
    kept: list[Row] = []
    for row in sorted(rows, key=lambda row: (row["size"], row["held"])):
        if not kept or row["held"] < kept[-1]["held"]:
            kept.append(row)
    return kept


def plain_seconds(bench: Bench, pattern: str) -> float:
    """Processor seconds of a trial as KerasTuner runs it: build, compile, train, score."""
    began = time.process_time()
    model = untied(bench.task, bench.split, bench.seed)
    tied = retie(model, bench.space.plan(pattern))
    tied.compile_from_config(model.get_compile_config())
    tied.fit(*bench.split.train, batch_size=bench.task.batch, epochs=EPOCHS,
             validation_data=bench.split.held, verbose=0)  # fmt: skip
    return time.process_time() - began


PEERS: dict[str, Callable[[Trainings, int], dict[str, Any]]] = {
    **{f"KerasTuner {kind}": tuner(kind) for kind in KINDS},
    RANDOM: random_plans,
}
