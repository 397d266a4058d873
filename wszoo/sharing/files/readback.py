"""Whether a model that was written comes back from its file as it is."""

import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import numpy as np

from wszoo.sharing.flags import flags_of
from wszoo.sharing.keras_errors import in_short
from wszoo.sharing.settings import lost_attribute
from wszoo.sharing.state import identical, own_state, parts


def check_comes_back(model: keras.Model, read: Callable[[], keras.Model]) -> None:
    """Reads a model back and compares it, layer by layer, with the one that was written.

    Raises `ValueError` saying what cannot be read, or what came back otherwise.
    """
    with random_states_kept(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are for whoever loads the file
        try:
            other = read()
        except (ValueError, TypeError, KeyError, AttributeError, NotImplementedError) as error:
            raise ValueError(in_short(error)) from error
    for old, new in zip(parts(model), parts(other), strict=False):
        _check_part(old, new)
    if len(parts(model)) != len(parts(other)):
        raise ValueError(f"of its {len(parts(model))} layers {len(parts(other))} come back")
    if flags_of(other) != flags_of(model):
        raise ValueError("its trainable flags come back otherwise")
    if has_optimizer(model) and has_optimizer(other):
        columns = zip(model.optimizer.variables, other.optimizer.variables, strict=False)
        if not all(identical(np.asarray(old), np.asarray(new)) for old, new in columns):
            raise ValueError(f"the state of its optimizer {model.optimizer.name!r} is lost")


def has_optimizer(model: keras.Model) -> bool:
    """Whether the model is compiled with an optimizer that has been in use."""
    optimizer = getattr(model, "optimizer", None) if model.compiled else None
    return optimizer is not None and optimizer.built


def _check_part(old: keras.Layer, new: keras.Layer) -> None:
    if type(old) is not type(new):
        raise ValueError(f"layer {old.name!r} comes back as a {type(new).__name__}")
    lost = None if isinstance(old, keras.Model) else lost_attribute(old, new)
    if lost is not None:
        raise ValueError(
            f"of the {type(old).__name__} {old.name!r} {lost}: let its get_config return every "
            "argument of its __init__"
        )
    if own_state(old) != own_state(new):
        raise ValueError(f"what the {type(old).__name__} {old.name!r} holds comes back otherwise")


@contextmanager
def random_states_kept() -> Iterator[None]:
    """Leaves the global random states as they are: layers that are made draw seeds from them."""
    states = random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
