"""Keras models as hashes: their graph, their weights, and how they are compiled.

Names of layers do not count, since Keras gives a model that is made again other names.
"""

import hashlib
import json
import re
import warnings
from collections.abc import Iterable
from functools import partial
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import private
from wszoo.fingerprints.arrays import of_arrays
from wszoo.fingerprints.code import installed, of_methods

if TYPE_CHECKING:
    import keras

# Where a functional model's config refers to a layer by its name.
_REFERENCES = ("keras_history", "input_layers", "output_layers")
# What is compiled: `jit_compile` and the like change how it is computed, and not what.
_COMPILED = ("loss", "loss_weights", "metrics", "weighted_metrics")


def of_weights(model: "keras.Model") -> str:
    """A hash of a model's weights, in order."""
    return of_arrays(np.asarray(weight) for weight in model.get_weights())


def of_graph(model: "keras.Model") -> str:
    """A hash of a model's graph, with the code in it that is the user's own.

    Neither names nor `trainable` flags count: inference does not depend on them.
    """
    from wszoo.fingerprints.values import digest

    layers = list(private.parts_of(model, itself=False))
    own = [[type(layer), own_parts(layer)] for layer in layers if _has_own(layer)]
    return hashlib.sha256((graph_text(_config(model)) + digest(own)).encode()).hexdigest()


def graph_text(config: dict[str, object]) -> str:
    """A model's config as text in which a layer is called by its place."""
    places: dict[str, str] = {}

    def place(name: object) -> object:
        return places.setdefault(name, f"#{len(places)}") if isinstance(name, str) else name

    def first_placed(value: object) -> object:
        if isinstance(value, list | tuple) and value and isinstance(value[0], str):
            return [place(value[0]), *value[1:]]
        return [first_placed(v) for v in value] if isinstance(value, list | tuple) else value

    def without_names(value: object) -> object:
        if isinstance(value, list | tuple):
            return [without_names(v) for v in value]
        if not isinstance(value, dict):
            return value
        kept = {}
        for word, inner in value.items():
            if word == "name":
                kept[word] = place(inner)
            elif word in _REFERENCES:
                kept[word] = first_placed(inner)
            elif word != "trainable":
                kept[word] = without_names(inner)
        return kept

    return json.dumps(without_names(config), sort_keys=True, default=str)


def compiled(model: "keras.Model") -> dict[str, object]:
    """How a compiled model is trained: what of it, the optimizer as it is now, loss, metrics."""
    given = private.compile_arguments(model)
    flags = "".join("01"[weight.trainable] for weight in model.weights)
    about: dict[str, object] = {"trainable": hashlib.sha256(flags.encode()).hexdigest()[:8]}
    return about | {"optimizer": model.optimizer} | {word: given.get(word) for word in _COMPILED}


def config_of(value: Any) -> dict[str, object]:
    """The config of a Keras object, without names that Keras may have numbered.

    Of an optimizer, which may hold another, without all names: none decides anything.
    """
    import keras

    config = _config(value)
    if isinstance(value, keras.optimizers.Optimizer):
        config = {word: _without_names(inner) for word, inner in config.items() if word != "name"}
    elif is_numbered(value):
        config.pop("name", None)
    schedule = private.schedule_of(value)
    return config | ({} if schedule is None else {"learning_rate": schedule})


def _without_names(part: object) -> object:
    if isinstance(part, dict):
        return {word: _without_names(inner) for word, inner in part.items() if word != "name"}
    return [_without_names(inner) for inner in part] if isinstance(part, list) else part


def _config(value: Any) -> dict[str, object]:
    """A config without the bytecode of functions, which holds file and line: see `own_parts`."""

    def told(part: object) -> object:
        if isinstance(part, dict):
            if part.get("class_name") == "__lambda__":
                return "function"
            return {word: told(inner) for word, inner in part.items()}
        return [told(inner) for inner in part] if isinstance(part, list | tuple) else part

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*`lambda`")  # of files that hold one
        try:
            return {word: told(inner) for word, inner in value.get_config().items()}
        except (NotImplementedError, TypeError, ValueError) as error:
            name = getattr(value, "name", "")
            raise ValueError(
                f"the {type(value).__name__} {name!r} has no config that can be written down, so "
                f"that another one in its place would go unnoticed: {error}"
            ) from error


def is_numbered(value: object) -> bool:
    """Whether a Keras object has the name, `dense_3`, that Keras gives to one without."""
    spaced = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(value).__name__)
    kind = re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()
    return re.fullmatch(rf"{re.escape(kind)}(_\d+)?", str(getattr(value, "name", ""))) is not None


def own_parts(value: object) -> dict[str, object]:
    """What a Keras object holds that its config lacks: functions, which a config has by name, and
    what a class of the user's sets itself."""
    kept = {k: v for k, v in vars(value).items() if _is_own(v) and not hasattr(type(value), k)}
    if not installed(type(value).__module__):
        names = {name for code in of_methods(type(value)) for name in code.co_names}
        for name in names & set(vars(value)) - {"name", "built"}:
            if not _is_state(vars(value)[name]):
                kept[name] = vars(value)[name]
    return kept


def _has_own(layer: "keras.Layer") -> bool:
    return bool(own_parts(layer)) or not installed(type(layer).__module__)


def _is_own(part: object) -> bool:
    """Whether it is code of the user's, or a Keras object (a regulariser, …) of such a class."""
    if isinstance(part, partial):
        return True
    if isinstance(part, FunctionType | MethodType):
        return not installed(part.__module__ or "")
    keras_object = hasattr(part, "get_config") and not private.has_parts(part)
    return keras_object and not installed(type(part).__module__)


def _is_state(part: object) -> bool:
    """Whether weights or layers, which are told otherwise, or a collection of them."""
    if isinstance(part, Iterable) and not isinstance(part, str | bytes | dict | np.ndarray):
        if hasattr(part, "assign"):
            return True
        return any(_is_state(item) for item in part)
    return hasattr(part, "assign") or private.has_parts(part)
