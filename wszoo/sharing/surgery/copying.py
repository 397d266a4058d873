"""Copies of layers that hold no value of the original yet, or one sentence why there is none.

A copy is made from the layer's configuration. Where that does not make the layer again (a class
without `**kwargs`, a `get_config` that fails or leaves arguments out), it is made by the class from
the arguments that Keras noted when the layer was made, or from those that the layer keeps under
their names. A copy that differs is refused: a model that computes something else is worse than
none.
"""

import inspect
from collections.abc import Callable, Iterator

import keras

from wszoo import private
from wszoo.sharing.calls import Args, Kwargs
from wszoo.sharing.keras_errors import in_short
from wszoo.sharing.settings import (
    OF_ALL_LAYERS,
    kept_arguments,
    lost_argument,
    lost_attribute,
    noted,
    noted_otherwise,
)
from wszoo.sharing.state import all_variables


def copy(operation: keras.Operation, name: str, **changes: object) -> keras.Operation:
    """A new operation of the same settings under another name; values are not copied.

    `changes` are settings of its configuration that the copy has otherwise (`dtype`).
    Raises `ValueError` naming a layer that cannot be copied, why, and what to do.
    """
    reasons, doubtful = [], []
    for make in _ways(operation, {**changes, "name": name}):
        try:
            new = make()
        except Exception as error:  # a constructor may raise anything
            reasons.append(in_short(error))
            continue
        if lost := lost_argument(operation, new, set(changes)):
            reasons.append(lost)
        elif noted_otherwise(operation, new, set(changes)):
            doubtful.append(new)
        else:
            return new
    if doubtful:
        return doubtful[0]
    raise ValueError(cannot_copy(operation, reasons[0]))


def call_copy(old: keras.Operation, new: keras.Operation, args: Args, kwargs: Kwargs) -> object:
    """The copy's outputs where the original was called on the like.

    Raises `ValueError` in the words of `copy` where the copy raises.
    """
    try:
        return new(*args, **kwargs)
    except Exception as error:  # a layer may raise anything
        raise ValueError(cannot_copy(old, f"a copy cannot be called: {in_short(error)}")) from error


def check_copy(old: keras.Layer, new: keras.Layer) -> None:
    """Compares a copy, after it was called, with its original: parts and sizes.

    Raises `ValueError` in the words of `copy`.
    """
    parts = [[type(part) for part in private.parts_of(layer)] for layer in (old, new)]
    shapes = [[tuple(v.shape) for v in all_variables(layer)] for layer in (old, new)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            cannot_copy(old, f"a copy has weights of shapes {shapes[1]}, not {shapes[0]}")
        )
    if parts[0] != parts[1]:
        raise ValueError(cannot_copy(old, "a copy is made of other layers"))


def check_settings(old: keras.Layer, new: keras.Layer) -> None:
    """Compares the settings of a copy that holds what its original holds, part by part.

    Raises `ValueError` in the words of `copy`.
    """
    for one, other in zip(private.parts_of(old), private.parts_of(new), strict=True):
        if lost := lost_attribute(one, other):
            raise ValueError(cannot_copy(old, lost))


def cannot_copy(operation: keras.Operation, reason: str) -> str:
    """The sentence for a layer that cannot be copied."""
    kind = type(operation)
    return (
        f"the layer {operation.name!r} ({kind.__module__}.{kind.__qualname__}) cannot be copied: "
        f"{reason}. Give its class a get_config() that returns every argument of its __init__, "
        "and let __init__ take **kwargs and hand them to super().__init__"
    )


def _ways(operation: keras.Operation, changes: Kwargs) -> Iterator[Callable[[], keras.Operation]]:
    kind = type(operation)
    if kind is keras.layers.Lambda:  # the function itself; a config has its bytecode
        yield lambda: keras.layers.Lambda(
            operation.function,
            output_shape=private.stated_output_shape(operation),
            mask=operation.mask,
            arguments=operation.arguments,
            **{"dtype": operation.dtype_policy, **changes},
        )
        return
    yield lambda: kind.from_config({**operation.get_config(), **changes})
    yield lambda: _from_arguments(operation, noted(operation) or operation.get_config(), changes)
    yield lambda: _from_arguments(operation, kept_arguments(operation), changes)


def _from_arguments(
    operation: keras.Operation, settings: Kwargs, changes: Kwargs
) -> keras.Operation:
    """Made by its class from arguments; what `settings` hold beyond those is left out.

    (Sizes that follow from others, say.) `check_copy` sees whether it came out the same.
    """
    taken = inspect.signature(type(operation).__init__).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in taken.values())
    accepted = {*taken, *(OF_ALL_LAYERS if open_ended else ())}
    settings = {key: value for key, value in {**settings, **changes}.items() if key in accepted}
    new = type(operation)(**settings)
    new.name = changes["name"]
    return new
