"""Compares outputs of a model with those of a copy, a file, another process."""

from typing import Any

import numpy as np

from wszoo import private


def expected_names(model: Any) -> list[str] | None:
    """Keras' own names of a model's outputs, in order; `None` where they are not unique."""
    if getattr(model, "inputs", None) is None:
        return None
    output = getattr(model, "_outputs_struct", None)
    if isinstance(output, dict):
        plain = all(not isinstance(value, dict | list | tuple) for value in output.values())
        return sorted(output) if plain else None
    names = [private.maker_of(tensor).name for tensor in model.outputs]
    return names if len(set(names)) == len(names) else None


def difference(got: list[np.ndarray], wanted: list[np.ndarray]) -> float:
    """The largest, over all outputs, in units of that output's largest magnitude.

    Infinite where numbers of outputs, shapes, or what is finite differ.
    """
    if len(got) != len(wanted):
        return float("inf")
    return max((_apart(g, w) for g, w in zip(got, wanted, strict=True)), default=0.0)


def matched(
    got: dict[str, np.ndarray], wanted: list[np.ndarray], names: list[str] | None
) -> tuple[float, str]:
    """`(difference, what is wrong with the names)` of outputs by name; without names, by value."""
    if names is not None and set(got) == set(names):
        return difference([got[name] for name in names], wanted), ""
    wrong = f"outputs are called {sorted(got)}, in Keras {names}" if names is not None else ""
    if len(got) != len(wanted):
        return float("inf"), f"{len(got)} outputs of {len(wanted)}"
    left, worst = list(got.values()), 0.0
    for want in wanted:
        errors = [_apart(value, want) for value in left]
        worst = max(worst, min(errors))
        left.pop(int(np.argmin(errors)))
    return worst, wrong


def _apart(got: Any, wanted: Any) -> float:
    got, wanted = np.asarray(got, "float64"), np.asarray(wanted, "float64")
    if got.shape != wanted.shape or not np.array_equal(np.isfinite(got), np.isfinite(wanted)):
        return float("inf")
    finite = np.isfinite(wanted)
    scale = max(float(np.abs(wanted[finite]).max(initial=0.0)), 1e-30)
    return float(np.abs(got - wanted)[finite].max(initial=0.0)) / scale
