"""Front: what a search found, a metric against stored parameters, with error bars."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wszoo import checks
from wszoo.arguments import at_least_0, checked, each, positive
from wszoo.files import written_whole
from wszoo.shown import counted, tabled
from wszoo.tuner.searching.schedule import Others

if TYPE_CHECKING:
    import keras
    from rich.table import Table


@dataclass(frozen=True)
class Point:
    """A plan as it was measured: `scores`, one a seed, of the metric at the end of full trials."""

    pattern: str
    parameters: int
    bytes: int
    scores: tuple[float, ...]
    others: Others = ()
    trial: str = ""

    @property
    def mean(self) -> float:
        """Of the scores, over seeds."""
        return float(np.mean(self.scores))

    @property
    def sd(self) -> float | None:
        """Over seeds; `None` for one seed."""
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else None


@tabled("table")
@dataclass(frozen=True, repr=False)
class Front:
    """The plans that ran in full, smallest first; `better` is "max" or "min" of the metric.

    No winner is named inside the noise: of plans that differ by less than the noise of their
    difference (one standard error) the smaller is taken.
    """

    metric: str
    better: str
    points: tuple[Point, ...]
    untied: str
    trials: int = 0
    complete: bool = True
    rebuild: "Callable[[Point], keras.Model] | None" = None
    failed: str = ""  # why plans failed, and which

    def __repr__(self) -> str:
        plans, front = counted(len(self.points), "plan"), [p.pattern for p in self.front]
        return f"Front({self.metric!r}: {plans} of {counted(self.trials, 'trial')}, best {front})"

    @property
    def front(self) -> tuple[Point, ...]:
        """The points that no smaller or equally small point matches or beats."""
        kept: list[Point] = []
        for point in sorted(self.points, key=lambda p: (p.parameters, -self._value(p))):
            if not kept or self._value(point) > self._value(kept[-1]):
                kept.append(point)
        return tuple(kept)

    @checked(max_parameters=positive)
    def best_under(self, max_parameters: float) -> Point:
        """The best plan that stores at most so much; of equals the smallest.

        A fraction such as `0.5` is of the untied model. Raises `ValueError` where none is as small.
        """
        limit = self._limit(max_parameters)
        within = [point for point in self.points if point.parameters <= limit]
        if not within:
            least = min(self.points, key=lambda p: p.parameters)
            raise ValueError(
                f"no plan that was tried stores at most {limit:,.0f} parameters; the smallest, "
                f"{least.pattern}, stores {least.parameters:,}"
            )
        best = max(within, key=self._value)
        noise = self.noise
        equal = [p for p in within if self._value(best) - self._value(p) <= _error(best, p, noise)]
        return min(equal, key=lambda p: (p.parameters, -self._value(p)))

    @checked(points=at_least_0)
    def smallest_within(self, points: float = 0.5) -> Point:
        """The smallest plan whose mean is at most so much worse than the untied model's.

        Of an accuracy `points` are hundredths; of a loss they are hundredths of the untied
        model's loss.
        """
        untied = next((p for p in self.points if p.pattern == self.untied), None)
        if untied is None:
            raise ValueError(f"the untied model, {self.untied}, was not measured")
        unit = 1.0 if self.better == "max" else abs(untied.mean)
        least = self._value(untied) - points / 100 * unit
        return min(
            (p for p in self.points if self._value(p) >= least),
            key=lambda p: (p.parameters, -self._value(p)),
        )

    @checked(reference=each(checks.number, least=2))
    def hypervolume(self, reference: tuple[float, float]) -> float:
        """How much the front beats a metric, mean over budgets from 0 to a number of parameters.

        `reference` is that number and the metric, in the unit of the metric: one value to compare
        fronts by. A budget in which no plan fits, or none beats the reference, counts as 0.
        Raises `ValueError` for a reference of no parameters.
        """
        parameters, metric = reference
        if parameters <= 0:
            raise ValueError(f"the reference has parameters above 0, not {parameters!r}")
        sign = 1.0 if self.better == "max" else -1.0
        values = [(float(p.parameters), -self._value(p)) for p in self.points]
        return hypervolume(values, (parameters, -sign * metric)) / parameters

    @property
    def noise(self) -> float:
        """Standard deviation of one seed, pooled over the plans that ran on several; else 0."""
        spread = [(len(p.scores) - 1, np.var(p.scores, ddof=1)) for p in self.points if p.sd]
        total = sum(n for n, _ in spread)
        return float(np.sqrt(sum(n * v for n, v in spread) / total)) if total else 0.0

    def build(self, point: Point) -> "keras.Model":
        """The trained model of a point. Raises `ValueError` for a front read from a file."""
        if self.rebuild is None:
            raise ValueError("this front has no project to rebuild models from")
        return self.rebuild(point)

    def table(self) -> "Table":
        """A rich table, smallest first; a star marks the front."""
        from rich.table import Table

        table = Table(title=f"{self.metric} over seeds, {self.trials} trials", title_justify="left")
        if self.failed:
            table.caption = f"failed: {self.failed}"
        for name in ("", "plan", "parameters", "of untied", self.metric, "sd", "seeds"):
            table.add_column(name, justify="left" if name in ("", "plan") else "right")
        front = set(self.front)
        most = max(point.parameters for point in self.points)
        for p in sorted(self.points, key=lambda p: (p.parameters, -self._value(p))):
            sd = "" if p.sd is None else f"{p.sd:.4f}"
            table.add_row(
                "*" if p in front else "", p.pattern, f"{p.parameters:,}",
                f"{p.parameters / most:.0%}", f"{p.mean:.4f}", sd, str(len(p.scores)),
            )  # fmt: skip
        return table

    @checked()
    def picture(self, path: str | Path) -> None:
        """Writes a picture of all points, one sd as a line, and the front as a step."""
        from wszoo.tuner.searching.picture import draw

        with written_whole(Path(path)) as part:
            draw(part, self)

    def to_dict(self) -> dict[str, object]:
        """The front as plain data."""
        fields = ("metric", "better", "untied", "trials", "complete", "failed")
        points = [asdict(point) | {"mean": point.mean, "sd": point.sd} for point in self.points]
        return {name: getattr(self, name) for name in fields} | {
            "points": points,
            "front": [point.pattern for point in self.front],
        }

    def _value(self, point: Point) -> float:
        return point.mean if self.better == "max" else -point.mean

    def _limit(self, budget: float) -> float:
        if isinstance(budget, float) and budget <= 1:
            return budget * max(point.parameters for point in self.points)
        return budget


def hypervolume(points: Sequence[tuple[float, float]], reference: tuple[float, float]) -> float:
    """The area up to `reference` in which some point is smaller or equal in both coordinates.

    Points that are not below the reference in both add nothing (Zitzler & Thiele 1998,
    "Multiobjective Optimization Using Evolutionary Algorithms").
    """
    area, level = 0.0, reference[1]
    for x, y in sorted(points):
        if x < reference[0] and y < level:
            area += (reference[0] - x) * (level - y)
            level = y
    return area


def _error(one: Point, other: Point, noise: float) -> float:
    """Standard error of the difference of two means; one seed has the noise of the others."""
    return float(np.sqrt(sum((p.sd or noise) ** 2 / len(p.scores) for p in (one, other))))
