"""A race of plans: all start, the better go on, and each round adds trainings on fresh seeds.

Noise is beaten by repetition. All plans that run in a round run on the same splits and seeds, so
what they have in common cancels when they are compared.
"""

import math
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from wszoo import arguments, batches
from wszoo.arguments import at_least_0, checked, count, each, several, some
from wszoo.sharing.plan import SharingPlan
from wszoo.tuner.racing.pooling import pooled
from wszoo.tuner.racing.side_by_side import Job, SideBySide
from wszoo.tuner.space.partitions import Labels, canonical
from wszoo.tuner.space.space import SearchSpace

Measure = Callable[[list[tuple[SharingPlan, int]]], np.ndarray]
WHOLE, STARTERS, POOL = 250, 400, 5000  # plans
FOLDS = 5  # of a cross-validation; every further five replicates shuffle the data anew


@checked(repeats=count, keep=count)
@dataclass(frozen=True)
class Round:
    """`repeats` further replicates of every plan still in; then the best `keep` stay.

    Before it, the `join` plans of the pool that promise most come in and catch up.
    """

    repeats: int
    keep: int
    join: int = 0


@dataclass
class Race:
    """Scores so far: plan → one a replicate, smaller is better. `standing` are still in, in order.

    `values` are estimates of all plans from all scores (`wszoo.tuner.racing.pooling`), with what a
    plan costs besides, a price of its parameters.
    """

    cost: Callable[[SharingPlan], float] = lambda plan: 0.0
    scores: dict[SharingPlan, list[float]] = field(default_factory=dict)
    values: dict[SharingPlan, float] = field(default_factory=dict)
    standing: list[SharingPlan] = field(default_factory=list)
    trained: int = 0

    def rank(self, keep: int) -> None:
        """Estimates every plan anew and keeps the best of those standing."""
        self.values = self._estimates([])
        self.standing = sorted(self.standing, key=self.values.__getitem__)[:keep]

    def promising(self, pool: Sequence[SharingPlan], number: int) -> list[SharingPlan]:
        """The plans of `pool` without a score that promise most, by those with one."""
        unseen = [plan for plan in pool if plan not in self.scores]
        values = self._estimates(unseen)
        return sorted(unseen, key=values.__getitem__)[:number]

    def _estimates(self, unseen: list[SharingPlan]) -> dict[SharingPlan, float]:
        scored = list(self.scores)
        worth = pooled(_labels(scored), list(self.scores.values()), _labels(unseen))
        both = [*scored, *unseen]
        return {p: float(w) + self.cost(p) for p, w in zip(both, worth, strict=True)}

    @property
    def best(self) -> SharingPlan:
        """The best estimate of those that have run longest."""
        return self.standing[0]

    @checked(width=at_least_0)
    def equal_to_best(self, width: float = 1.0) -> list[SharingPlan]:
        """Standing plans within `width` standard errors of the best, by paired differences."""
        best = np.array(self.scores[self.best])
        equal = []
        for plan in self.standing:
            gap = np.array(self.scores[plan]) - best
            error = gap.std(ddof=1) / np.sqrt(len(gap)) if len(gap) > 1 else 0.0
            if gap.mean() + self.cost(plan) - self.cost(self.best) <= width * error:
                equal.append(plan)
        return equal


@checked(plans=several, rounds=each(some(Round, "a Round")), pool=several)
def race(
    plans: Iterable[SharingPlan],
    measure: Measure,
    rounds: Sequence[Round],
    *,
    pool: Iterable[SharingPlan] = (),
    cost: Callable[[SharingPlan], float] = lambda plan: 0.0,
    report: Callable[[Race], None] = lambda race: None,
) -> Race:
    """Runs the rounds; `measure([(plan, replicate), …])` gives a score each.

    `pool` are the plans that may join. `report` hears of the race after each round. Raises
    `ValueError` for no plans or no rounds.
    """
    plans, pool = list(plans), list(pool)
    each(arguments.plan, least=0)("plans", plans)
    each(arguments.plan, least=0)("pool", pool)
    state = Race(cost=cost, standing=list(dict.fromkeys(plans)))
    if not state.standing or not rounds:
        raise ValueError("a race needs plans and rounds")
    waiting, replicates = list(dict.fromkeys(pool)), 0
    for turn in rounds:
        joining = state.promising(waiting, turn.join) if turn.join else []
        jobs = [(plan, replicate) for replicate in range(replicates) for plan in joining]
        state.standing += joining
        new = range(replicates, replicates + turn.repeats)
        jobs += [(plan, replicate) for replicate in new for plan in state.standing]
        for (plan, _), score in zip(jobs, measure(jobs), strict=True):
            if not math.isfinite(score):
                raise ValueError(
                    f"measure gave {score} for the plan {plan}: its training diverged; lower the "
                    "learning rate"
                )
            state.scores.setdefault(plan, []).append(float(score))
        replicates += turn.repeats
        state.trained += len(jobs)
        state.rank(turn.keep)
        report(state)
    return state


def _labels(plans: Sequence[SharingPlan]) -> list[Labels]:
    if not plans:
        return []
    sites = plans[0].sites
    owners = [dict(plan.owners) for plan in plans]
    return [canonical([owner[site] for site in sites]) for owner in owners]


@checked(first=count)
def halving(plans: int, *, first: int = 5, finalists: int = 8) -> list[Round]:
    """Rounds over `plans`: all on `first` replicates, then the best fifth on twice as many, …

    From then on each round keeps half and costs a fifth of the first one.
    """
    if plans <= finalists:
        return [Round(2 * first, plans)]
    keep = max(finalists, plans // 5)
    rounds = [Round(first, keep)]
    while keep > finalists:
        keep = max(finalists, keep // 2)
        rounds.append(Round(sum(turn.repeats for turn in rounds), keep))
    return rounds


@checked(first=count)
def race_through(
    space: SearchSpace,
    measure: Measure,
    *,
    first: int = 5,
    cost: Callable[[SharingPlan], float] = lambda plan: 0.0,
    report: Callable[[Race], None] = lambda race: None,
    seed: int = 0,
) -> Race:
    """A race over a space: of all its plans where it has no more than 250.

    In a larger one the templates and plans at random start, 400 in all, and then those join that
    promise most by like plans that have run, out of the space or of 5,000 drawn plans. `first` is
    the number of replicates of the first round, to which those of the others are in proportion.
    """
    if space.count <= WHOLE:
        rounds = halving(space.count, first=first)
        return race(space, measure, rounds, cost=cost, report=report)
    rng = random.Random(seed)
    pool = list(space) if space.count <= POOL else [space.draw(rng) for _ in range(POOL)]
    drawn = rng.sample(pool, min(STARTERS, len(pool)))
    starters = list(dict.fromkeys([*space.templates().values(), *drawn]))[:STARTERS]
    rounds = [
        Round(first, STARTERS // 2),
        Round(first, STARTERS // 2, join=STARTERS // 2),
        Round(first, STARTERS // 4, join=STARTERS // 4),
        Round(2 * first, 40),
        Round(5 * first, 20),
        Round(10 * first, 8),
    ]
    return race(starters, measure, rounds, pool=pool, cost=cost, report=report)


def split(examples: int, replicate: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Rows to train on and rows held out: replicates 0 to 4 are one cross-validation, and so on."""
    order = batches.order(examples, seed, replicate // FOLDS)
    held = np.arange(examples) % FOLDS == replicate % FOLDS
    return order[~held], order[held]


@checked()
def side_by_side(engine: SideBySide, x: np.ndarray, y: np.ndarray, *, seed: int = 0) -> Measure:
    """The measure of a race on arrays: the last loss on the held fold of each replicate.

    The number of examples must be a multiple of five.
    """
    if len(x) % FOLDS:
        raise ValueError(f"{len(x)} examples do not split into {FOLDS} equal folds; leave some out")
    splits: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def measure(pairs: list[tuple[SharingPlan, int]]) -> np.ndarray:
        for _, replicate in pairs:
            if replicate not in splits:
                splits[replicate] = split(len(x), replicate, seed)
        jobs = [Job(plan, *splits[r], seed=seed * 1000 + r) for plan, r in pairs]
        return engine.run(jobs, x, y)[:, -1]

    return measure
