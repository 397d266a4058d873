"""The arguments of a public function or class, checked by name before anything is done.

    @checked()                          # by the tables below: names first, then annotations
    @checked(share=fraction)            # and of this function's own

What an argument of a name may be is said once, in `BY_NAME`: `epochs` is the same thing wherever it
stands. Names that are not there are checked by their annotation, `BY_TYPE`. `None` may be given
where it is the default or the annotation says so. Imports nothing heavy: a value cannot be a Keras
model before Keras is imported.
"""

import inspect
import math
import numbers
import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial, wraps
from typing import Any, TypeVar, get_args

from wszoo import checks

Check = Callable[[str, Any], Any]
Target = TypeVar("Target", bound=Callable[..., Any])  # is given back as it came, typed

MOST = 2**31 - 1  # counts and sizes are 32-bit numbers inside of TensorFlow
# What a Keras layer takes beside its own arguments.
OF_LAYERS = ("name", "dtype", "trainable", "autocast", "activity_regularizer", "weights",
             "input_shape", "input_dim", "batch_shape", "batch_input_shape")  # fmt: skip


def checked(
    *, also: Collection[str] | None = None, **own: Check | None
) -> Callable[[Target], Target]:
    """A decorator that checks what a function, or a class's `__init__`, is called with.

    `own` are checks by argument, before the tables'; `None` switches one off. Where the function
    takes any keywords, `also` says which are known. Checks raise `ValueError`; arguments that do
    not fit the signature raise `TypeError`, as they do in Python, with the near ones.
    """

    def decorate(target: Target) -> Target:
        if isinstance(target, type):
            target.__init__ = decorate(target.__init__)  # type: ignore[misc]
            return target
        signature = inspect.signature(target)
        rules = {
            name: rule
            for name, parameter in signature.parameters.items()
            if (rule := own[name] if name in own else _rule(parameter)) is not None
        }
        optional = {name for name, p in signature.parameters.items() if _takes_none(p)}

        @wraps(target)
        def call(*args: Any, **kwargs: Any) -> Any:
            bound = _bound(target.__qualname__, signature, args, kwargs, also)
            for name, value in list(bound.arguments.items()):
                if name in rules and (value is not None or name not in optional):
                    given = rules[name](name, value)
                    if _is_odd_number(value):
                        bound.arguments[name] = given
            return target(*bound.args, **bound.kwargs)

        call.__signature__ = signature  # type: ignore[attr-defined]  # Keras reads it of layers
        return call  # type: ignore[return-value]

    return decorate


def _bound(
    name: str, signature: inspect.Signature, args: Any, kwargs: Any, also: Collection[str] | None
) -> inspect.BoundArguments:
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        unknown = [key for key in kwargs if key not in signature.parameters]
        open_ = any(p.kind is p.VAR_KEYWORD for p in signature.parameters.values())
        said = str(error)
        if unknown and not open_:
            near = checks.near(unknown[0], signature.parameters)
            said = f"got an unexpected keyword argument {unknown[0]!r}{near}"
        raise TypeError(f"{name.removesuffix('.__init__')}: {said}") from None
    if also is not None:
        known = {*signature.parameters, *also} - {"self", "kwargs"}
        for key in kwargs.keys() - known:
            raise ValueError(
                f"{name.removesuffix('.__init__')} has no argument {key!r}"
                f"{checks.near(key, known) or '; it has ' + ', '.join(sorted(known))}"
            )
    return bound


def _is_odd_number(value: Any) -> bool:
    """A number that is none of Python's own, as numpy's: what is kept is plain."""
    return isinstance(value, numbers.Number) and not isinstance(value, int | float)


def _takes_none(parameter: inspect.Parameter) -> bool:
    return parameter.default is None or "None" in _words(parameter.annotation)


def _words(annotation: Any) -> str:
    said = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    return said.strip("'\"")


def _rule(parameter: inspect.Parameter) -> Check | None:
    if parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
        return None
    if parameter.name in BY_NAME:
        return BY_NAME[parameter.name]
    said = _words(parameter.annotation).replace(" | None", "").strip()
    if "Literal[" in said:
        chosen = [c for c in get_args(parameter.annotation) if isinstance(c, str)]
        return partial(checks.one_of, valid=chosen) if chosen else None
    return BY_TYPE.get(said) or _class_rule(said)


def _class_rule(said: str) -> Check | None:
    """The check of an annotation that is the name of a class, known by name: it may be one that is
    not imported here, and then no value is of it."""
    name = said.rpartition(".")[2]
    is_class = re.fullmatch(r"[\w.]+", said) and name[:1].isupper() and name != "Any"
    return partial(_of_class, name) if is_class else None


def _of_class(wanted: str, name: str, value: Any) -> Any:
    if wanted not in (base.__name__ for base in type(value).__mro__):
        raise ValueError(f"{name} must be a {wanted}; received {checks.shown(value)}")
    return value


# What arguments are.


def model(name: str, value: Any) -> Any:
    """A Keras model; whether it is a functional one is seen where its graph is read."""
    keras = sys.modules.get("keras")
    if keras is None or not isinstance(value, keras.Model):
        raise ValueError(f"{name} must be a functional Keras model; received {checks.shown(value)}")
    return value


def layer(name: str, value: Any) -> Any:
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
    if not callable(value):
        raise ValueError(f"{name} must be a function; received {checks.shown(value)}")
    return value


def plan(name: str, value: Any) -> Any:
    return _of_class("SharingPlan", name, value)


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
    return _each_name(name, value)


def name_or_names(name: str, value: Any) -> Any:
    return checks.text(name, value) if isinstance(value, str) else names(name, value)


def _number_of(name: str, value: Any, *, least: int) -> Any:
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
            array(f"{name}[{place}]", one)
        return value
    return array(name, value)


def several(name: str, value: Any) -> Any:
    """What can be gone through once, such as a generator; no text."""
    if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        raise ValueError(f"{name} must be a list; received {checks.shown(value)}")
    return value


def token(name: str, value: Any) -> Any:
    """A text, which may be a space, or empty."""
    return checks.kind(name, value, str, "a text")


def whatever(name: str, value: Any) -> Any:
    return value


def arrays(name: str, value: Any) -> Any:
    """Arrays by name."""
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"{name} must be arrays by name; received {checks.shown(value)}")
    for key, one in value.items():
        array(f"{name}[{key!r}]", one)
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
    return partial(_of_class, wanted)


def loss(name: str, value: Any) -> Any:
    """A loss as `compile` takes it: a name of Keras', a function, several in a list or mapping."""
    if isinstance(value, list | tuple | Mapping) and value:
        for one in value.values() if isinstance(value, Mapping) else value:
            loss(name, one)
        return value
    if isinstance(value, str):
        return _keras("losses", name, value)
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
        return _keras("optimizers", name, value)
    return _of_class("Optimizer", name, value)


def _keras(kind: str, name: str, value: Any) -> Any:
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


_each_name = each(checks.text)
text_or_function = either(called, checks.text)
count = partial(_number_of, least=1)  # of something that must be there
number_of = partial(_number_of, least=0)  # may be none
seed = partial(checks.whole, least=0, most=2**32 - 1)  # what numpy and Keras take
positive = partial(checks.number, above=0)
at_least_0 = partial(checks.number, least=0)
fraction = partial(checks.number, above=0, below=1)
rate = partial(checks.number, above=0, most=1e6)
axes = one_or_more

BY_NAME: dict[str, Check] = {
    **dict.fromkeys(("epochs", "short", "batch_size", "accumulate", "early_stopping"), count),
    **dict.fromkeys(("steps", "points", "lanes", "samples", "plans", "finalists", "seeds"), count),
    **dict.fromkeys(("units", "filters", "rank", "heads", "adapters", "image_size"), count),
    **dict.fromkeys(("input_dim", "input_channels", "length", "max_per_split", "classes"), count),
    **dict.fromkeys(("per_class", "examples", "stride", "lora", "max_parameters"), count),
    **dict.fromkeys(("kernel_size", "strides", "tiles"), axes),
    **dict.fromkeys(("views", "epoch", "rest", "join"), number_of),
    **dict.fromkeys(("seed", "random_state"), seed),
    **dict.fromkeys(("learning_rate", "rate"), rate),
    **dict.fromkeys(("l2_sp", "patience", "noise", "sd"), at_least_0),
    **dict.fromkeys(("alpha", "temperature", "max_gb", "epsilon", "power"), positive),
    **dict.fromkeys(("lr_decay",), partial(checks.number, above=0, most=1)),
    **dict.fromkeys(("validation", "fraction"), fraction),
    **dict.fromkeys(("train", "held", "test", "validation_data", "test_data"), pair),
    **dict.fromkeys(("path", "folder", "data_dir", "manual_dir"), path),
    **dict.fromkeys(("resume", "tensorboard"), path),
    **dict.fromkeys(("sites", "labels"), names),
    **dict.fromkeys(("inputs", "calibration"), arrays),
    **{f"{part}_initializer": partial(_keras, "initializers")
       for part in ("kernel", "bias", "recurrent", "down", "up")},
    **{f"{part}_regularizer": partial(_keras, "regularizers")
       for part in ("kernel", "bias", "recurrent", "activity", "logits")},
    **{f"{part}_constraint": partial(_keras, "constraints") for part in ("kernel", "bias")},
    "initializer": partial(_keras, "initializers"),
    "regularizer": partial(_keras, "regularizers"),
    "activation": partial(_keras, "activations"),
    "recurrent_activation": partial(_keras, "activations"),
    **dict.fromkeys(("report", "cost", "make", "measure", "metric", "extra", "tick"), called),
    **dict.fromkeys(("preprocess", "others"), called),
    **dict.fromkeys(("vocabulary", "class_names"), each(token)),
    **dict.fromkeys(("licence", "origin", "title"), some(str, "a text")),
    "verbose": verbose,
    "bound": tolerance,
    "max_loss": tolerance,
    "multipliers": by_name(at_least_0),
    "data_format": one_word("channels_last", "channels_first"),
    "model": model,
}  # fmt: skip

_MODEL = "keras.src.models.model.Model"
_PLAN = "wszoo.sharing.plan.SharingPlan"
BY_TYPE: dict[str, Check] = {
    "int": partial(checks.whole, most=MOST),
    "float": checks.number,
    "bool": checks.flag,
    "str": checks.text,
    **dict.fromkeys(("str | os.PathLike", "os.PathLike", "Path", "pathlib.Path"), path),
    **dict.fromkeys(("str | pathlib.Path", "str | os.PathLike[str]"), path),
    **dict.fromkeys(("keras.Model", _MODEL), model),
    **dict.fromkeys(("SharingPlan", _PLAN), plan),
    **dict.fromkeys(("SharingPlan | str", f"{_PLAN} | str"), plan_or_text),
    **dict.fromkeys(("np.ndarray", "numpy.ndarray"), array),
    **dict.fromkeys(("Sequence[str]", "collections.abc.Sequence[str]"), names),
    **dict.fromkeys(("str | Sequence[str]", "str | collections.abc.Sequence[str]"), name_or_names),
    **dict.fromkeys(("Mapping[str, Any]",), mapping),
}
