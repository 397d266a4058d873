"""The picture of a front: a metric against stored parameters."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from wszoo.tuner.searching.front import Front, Point


def draw(path: Path, front: "Front") -> None:
    """All points, one sd as a line, and the front as a step."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axis = figure.subplots()
    best = front.front
    _bars(axis, [p for p in front.points if p not in best], "0.6", "beaten")
    _bars(axis, best, "C0", "front")
    axis.step([p.parameters for p in best], [p.mean for p in best], where="post", color="C0", lw=1)
    for p in best:
        axis.annotate(p.pattern, (p.parameters, p.mean), (4, 6), textcoords="offset points")
    axis.set(xlabel="stored parameters", ylabel=front.metric, xlim=(0, None))
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.grid(alpha=0.3)
    axis.legend()
    figure.savefig(path, dpi=120, format="png")


def _bars(axis: "Axes", points: Sequence["Point"], colour: str, label: str) -> None:
    if points:
        axis.errorbar(
            [p.parameters for p in points], [p.mean for p in points],
            yerr=[p.sd or 0 for p in points], fmt="o", ms=4, capsize=2, color=colour, label=label,
        )  # fmt: skip
