"""Figures of a comparison, each with its spread, and what the differences are worth.

The rule: arms are paired over seeds (the same draw of samples, order and seed), and a difference
from the reference counts where the 95 % t-interval of the mean paired difference leaves out 0.
Otherwise it is "no difference": the runs do not show one, which is not a proof that there is none.
Each interval stands alone, so of twenty that mean nothing one leaves out 0 by chance.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from wszoo import checks
from wszoo.arguments import checked, each, mapping
from wszoo.comparison.conditions import Conditions

LEVEL = 0.95
MEASURES = ("test", "stored", "seconds_per_epoch", "epochs_to_target", "gap")
Result = Mapping[str, Any]


@dataclass(frozen=True)
class Difference:
    """A mean paired difference, its 95 % t-interval and the number of pairs."""

    mean: float
    low: float
    high: float
    pairs: int

    @property
    def real(self) -> bool:
        """Whether the interval leaves out 0."""
        return not self.low <= 0 <= self.high

    @checked()
    def verdict(self, higher_is_better: bool) -> str:
        """`"better"`, `"worse"` or `"no difference"`."""
        if not self.real:
            return "no difference"
        return "better" if (self.mean > 0) == higher_is_better else "worse"

    def __str__(self) -> str:
        # Equal means may differ by a rounding error of the sum.
        mean, low, high = (0.0 if abs(v) < 1e-12 else v for v in (self.mean, self.low, self.high))
        return f"{mean:+.3g} [{low:+.3g}, {high:+.3g}]"


@checked(values=each(checks.number, least=2), reference=each(checks.number, least=2))
def paired(values: Sequence[float], reference: Sequence[float]) -> Difference:
    """`values - reference`, pair by pair. Raises `ValueError` for fewer than two pairs, sequences
    of different lengths and values that are not finite."""
    from scipy import stats

    if len(values) != len(reference) or len(values) < 2:
        raise ValueError(
            f"a paired interval needs two pairs or more; received {len(values)} values and "
            f"{len(reference)} of the reference"
        )
    differences = np.subtract(values, reference, dtype=float)
    if not np.isfinite(differences).all():
        raise ValueError(f"values that are not finite have no interval: {differences}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of differences that are all alike
        low, high = map(float, stats.ttest_rel(values, reference).confidence_interval(LEVEL))
    return Difference(float(differences.mean()), low, high, len(differences))


@checked(results=each(mapping))
def summarise(
    results: Sequence[Result],
    conditions: Conditions,
    *,
    reference: str | None = None,
    target: float | None = None,
) -> list[dict[str, Any]]:
    """A row for each number of samples and arm.

    A row has label, samples, rate, target, reference, and each of `MEASURES` as a list over seeds
    (`epochs_to_target` has None where a training never reached it), then `differences`, measure →
    Difference from the reference: none for itself, none for epochs to the target where one of the
    two did not reach it in some seed, none where a value is not finite.

    `reference` is by default `"untied"`, or the first arm where none is called so; `target` by
    default the worst arm's mean validation score at the end, for each number of samples.
    Raises `ValueError` for a reference that is no arm.
    """
    labels = list(dict.fromkeys(r["label"] for r in results))
    reference = reference or ("untied" if "untied" in labels else labels[0])
    if reference not in labels:
        raise ValueError(f"the reference {reference!r} is no arm; the arms are {labels}")
    rows = []
    for samples in dict.fromkeys(r["samples"] for r in results):
        mine = [r for r in results if r["samples"] == samples]
        goal = _target(mine, conditions) if target is None else target
        of_arm = {label: [r for r in mine if r["label"] == label] for label in labels}
        measured = {label: _measures(runs, conditions, goal) for label, runs in of_arm.items()}
        for label, values in measured.items():
            row = {"label": label, "samples": samples, "rate": of_arm[label][0]["rate"]}
            row |= {"target": goal, "reference": reference} | values
            row["differences"] = (
                _differences(values, measured[reference]) if label != reference else {}
            )
            rows.append(row)
    return rows


def _target(results: Sequence[Result], conditions: Conditions) -> float:
    labels = dict.fromkeys(r["label"] for r in results)
    means = [np.mean([r["validation"] for r in results if r["label"] == label]) for label in labels]
    return float(min(means) if conditions.higher_is_better else max(means))


def _measures(runs: Sequence[Result], conditions: Conditions, target: float) -> dict[str, list]:
    steps_per_epoch = runs[0]["samples"] / conditions.batch_size
    return {
        "test": [run["test"] for run in runs],
        "stored": [run["stored"] for run in runs],
        "seconds_per_epoch": [run["seconds"] * steps_per_epoch for run in runs],
        "epochs_to_target": [_reached(run, conditions, target) for run in runs],
        "gap": [run["test"] - run["train"] for run in runs],
    }


def _reached(run: Result, conditions: Conditions, target: float) -> float | None:
    """Epochs up to the first point of the curve that is as good as the target."""
    for i, value in enumerate(run["curve"], start=1):
        if value >= target if conditions.higher_is_better else value <= target:
            return conditions.epochs(i * conditions.steps // conditions.points, run["samples"])
    return None


def _differences(mine: Mapping[str, list], other: Mapping[str, list]) -> dict[str, Difference]:
    differences = {}
    for name in MEASURES:
        values = [*mine[name], *other[name]]
        if None not in values and np.isfinite(values).all():
            differences[name] = paired(mine[name], other[name])
    return differences


@checked(row=mapping)
def sentence(row: Mapping[str, Any], conditions: Conditions) -> str:
    """One row's verdicts in words, such as `"tied: better than untied, mse -0.02 [-0.03, -0.01]
    over 5 seeds; gap: no difference; …"`."""
    if "differences" not in row:
        raise ValueError(f"row must be one of summarise; received {checks.shown(row)}")
    test, reference = row["differences"].get("test"), row["reference"]
    if test is None:
        return f"{row['label']}: cannot be compared with {reference}, a score is not finite"
    verdict = test.verdict(conditions.higher_is_better)
    join = "from" if verdict == "no difference" else "than"
    figures = f"{conditions.metric} {test} over {test.pairs} seeds"
    parts = [f"{row['label']}: {verdict} {join} {reference}, {figures}"]
    for measure in ("gap", "epochs_to_target", "seconds_per_epoch"):
        other, name = row["differences"].get(measure), measure.replace("_", " ")
        if other is None:
            parts.append(f"{name}: not reached by all")
        else:
            parts.append(f"{name} {other}" if other.real else f"{name}: no difference")
    return "; ".join(parts)
