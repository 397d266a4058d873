"""The searches that benchmarks/planted compares, each on one teacher.

A peer's trial trains on 200 of the examples and scores on the other 50, as a user's would. Its
score is the best epoch's, as KerasTuner takes it, plus the price of the parameters. Trials of the
peers are looked up: the engine trains every plan once for each teacher and seed, and gives what
Keras gives (tests/tuner/test_engine.py), and seconds are measured on real runs (planted_times.py).
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from benchmarks.fronts import neighbours
from benchmarks.planted.tasks import EXAMPLES, TRAINING, Bench, Task
from wszoo import SharingPlan
from wszoo.tuner.racing.race import Race, race_through, side_by_side, split
from wszoo.tuner.racing.side_by_side import Job

TRIALS = 32
AGAIN, SEEDS = 5, 2  # the best five on two more seeds


@dataclass
class Trace:
    """What a search would have named after so much work: (full trainings, pattern) in order."""

    points: list[tuple[float, str]] = field(default_factory=list)

    def note(self, work: float, plan: SharingPlan) -> None:
        self.points.append((work, plan.pattern))


class Trials:
    """The scores of trials on one teacher: plan and seed → the curve on the 50 held examples."""

    def __init__(self, bench: Bench, task: Task, seed: int):
        self.bench, self.plans = bench, list(bench.space)
        x, y = task.data()
        train, held = split(EXAMPLES, 0, seed + 500)  # a user's one split
        self._run = lambda plans, seeds: bench.engine.run(
            [Job(plan, train, held, s) for s in seeds for plan in plans], x, y
        )
        self._first = dict(zip(self.plans, self._run(self.plans, [seed]), strict=True))
        self._seed = seed

    def score(self, plan: SharingPlan, share: float = 1.0) -> float:
        """The best point within the first `share` of the training, and the plan's price."""
        points = max(1, round(share * TRAINING.points))
        return float(self._first[plan][:points].min()) + self.bench.price(plan)

    def again(self, plans: list[SharingPlan]) -> np.ndarray:
        """Mean scores of some plans over the first seed and two new ones."""
        curves = self._run(plans, [10_000 * (i + 1) + self._seed for i in range(SEEDS)])
        new = curves.min(1).reshape(SEEDS, len(plans))
        new += [self.bench.price(plan) for plan in plans]
        return np.mean([[self.score(plan) for plan in plans], *new], axis=0)


def random_plans(trials: Trials, seed: int) -> Trace:
    """32 plans at random, then the best five on two more seeds."""
    rng = np.random.default_rng([17, seed])
    trace, tried = Trace(), []
    for i in rng.choice(len(trials.plans), TRIALS, replace=False):
        tried.append(trials.plans[i])
        trace.note(len(tried), min(tried, key=trials.score))
    best = sorted(tried, key=trials.score)[:AGAIN]
    means = trials.again(best)
    trace.note(TRIALS + AGAIN * SEEDS, best[int(means.argmin())])
    return trace


def tuner(kind: str) -> Callable[[Trials, int], Trace]:
    """A search by one of KerasTuner's own oracles."""

    def search(trials: Trials, seed: int) -> Trace:
        trace, tried, work = Trace(), {}, 0.0
        depth = len(trials.bench.space.units)
        with tempfile.TemporaryDirectory() as folder:
            oracle = neighbours.oracle(kind, depth, seed, **ORACLES[kind])
            oracle._set_project_dir(folder, "planted")
            while (trial := oracle.create_trial("tuner0")).status == "RUNNING":
                values = trial.hyperparameters.values
                plan = trials.bench.space.plan(neighbours.joined(values, depth))
                share = values.get("tuner/epochs", EPOCHS) / EPOCHS
                work += share - values.get("tuner/initial_epoch", 0) / EPOCHS
                score = trials.score(plan, share)
                oracle.update_trial(trial.trial_id, {"val_loss": score})
                trial.status = "COMPLETED"
                oracle.end_trial(trial)
                tried[trial.trial_id] = (score, plan)
                trace.note(work, min(tried.values(), key=lambda pair: pair[0])[1])
        return trace

    return search


EPOCHS = TRAINING.steps // 5  # five batches of 40 in 200 examples
ORACLES = {
    "RandomSearch": {"max_trials": TRIALS},
    "BayesianOptimization": {"max_trials": TRIALS},
    "Hyperband": {"max_epochs": EPOCHS, "hyperband_iterations": 2},
}


class Measured:
    """The measure of a race on a teacher's examples; no training of it is done twice."""

    def __init__(self, bench: Bench, task: Task, seed: int):
        self._measure = side_by_side(bench.engine, *task.data(), seed=seed)
        self._known: dict[tuple[SharingPlan, int], float] = {}

    def __call__(self, pairs: list[tuple[SharingPlan, int]]) -> np.ndarray:
        new = [pair for pair in pairs if pair not in self._known]
        if new:
            self._known |= dict(zip(new, self._measure(new), strict=True))
        return np.array([self._known[pair] for pair in pairs])


def ours(
    bench: Bench,
    measure: Measured,
    seed: int,
    first: int,
    after_round: Callable[[], None] = lambda: None,
) -> tuple[Trace, Race]:
    """A race of plans over folds of the 250 examples, all of it trained side by side."""

    def note(state: Race) -> None:
        trace.note(state.trained, state.best)
        after_round()

    trace = Trace()
    return trace, race_through(
        bench.space, measure, first=first, cost=bench.price, report=note, seed=seed
    )


PEERS: dict[str, Callable[[Trials, int], Trace]] = {
    "random plans, best five again": random_plans,
    **{f"KerasTuner {kind}": tuner(kind) for kind in ORACLES},
}
OURS = {"wszoo race": 5, "wszoo race, longer": 20}  # replicates of all plans in the first round
