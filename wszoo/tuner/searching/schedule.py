"""What to train next in a search: generations of runs, a pure function of the results so far.

Nothing but the results is state, so a search that was killed, or that many workers share, goes on
just as one process would have: a generation begins when the one before it has ended.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypedDict

from wszoo.arguments import checked, some
from wszoo.sharing.plan import SharingPlan
from wszoo.tuner.space.space import SearchSpace

Value = str | int | float | bool  # of a hyperparameter
Values = dict[str, Value]
Others = tuple[tuple[str, Value], ...]  # the user's own values, by name
Scores = Mapping["Run", float | None]  # smaller is better; None: failed
Draw = Callable[[random.Random], Values]


@dataclass(frozen=True)
class Run:
    """One trial: a plan by its pattern, the user's other values, epochs and seed."""

    pattern: str
    epochs: int
    seed: int = 0
    others: Others = ()


@checked()
@dataclass(frozen=True)
class Effort:
    """How long plans train, how many are tried, and on how many seeds; see `Schedule`."""

    epochs: int = 3
    short: int = 1
    plans: int = 24
    finalists: int = 5
    seeds: int = 3


class EffortOptions(TypedDict, total=False):
    """The fields of `Effort` as plain keywords."""

    epochs: int
    short: int
    plans: int
    finalists: int
    seeds: int


@checked()
@dataclass(frozen=True)
class Schedule:
    """Which plans of a space are tried, for how long, and on how many seeds.

    1. The controls (untied, tied), the other templates, and plans at random: half of `plans`.
    2. Steps around the best so far, a quarter of `plans` a generation, until `plans` were tried.
    3. The better third, and the controls, for all `epochs` where `short` was less.
    4. The finalists, those that no other beats in score and size and then the next best, on
       `seeds` seeds.

    A space of no more than `plans` is tried whole. Raises `ValueError` for counts below 1.
    """

    space: SearchSpace
    epochs: int
    short: int
    plans: int = 24
    finalists: int = 5
    seeds: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        if self.short > self.epochs:
            raise ValueError(f"short ({self.short}) is at most epochs ({self.epochs})")

    @checked(scores=some(Mapping, "scores by run"))
    def generation(self, scores: Scores, others: Draw = lambda rng: {}) -> list[Run]:
        """The first generation that is not done, whole; empty when the search is done.

        `others` draws the user's other values for plans that are not controls or templates.
        """
        for runs in self._generations(scores, others):
            if any(run not in scores for run in runs):
                return runs
        return []

    @checked(scores=some(Mapping, "scores by run"))
    def fronted(self, scores: Scores) -> list[Run]:
        """Runs with a score, the best of each plan: first those on the front, then by score."""
        done = sorted((run for run in scores if scores[run] is not None), key=self._order(scores))
        front: list[Run] = []
        for run in done:  # from the best score on: on the front if smaller than all before it
            if not front or self._size(run) < self._size(front[-1]):
                front.append(run)
        return front + [run for run in done if run not in front]

    def _generations(self, scores: Scores, others: Draw) -> Iterator[list[Run]]:
        tried: list[Run] = self._first(others)
        yield tried
        number = min(self.plans, self.space.count)
        for turn in range(1, 100):
            if len(tried) >= number:
                break
            looks = {run: scores[run] for run in tried if run in scores}
            children = self._children(looks, tried, number, turn, others)
            if not children:
                break
            yield children
            tried += children
        looks = {run: scores.get(run) for run in tried}
        controls = [run for run in tried if run.pattern in self._controls]
        best = self.fronted(looks)[: max(self.finalists, -(-len(tried) // 3))]
        full = [_longer(run, self.epochs) for run in dict.fromkeys([*controls, *best])]
        yield full
        ends = {run: scores.get(run) for run in full}
        last = dict.fromkeys([*(_longer(run, self.epochs) for run in controls),
                              *self.fronted(ends)[: self.finalists]])  # fmt: skip
        yield [
            Run(run.pattern, run.epochs, seed, run.others)
            for run in last
            for seed in range(1, self.seeds)
        ]

    @property
    def _controls(self) -> list[str]:
        return [self.space.pattern(plan) for plan in (self.space.untied, self.space.tied)]

    def _first(self, others: Draw) -> list[Run]:
        rng = random.Random(f"{self.seed} first")
        fixed = [*self._controls, *map(self.space.pattern, self.space.templates().values())]
        chosen = dict.fromkeys(fixed[: max(2, self.plans)])
        runs = [Run(pattern, self.short) for pattern in chosen]
        if self.space.count <= self.plans:
            more, limit = [self.space.pattern(plan) for plan in self.space], self.space.count + 1
        else:
            limit = max(len(runs), self.plans // 2)
            more = _distinct(lambda: self.space.draw(rng), self.space, limit)
        new = [Run(p, self.short, 0, _pairs(others(rng))) for p in more if p not in chosen]
        return (runs + new)[:limit]

    def _children(
        self, looks: Scores, tried: Sequence[Run], number: int, turn: int, others: Draw
    ) -> list[Run]:
        rng = random.Random(f"{self.seed} {turn}")
        parents = self.fronted(looks)[: max(2, len(tried) // 4)]
        if not parents:
            return []
        patterns = {run.pattern for run in tried}
        wanted = min(max(2, self.plans // 4), number - len(tried))
        children: dict[str, Run] = {}
        for attempt in range(50 * wanted):
            parent = parents[attempt % len(parents)]
            pattern = self.space.pattern(self.space.mutate(self.space.plan(parent.pattern), rng))
            if pattern not in patterns and pattern not in children:
                kept = dict(parent.others) if rng.random() < 0.5 and parent.others else others(rng)
                children[pattern] = Run(pattern, self.short, 0, _pairs(kept))
            if len(children) == wanted:
                break
        return list(children.values())

    def _size(self, run: Run) -> int:
        return self.space.stored_parameters(self.space.plan(run.pattern))

    def _order(self, scores: Scores) -> Callable[[Run], tuple[float | None, int, str, int]]:
        return lambda run: (scores[run], self._size(run), run.pattern, run.seed)


def _longer(run: Run, epochs: int) -> Run:
    return Run(run.pattern, epochs, run.seed, run.others)


def _pairs(values: Values) -> Others:
    return tuple(sorted(values.items()))


def _distinct(make: Callable[[], SharingPlan], space: SearchSpace, number: int) -> list[str]:
    patterns: dict[str, None] = {}
    for _ in range(50 * number):
        if len(patterns) >= number:
            break
        patterns.setdefault(space.pattern(make()))
    return list(patterns)
