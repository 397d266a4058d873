"""What a file may cost: its distance to Keras, and the loss in the task's own metric.

The metric's loss is a paired difference: the same examples go through Keras and through the file.
It has a standard error, and a file is refused where the loss is above what is allowed by more than
two of them; a gain is never refused.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

Outputs = Mapping[str, np.ndarray]  # arrays by output name
# One score an example `(n,)`, or one number for all of them; more is better.
Metric = Callable[[Outputs], "np.ndarray | float"]

POINT = 0.01
MAX_LOSS = POINT
ERRORS = 2.0  # standard errors by which a loss has to be above what is allowed
PARTS = 64  # parts of the examples on which a metric of one number is asked again


@dataclass(frozen=True)
class Paired:
    """A metric in Keras and in the file, on the same examples.

    `error` is the standard error of their difference, `None` where it is not known; `changed` are
    the examples whose score differs by more than a point, as far as scores an example are known.
    """

    keras: float
    file: float
    examples: int
    error: float | None = None
    changed: tuple[int, ...] = ()

    @property
    def loss(self) -> float:
        """How much of the metric the file loses against Keras; negative where it gains."""
        return self.keras - self.file


def check_max_loss(max_loss: float) -> None:
    """Raises `ValueError` unless it is 0 or more (infinite: whatever the file costs)."""
    if not max_loss >= 0:
        raise ValueError(f"max_loss is a number of 0 or more, 0.01 for a point, not {max_loss!r}")


def paired(
    metric: Metric, wanted: Outputs, got: Outputs, examples: int, max_loss: float = MAX_LOSS
) -> Paired:
    """The metric of Keras' outputs and of the file's.

    Of scores an example, the standard error is that of the mean of their differences. A metric of
    one number is asked again only where it lost more than `max_loss`: each time with Keras' outputs
    in which one part of the examples, of up to 64, comes from the file. Where the metric is a mean
    over examples, these changes add up to the loss, and their spread gives its error.

    Raises `ValueError` where the metric gives neither one number nor one an example.
    """
    before, after = _scores(metric, wanted, examples), _scores(metric, got, examples)
    if before.ndim and after.ndim:
        each = after - before
        scores = Paired(float(before.mean()), float(after.mean()), examples)
        return replace(scores, error=_standard_error(each), changed=_changed(each))
    scores = Paired(float(before.mean()), float(after.mean()), examples)
    if scores.loss <= max_loss or examples < 2:
        return scores
    parts = np.array_split(np.arange(examples), min(examples, PARTS))
    changes = _by_part(metric, wanted, got, examples, parts) - scores.keras
    shares = np.array([len(part) for part in parts]) / examples
    apart = changes - shares * changes.sum()  # of each part from what it would be by its size
    error = math.sqrt(len(parts) / (len(parts) - 1) * np.square(apart).sum())
    each = examples * changes if len(parts) == examples else np.zeros(0)
    return replace(scores, error=error, changed=_changed(each))


def check_loss(name: str, precision: str, scores: Paired, max_loss: float) -> None:
    """Raises `ValueError` where the loss is above `max_loss` by more than two standard errors."""
    if math.isfinite(scores.loss) and not _beyond(scores, max_loss):
        return
    raise ValueError(
        f"the metric of {name!r} is {scores.keras:.4f} in Keras and {scores.file:.4f} in the "
        f"{precision} file, a loss of {_loss(scores)} on {scores.examples} examples, more than "
        f"max_loss={max_loss:g} beyond its error.{_examples(scores)} Nothing was written"
    )


def notes(scores: Paired, max_loss: float) -> list[str]:
    """What a report has to say of a file that passed."""
    notes = []
    if scores.loss > max_loss:
        notes.append(
            f"the metric lost {_loss(scores)}, more than max_loss={max_loss:g} but not beyond its "
            f"error: each of the {scores.examples} examples is {1 / scores.examples:.4f} of it"
        )
    if scores.changed:
        notes.append(_examples(scores).strip().rstrip("."))
    return notes


def check_difference(file: str, wanted: Outputs, error: float, bound: float) -> None:
    """Raises `ValueError` for outputs that are not numbers, and a difference above `bound`."""
    check_no_nan(file, wanted)
    if not math.isfinite(error):
        raise ValueError(
            f"{file} differs from Keras in the names or shapes of its outputs, or gives NaN or "
            "infinity where Keras gives numbers. Nothing was written"
        )
    if not error <= bound:
        raise ValueError(
            f"{file} differs from Keras by {error:.2g} of the largest output, more than "
            f"bound={bound:.2g}. Nothing was written"
        )


def check_no_nan(file: str, wanted: Outputs) -> None:
    """Raises `ValueError` where Keras gives NaN: of NaN nobody can say that a file gives the same.

    Infinity is compared: a file has to give it where Keras does, and nowhere else.
    """
    _refuse_nan(file, [name for name, value in wanted.items() if _nans(value).any()])


def check_some_numbers(file: str, wanted: Outputs) -> None:
    """Raises `ValueError` where an output of Keras is NaN and nothing else: its training diverged.

    A SavedModel computes as Keras does, so that single NaN are compared, each in its place.
    """
    _refuse_nan(file, [name for name, value in wanted.items() if _nans(value).all()])


def _refuse_nan(file: str, unclear: Sequence[str]) -> None:
    if unclear:
        raise ValueError(
            f"{file} cannot be compared: Keras itself gives NaN in the outputs "
            f"{', '.join(unclear)}. Give inputs= that the model is made for. Nothing was written"
        )


def _scores(metric: Metric, outputs: Outputs, examples: int) -> np.ndarray:
    scores = np.asarray(metric(outputs), "float64")
    if scores.size == 1 and examples != 1:
        return scores.reshape(())
    if scores.shape not in ((), (examples,)):
        raise ValueError(
            f"a metric gives one number, or one score for each of the {examples} examples; "
            f"received an array of shape {scores.shape}"
        )
    return scores


def _by_part(
    metric: Metric, wanted: Outputs, got: Outputs, examples: int, parts: Sequence[np.ndarray]
) -> np.ndarray:
    """The metric of Keras' outputs with one part of the examples from the file, a number a part."""
    mixed = {name: np.array(value) for name, value in wanted.items()}
    each = [name for name, value in mixed.items() if value.ndim and len(value) == examples]
    scores = []
    for part in parts:
        for name in each:
            mixed[name][part] = np.asarray(got[name])[part]
        scores.append(float(_scores(metric, mixed, examples)))
        for name in each:
            mixed[name][part] = np.asarray(wanted[name])[part]
    return np.asarray(scores)


def _standard_error(values: np.ndarray) -> float | None:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else None


def _changed(differences: np.ndarray) -> tuple[int, ...]:
    return tuple(int(i) for i in np.flatnonzero(np.abs(differences) > POINT))


def _beyond(scores: Paired, max_loss: float) -> bool:
    """Whether the loss is above what is allowed by more than its error.

    Of the error of a single example nothing is known, so it refuses nothing.
    """
    if scores.loss <= max_loss or scores.examples < 2:
        return False
    return scores.loss - ERRORS * (scores.error or 0.0) > max_loss


def _loss(scores: Paired) -> str:
    return f"{scores.loss:.4f}" + ("" if scores.error is None else f" ± {scores.error:.4f}")


def _examples(scores: Paired) -> str:
    if not scores.changed:
        return ""
    first = ", ".join(map(str, scores.changed[:5])) + (", …" if len(scores.changed) > 5 else "")
    return (
        f" The score of {len(scores.changed)} of {scores.examples} examples changed by more than "
        f"a point: {first}."
    )


def _nans(value: np.ndarray) -> np.ndarray:
    """Where an output is NaN; of texts and of nothing it is nowhere."""
    values = np.asarray(value)
    if values.dtype.kind in "OSU" or not values.size:
        return np.zeros(1, bool)
    return np.isnan(values.astype("float64"))
