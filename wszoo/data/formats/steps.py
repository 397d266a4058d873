"""The steps from point to point of a time series: order, interval, gaps."""

from __future__ import annotations

import numpy as np

GAP = 1.5  # intervals between two points from which on something is missing
NEAR = 0.1  # of the interval, by which a step of a regular series may differ from it


def interval(times: np.ndarray) -> float:
    """Median step between times, in their unit."""
    return float(np.median(np.diff(np.sort(times)).astype(np.int64)))


def note_on_order(times: np.ndarray) -> list[str]:
    """A sentence on rows that are not in the order of time."""
    steps = np.diff(times).astype(np.int64)
    if (steps >= 0).all():
        return []
    return ["newest first: sorted" if (steps <= 0).all() else "not in the order of time: sorted"]


def note_on_interval(times: np.ndarray) -> list[str]:
    """A sentence that says the interval."""
    return [f"the interval between points is {_span(interval(times), times)}"]


def notes_on_gaps(times: np.ndarray) -> list[str]:
    """What a window of so many points would not tell: gaps, or that no interval holds."""
    steps, usual = np.diff(times).astype(np.int64), interval(times)
    if np.mean(np.abs(steps - usual) <= NEAR * usual) < 0.5:
        low, high = _span(steps.min(), times), _span(steps.max(), times)
        return [f"no regular interval: steps run from {low} to {high}"]
    gaps = np.flatnonzero(steps > GAP * usual)
    if not len(gaps):
        return []
    largest = gaps[steps[gaps].argmax()]
    length = _span(steps[largest], times)
    many = "1 gap" if len(gaps) == 1 else f"{len(gaps)} gaps"
    return [f"{many}, the largest of {length} after {times[largest]}; a window may lie across one"]


def _span(steps: float, times: np.ndarray) -> str:
    """A duration, given in the unit of times, for people."""
    one = np.ones(1, np.int64).view(np.diff(times).dtype)[0]  # of the unit of times
    seconds = float(steps) * (one / np.timedelta64(1, "s"))
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.6g} {unit}"
    return f"{seconds:.6g} s"
