"""Carries what layers hold over to others like them: values, flags and states."""

from collections.abc import Iterable, Sequence

import keras
import numpy as np

from wszoo.sharing.flags import flags_of, set_flags
from wszoo.sharing.state import (
    give,
    own_state,
    own_variables,
    parts,
    uncounted_variables,
    why_no_mean,
)
from wszoo.sharing.surgery.copying import check_copy, check_settings


def carry_all(pairs: Iterable[tuple[list[keras.Operation], keras.Operation]]) -> None:
    """Carries values, flags and states over to copies, from the old operations of each.

    Raises `ValueError` for a copy that is not like its original.
    """
    for olds, new in pairs:
        if isinstance(new, keras.Layer) and new.built:
            check_copy(olds[0], new)
            carry_over(olds, new)
            check_settings(olds[0], new)


def carry_over(sources: list[keras.Layer], target: keras.Layer) -> None:
    """Copies what built layers hold (of several sources, the mean of their values), and flags.

    Raises `ValueError` where the target's config does not make what the sources are, and for values
    without a mean: quantised ones, LoRA factors, different vocabularies, arrays of integers.
    """
    first = sources[0]
    columns = [parts(layer) for layer in (*sources, target)]
    done = "merged" if len(sources) > 1 else "copied"
    if any(list(map(type, column)) != list(map(type, columns[0])) for column in columns):
        raise ValueError(
            f"layer {first.name!r} cannot be {done}: its config makes other parts than it has"
        )
    for *olds, new in zip(*columns, strict=True):
        try:
            _carry_part(olds, new)
        except (ValueError, KeyError) as error:
            part = "" if olds[0] is first else f"part {olds[0].name!r}: "
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"layer {first.name!r} cannot be {done}: {part}{reason}") from error
    set_flags(target, flags_of(first))


def _carry_part(olds: list[keras.Layer], new: keras.Layer) -> None:
    """The same for one layer without its sublayers."""
    state = own_state(olds[0])
    if all(own_state(other) == state for other in olds[1:] if other is not olds[0]):
        olds = olds[:1]
    _check_mean(olds)
    give(new, state)
    for *variables, mine in zip(*map(own_variables, (*olds, new)), strict=True):
        # Arrays of numpy: training on JAX donates its buffers, and would take the other model's.
        values = [keras.ops.convert_to_numpy(variable) for variable in variables]
        mine.assign(values[0] if len(olds) == 1 else _mean(values))
    if len(olds) > 1:
        give(new, own_state(new))  # what it derives from its variables
    for old, mine in zip(*map(uncounted_variables, (olds[0], new)), strict=True):
        mine.assign(keras.ops.convert_to_numpy(old))


def _check_mean(layers: list[keras.Layer]) -> None:
    """Refuses layers of different values whose states have no mean."""
    if len(layers) == 1:
        return
    reason = why_no_mean(layers[0])
    if any(own_state(layer).assets != own_state(layers[0]).assets for layer in layers):
        reason = "what adapt learnt differs and has no mean: adapt them on the same data"
    if reason:
        raise ValueError(f"{reason}, or take the owner's by weights='owner'")


def _mean(values: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of floats; of counters and random states the first stands."""
    if not np.issubdtype(values[0].dtype, np.integer):
        mean: np.ndarray = np.mean(np.asarray(values, "float64"), axis=0)
        return mean
    return values[0]
