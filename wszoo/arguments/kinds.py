"""What an argument may be: a check each, `check(name, value)`, which gives the value back."""

import math
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import Any

from wszoo import checks

Check = Callable[[str, Any], Any]
MOST = 2**31 - 1  # counts and sizes are 32-bit numbers inside of TensorFlow


def class_named(wanted: str, name: str, value: Any) -> Any:
    """A value whose class, or one that it is made from, has that name."""
    if wanted not in (base.__name__ for base in type(value).__mro__):
        raise ValueError(f"{name} must be a {wanted}; received {checks.shown(value)}")
    return value


def model(name: str, value: Any) -> Any:
    """A Keras model; whether it is a functional one is seen where its graph is read."""
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(value, keras.Model):
        raise ValueError(f"{name} must be a functional Keras model; received {checks.shown(value)}")
    return value


def layer(name: str, value: Any) -> Any:
    """A Keras layer."""
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(value, keras.Layer):
        raise ValueError(f"{name} must be a Keras layer; received {checks.shown(value)}")
    return value


def path(name: str, value: Any) -> Any:
    """A path, of a text that is not empty."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value):
        raise ValueError(f"{name} must be a path; received {checks.shown(value)}")
    return value


def called(name: str, value: Any) -> Any:
    """A function, or anything else that can be called."""
    if not callable(value):
        raise ValueError(f"{name} must be a function; received {checks.shown(value)}")
    return value


def plan(name: str, value: Any) -> Any:
    """A `SharingPlan`."""
    return class_named("SharingPlan", name, value)


def plan_or_text(name: str, value: Any) -> Any:
    """A plan or a text, which is read where the sites are known."""
    if isinstance(value, str):
        return value
    try:
        return plan(name, value)
    except ValueError:
        raise ValueError(
            f"{name} must be a SharingPlan or its spelling; received {checks.shown(value)}"
        ) from None


def names(name: str, value: Any) -> Any:
    """Texts in a sequence, none empty; no text itself."""
    return each_name(name, value)


def name_or_names(name: str, value: Any) -> Any:
    """A name, or several."""
    return checks.text(name, value) if isinstance(value, str) else names(name, value)


def counted(name: str, value: Any, *, least: int) -> Any:
    """A whole number; what is wrong with most is that they are too small."""
    checks.whole(name, value, least=least)
    return checks.whole(name, value, most=MOST)


def one_or_more(name: str, value: Any) -> Any:
    """A size for every axis, or one an axis."""
    sizes = value if isinstance(value, list | tuple) and value else [value]
    for size in sizes:
        count(name, size)
    return value


def array(name: str, value: Any) -> Any:
    """Numbers, at least one, all finite: an array, or what numpy makes one of."""
    return finite(name, any_array(name, value))


def any_array(name: str, value: Any) -> Any:
    """The same, NaN and infinity with it: what a training that diverged gives."""
    import numpy as np

    try:
        given = np.asarray(value)
    except Exception as error:  # of whatever the value is
        raise ValueError(f"{name} must be an array; received {checks.shown(value)}") from error
    if (given.dtype.kind not in "biuf" and given.dtype.name != "bfloat16") or given.ndim == 0:
        raise ValueError(f"{name} must be an array of numbers; received {checks.shown(value)}")
    if not given.size:
        raise ValueError(f"{name} has no examples; received an array of shape {given.shape}")
    return given


def array_or_texts(name: str, value: Any) -> Any:
    """The same, or an array of texts, for a model that looks them up."""
    return value if are_texts(value) else array(name, value)


def are_texts(value: Any) -> bool:
    """Whether a value is an array of texts. A list of texts is rather a slip."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "O":
        return bool(value.size) and all(isinstance(one, str | bytes) for one in value.flat)
    return kind in ("U", "S") and bool(value.size)


def texts_fit(name: str, value: Any, tensor: Any) -> None:
    """Raises `ValueError` for texts where a model's input takes numbers, and the reverse."""
    wanted = "string" in str(tensor.dtype)
    if hasattr(value, "dtype") and are_texts(value) != wanted:
        takes = "texts" if wanted else f"numbers ({tensor.dtype})"
        raise ValueError(f"{name} must be an array of {takes}; received {checks.shown(value)}")


def finite(name: str, given: Any) -> Any:
    """An array without NaN and infinity. It is looked at in parts, which take little memory."""
    import numpy as np

    if given.dtype.kind == "f":
        rows = max(1, 2**24 // max(1, given[0].size)) if given.ndim else 1
        for start in range(0, len(given) if given.ndim else 0, rows):
            good = np.isfinite(given[start : start + rows])
            if not good.all():
                count, row = int((~good).sum()), start + int(np.argwhere(~good)[0][0])
                raise ValueError(
                    f"{name} must be finite; received an array of shape {given.shape} whose row "
                    f"{row} holds NaN or infinity ({count} in all of the rows looked at)"
                )
    return given


def pair(name: str, value: Any) -> Any:
    """Examples `(x, y)`: two arrays of one length."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"{name} must be a pair of arrays (x, y); received {checks.shown(value)}")
    x, y = array(f"x of {name}", value[0]), array(f"y of {name}", value[1])
    if len(x) != len(y):
        raise ValueError(f"{name} must be as many x as y; received {len(x)} and {len(y)}")
    return value


def data(name: str, value: Any) -> Any:
    """An array, or several in a list or by name, as `fit` takes them."""
    if isinstance(value, Mapping):
        return arrays(name, value)
    if isinstance(value, list | tuple) and value and hasattr(value[0], "shape"):
        for place, one in enumerate(value):
            array_or_texts(f"{name}[{place}]", one)
        return value
    return array_or_texts(name, value)


def several(name: str, value: Any) -> Any:
    """What can be gone through once, such as a generator; no text."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ValueError(f"{name} must be a list; received {checks.shown(value)}")
    return value


def token(name: str, value: Any) -> Any:
    """A text, which may be a space, or empty."""
    return checks.kind(name, value, str, "a text")


def whatever(name: str, value: Any) -> Any:
    """Anything: it is read, and refused, where it is used."""
    return value


def arrays(name: str, value: Any) -> Any:
    """Arrays by name."""
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"{name} must be arrays by name; received {checks.shown(value)}")
    for key, one in value.items():
        array_or_texts(f"{name}[{key!r}]", one)
    return value


def one_word(*valid: str) -> Check:
    """The check for one of some words."""
    return partial(checks.one_of, valid=valid)


def some(kind: Any, valid: str) -> Check:
    """The check for an object of a class, given in words: "a SearchSpace"."""
    return partial(checks.kind, types=kind, valid=valid)


def either(*rules: Check, valid: str = "") -> Check:
    """The check for what one of several takes; `valid` says it in words, else the last one does."""

    def check(name: str, value: Any) -> Any:
        for rule in rules:
            try:
                return rule(name, value)
            except ValueError as error:
                said = error
        if valid:
            raise ValueError(f"{name} must be {valid}; received {checks.shown(value)}")
        raise said

    return check


def each(rule: Check, *, least: int = 1, most: int | None = None) -> Check:
    """The check for a list, or the like, of things of one kind: how many at least and at most."""

    def check(name: str, value: Any) -> Any:
        is_list = isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)
        if not is_list or len(value) < least or (most is not None and len(value) > most):
            number = f"{least} or more" if most is None else f"{least} to {most}"
            raise ValueError(f"{name} must be a list of {number}; received {checks.shown(value)}")
        for item in value:
            rule(f"each of {name}", item)
        return value

    return check


def mapping(name: str, value: Any) -> Any:
    """A dict or another mapping."""
    return checks.kind(name, value, Mapping, "a mapping")


def by_name(rule: Check, *, least: int = 0) -> Check:
    """The check for a mapping from names to things of one kind, at least so many."""

    def check(name: str, value: Any) -> Any:
        if len(mapping(name, value)) < least:
            raise ValueError(f"{name} must not be empty; received {checks.shown(value)}")
        for key, one in value.items():
            checks.text(f"a name in {name}", key)
            rule(f"{name}[{key!r}]", one)
        return value

    return check


def of_class(wanted: str) -> Check:
    """The check for an object of a class, known by its name."""
    return partial(class_named, wanted)


def loss(name: str, value: Any) -> Any:
    """A loss as `compile` takes it: a name of Keras', a function, several in a list or mapping."""
    if isinstance(value, list | tuple | Mapping) and value:
        for one in value.values() if isinstance(value, Mapping) else value:
            loss(name, one)
        return value
    if isinstance(value, str):
        return known_to_keras("losses", name, value)
    return called(name, value)


def verbose(name: str, value: Any) -> Any:
    """0, 1, 2 or `"auto"`, as in `fit`."""
    if value not in (0, 1, 2, "auto") or not isinstance(value, int | str):
        raise ValueError(f"{name} must be 0, 1, 2 or 'auto'; received {checks.shown(value)}")
    return value


def tolerance(name: str, value: Any) -> Any:
    """A number of 0 or more; infinity allows anything."""
    return value if value == math.inf else at_least_0(name, value)


def optimizer(name: str, value: Any) -> Any:
    """An optimizer, or its name in Keras."""
    if isinstance(value, str):
        return known_to_keras("optimizers", name, value)
    return class_named("Optimizer", name, value)


def known_to_keras(kind: str, name: str, value: Any) -> Any:
    """What `keras.<kind>s.get` takes, asked there before a layer is made of it."""
    import keras

    try:
        found = getattr(keras, kind).get(value)
    except Exception as error:  # of any class, from deep inside
        raise ValueError(
            f"{name} must be one of keras.{kind}; received {checks.shown(value)}"
        ) from error
    if found is not None and not (callable(found) or kind == "optimizers"):
        raise ValueError(f"{name} must be one of keras.{kind}; received {checks.shown(value)}")
    return value


each_name = each(checks.text)
text_or_function = either(called, checks.text)
count = partial(counted, least=1)  # of something that must be there
number_of = partial(counted, least=0)  # may be none
seed = partial(checks.whole, least=0, most=2**32 - 1)  # what numpy and Keras take
positive = partial(checks.number, above=0)
at_least_0 = partial(checks.number, least=0)
fraction = partial(checks.number, above=0, below=1)
rate = partial(checks.number, above=0, most=1e6)
axes = one_or_more
