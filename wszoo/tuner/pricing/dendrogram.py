"""The picture of a suggestion: a tree of merges for each kind of sites."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wszoo.tuner.pricing.suggest import Suggestion


def draw(path: Path, suggestion: "Suggestion") -> None:
    """Sites at the left; a bracket stands at the price of the plan that merges what it joins."""
    from matplotlib.figure import Figure

    sites = _ordered(suggestion)
    figure = Figure(figsize=(7, 1 + 0.25 * len(sites)), layout="constrained")
    axes = figure.subplots()
    place = {site: (0.0, float(-i)) for i, site in enumerate(sites)}  # owner → price, height
    reached = 0.0
    for step in suggestion.steps[1:]:
        reached = max(reached, step.price)  # a merge never stands before one that came earlier
        (left_a, a), (left_b, b) = (place[owner] for owner in step.merged)
        axes.plot([left_a, reached, reached, left_b], [a, a, b, b], color="C0", lw=1.5)
        place[step.plan.owner(step.merged[0])] = (reached, (a + b) / 2)
    axes.set_yticks([-i for i in range(len(sites))], sites, fontsize=8)
    axes.set_xlabel(f"price of the plan ({suggestion.method})")
    axes.set_title(f"merges of {suggestion.model}", loc="left", fontsize=10)
    axes.set_xlim(left=0)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, format="png", dpi=120)


def _ordered(suggestion: "Suggestion") -> list[str]:
    """The sites that merge, in an order in which no two brackets cross."""
    below: dict[str, list[str]] = {}
    for step in suggestion.steps[1:]:
        a, b = step.merged
        joined = below.pop(a, [a]) + below.pop(b, [b])
        below[step.plan.owner(a)] = joined
    return [site for group in below.values() for site in group]
