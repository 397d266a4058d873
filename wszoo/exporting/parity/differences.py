"""How far the outputs of a file are from those of Keras."""

from collections.abc import Mapping, Sequence

import numpy as np


def relative_error(got: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> float:
    """The largest difference, over all outputs, in units of that output's largest magnitude.

    Infinite where a name or a shape differs, a text, or a value that is not finite.
    """
    if set(got) != set(wanted):
        return float("inf")
    return max((_difference(got[n], want)[0] for n, want in wanted.items()), default=0.0)


def mean_error(got: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> float:
    """The mean difference, in the same units, of the output in which it is largest."""
    return max((_difference(got[n], want)[1] for n, want in wanted.items()), default=0.0)


def outputs_that_differ(got: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray]) -> str:
    """In words, which outputs are missing, which are new and which have another shape, if any."""
    words = [f"no output {name!r}" for name in wanted if name not in got]
    words += [f"an output {name!r} that Keras does not give" for name in got if name not in wanted]
    for name in [name for name in wanted if name in got]:
        have, want = np.shape(got[name]), np.shape(wanted[name])
        if have != want:
            words.append(f"{name!r} of shape {have}, in Keras {want}")
    return "; ".join(words)


def _difference(have: np.ndarray, want: np.ndarray) -> tuple[float, float]:
    """The largest and the mean difference, in units of the largest magnitude of `want`."""
    have, want = np.asarray(have), np.asarray(want)
    if have.shape != want.shape:
        return float("inf"), float("inf")
    if want.dtype.kind in "OSU":  # text: bytes or str
        return (0.0, 0.0) if _text(have) == _text(want) else (float("inf"), float("inf"))
    have, want = have.astype(float), want.astype(float)
    finite = np.isfinite(want)
    if not np.array_equal(have[~finite], want[~finite], equal_nan=True):
        return float("inf"), float("inf")
    have, want = have[finite], want[finite]
    if not np.isfinite(have).all():
        return float("inf"), float("inf")
    apart = np.abs(want - have)
    scale = max(float(np.abs(want).max(initial=0.0)), 1e-30)
    return float(apart.max(initial=0.0)) / scale, float(apart.sum() / max(apart.size, 1)) / scale


def _text(values: np.ndarray) -> Sequence[bytes]:
    return [v.encode() if isinstance(v, str) else bytes(v) for v in values.ravel().tolist()]
