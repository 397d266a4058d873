"""What an argument may be: a check each, `check(name, value)`, which gives the value back."""

import math
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from wszoo import checks

Check = Callable[[str, Any], object]
Given = TypeVar("Given")
MOST = 2**31 - 1  # counts and sizes are 32-bit numbers inside of TensorFlow


def class_named(wanted: str, name: str, value: Given) -> Given:
    """A value whose class, or one that it is made from, has that name."""
    if wanted not in (base.__name__ for base in type(value).__mro__):
        raise ValueError(f"{name} must be a {wanted}; received {checks.shown(value)}")
    return value


def model(name: str, value: Given) -> Given:
    """A Keras model; whether it is a functional one is seen where its graph is read."""
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(value, keras.Model):
        raise ValueError(f"{name} must be a functional Keras model; received {checks.shown(value)}")
    return value


def layer(name: str, value: Given) -> Given:
    """A Keras layer."""
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(value, keras.Layer):
        raise ValueError(f"{name} must be a Keras layer; received {checks.shown(value)}")
    return value


def path(name: str, value: object) -> object:
    """A path, of a text that is not empty."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ValueError(f"{name} must be a path; received {checks.shown(value)}")
    return value


def called(name: str, value: Given) -> Given:
    """A function, or anything else that can be called."""
    if not callable(value):
        raise ValueError(f"{name} must be a function; received {checks.shown(value)}")
    return value


def plan(name: str, value: Given) -> Given:
    """A `SharingPlan`."""
    return class_named("SharingPlan", name, value)


def plan_or_text(name: str, value: Given) -> Given:
    """A plan or a text, which is read where the sites are known."""
    if isinstance(value, str):
        return value
    try:
        return plan(name, value)
    except ValueError:
        raise ValueError(
            f"{name} must be a SharingPlan or its spelling; received {checks.shown(value)}"
        ) from None


def counted(name: str, value: object, *, least: int) -> int:
    """A whole number; what is wrong with most is that they are too small."""
    checks.whole(name, value, least=least)
    return checks.whole(name, value, most=MOST)


def token(name: str, value: object) -> str:
    """A text, which may be a space, or empty."""
    return checks.kind(name, value, str, "a text")


def whatever(name: str, value: Given) -> Given:
    """Anything: it is read, and refused, where it is used."""
    return value


def loss(name: str, value: object) -> object:
    """A loss as `compile` takes it: a name of Keras', a function, several in a list or mapping."""
    if isinstance(value, list | tuple | Mapping) and value:
        for one in value.values() if isinstance(value, Mapping) else value:
            loss(name, one)
        return value
    if isinstance(value, str):
        return known_to_keras("losses", name, value)
    return called(name, value)


def verbose(name: str, value: Given) -> Given:
    """0, 1, 2 or `"auto"`, as in `fit`."""
    if value not in (0, 1, 2, "auto") or not isinstance(value, int | str):
        raise ValueError(f"{name} must be 0, 1, 2 or 'auto'; received {checks.shown(value)}")
    return value


def tolerance(name: str, value: object) -> object:
    """A number of 0 or more; infinity allows anything."""
    return value if value == math.inf else at_least_0(name, value)


def optimizer(name: str, value: object) -> object:
    """An optimizer, or its name in Keras."""
    if isinstance(value, str):
        return known_to_keras("optimizers", name, value)
    return class_named("Optimizer", name, value)


def known_to_keras(kind: str, name: str, value: Given) -> Given:
    """What `keras.<kind>s.get` takes, asked there before a layer is made of it."""
    import keras

    try:
        read = getattr(keras, kind).get(value)
    except Exception as error:  # of any class, from deep inside
        raise ValueError(
            f"{name} must be one of keras.{kind}; received {checks.shown(value)}"
        ) from error
    if read is not None and not (callable(read) or kind == "optimizers"):
        raise ValueError(f"{name} must be one of keras.{kind}; received {checks.shown(value)}")
    return value


count = partial(counted, least=1)  # of something that must be there
number_of = partial(counted, least=0)  # may be none
seed = partial(checks.whole, least=0, most=2**32 - 1)  # what numpy and Keras take
positive = partial(checks.number, above=0)
at_least_0 = partial(checks.number, least=0)
fraction = partial(checks.number, above=0, below=1)
rate = partial(checks.number, above=0, most=1e6)
