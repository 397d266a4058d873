"""Copies of layers that hold no value of the original yet, or one sentence why there is none.

A copy is made from the layer's configuration. Where that does not make the layer again (a class
without `**kwargs`, a `get_config` that fails or leaves arguments out), it is made by the class from
the arguments that Keras noted when the layer was made, or from those that the layer keeps under
their names. A copy that differs is refused: a model that computes something else is worse than
none.
"""

import inspect
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any

import keras

from wszoo import private
from wszoo.sharing.keras_errors import in_short
from wszoo.sharing.state import all_variables

_PLAIN = (bool, int, float, str, bytes, type(None))
_RULES = (keras.regularizers.Regularizer, keras.constraints.Constraint)
# What a copy may have otherwise, and what stands for other arguments in a signature. A dtype may be
# noted as None or as what that stands for: policies are compared instead.
_NOT_SETTINGS = {"self", "args", "kwargs", "name", "seed", "trainable", "built", "dtype"}
OF_ALL_LAYERS = {"name", "trainable", "dtype", "activity_regularizer"}


def copy(operation: keras.Operation, name: str, **changes: Any) -> Any:
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
        if lost := _lost_argument(operation, new, set(changes)):
            reasons.append(lost)
        elif _noted_otherwise(operation, new, set(changes)):
            doubtful.append(new)
        else:
            return new
    if doubtful:
        return doubtful[0]
    raise ValueError(cannot_copy(operation, reasons[0]))


def call_copy(old: Any, new: Any, args: tuple, kwargs: dict) -> Any:
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


def _ways(operation: keras.Operation, changes: dict[str, Any]) -> Iterator[Callable[[], Any]]:
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
    yield lambda: _from_arguments(operation, _noted(operation) or operation.get_config(), changes)
    yield lambda: _from_arguments(operation, kept_arguments(operation), changes)


def _from_arguments(
    operation: keras.Operation, settings: dict[str, Any], changes: dict[str, Any]
) -> Any:
    """Made by its class from arguments; what `settings` hold beyond those is left out.

    (Sizes that follow from others, say.) `check_copy` sees whether it came out the same.
    """
    taken = inspect.signature(type(operation).__init__).parameters
    open_ended = any(p.kind is p.VAR_KEYWORD for p in taken.values())
    known = {*taken, *(OF_ALL_LAYERS if open_ended else ())}
    settings = {key: value for key, value in {**settings, **changes}.items() if key in known}
    new = type(operation)(**settings)
    new.name = changes["name"]
    return new


def kept_arguments(operation: keras.Operation) -> dict[str, Any]:
    """Arguments of the constructor that the layer keeps under their own names.

    Raises `TypeError` for one that is a layer or variable: two layers would hold it.
    """
    kept = {"dtype": operation.dtype_policy}
    for name in _argument_names(operation) & set(vars(operation)):
        value = vars(operation)[name]
        if any(isinstance(v, keras.Layer | keras.Variable) for v in keras.tree.flatten(value)):
            raise TypeError(f"its argument {name} is a layer or a variable")
        kept[name] = list(value) if isinstance(value, list) else value  # not Keras' tracked one
    return kept


def _noted(operation: keras.Operation) -> dict[str, Any]:
    """The arguments of the constructor as Keras noted them; empty where one is not plain."""
    return private.noted_arguments(operation)


def _lost_argument(old: Any, new: Any, changed: set[str]) -> str | None:
    """An argument of the constructor that the copy was not given; `None` where none is known."""
    if type(old) is not type(new):
        return f"its configuration makes a {type(new).__name__}"
    given, copied = _noted(old), _noted(new)
    names = (old.name, new.name)
    for name in _argument_names(old) - changed:
        ours, theirs = vars(old).get(name), vars(new).get(name)
        if theirs is not None and _differ(ours, theirs, *names):
            return _left_out(name, ours, theirs)
        in_both = name in given and name in copied and name not in vars(old)
        if in_both and _differ(given[name], copied[name], *names):
            return _left_out(name, given[name], copied[name])
    return None


def _noted_otherwise(old: Any, new: Any, changed: set[str]) -> bool:
    """Whether a copy was given another argument, though it has the same setting.

    The config may spell it in another way ("SAME" as "same"), or hold what the layer made of it.
    """
    given, copied = _noted(old), _noted(new)
    both = (_argument_names(old) & set(given) & set(copied)) - changed
    both = {name for name in both if given[name] is not None}  # else it was set since: LoRA, adapt
    return any(_differ(given[name], copied[name], old.name, new.name) for name in both)


def _argument_names(operation: keras.Operation) -> set[str]:
    return set(inspect.signature(type(operation).__init__).parameters) - _NOT_SETTINGS


def lost_attribute(old: Any, new: Any) -> str | None:
    """A setting in which two layers that were both called differ."""
    policies = old.dtype_policy, new.dtype_policy
    if policies[0] != policies[1]:
        return _left_out("dtype", policies[0].name, policies[1].name)
    of_every_layer = vars(keras.layers.Identity())
    for name in sorted(set(vars(old)) & set(vars(new)) - set(of_every_layer) - _NOT_SETTINGS):
        ours, theirs = vars(old)[name], vars(new)[name]
        built_so = name.startswith("_") and not isinstance(ours, bool | str | FunctionType)
        if not built_so and _differ(ours, theirs, old.name, new.name):
            return _left_out(name, ours, theirs)
    return None


def _left_out(name: str, ours: Any, theirs: Any) -> str:
    spelled = [getattr(value, "__name__", None) or repr(value)[:80] for value in (ours, theirs)]
    return f"its configuration leaves out {name}={spelled[0]}, and a copy has {spelled[1]}"


def _differ(ours: Any, theirs: Any, name: str, other: str) -> bool:
    """Whether two settings are of kinds that can be compared, and are not equal.

    Texts may hold the names of their layers.
    """
    if isinstance(ours, str) and isinstance(theirs, str):
        return ours != theirs and ours.replace(name, "") != theirs.replace(other, "")
    if isinstance(ours, _PLAIN) and isinstance(theirs, _PLAIN):
        return ours != theirs and not (ours != ours and theirs != theirs)  # NaN
    if isinstance(ours, list | tuple) and isinstance(theirs, list | tuple):
        pairs = zip(ours, theirs, strict=False)
        return len(ours) != len(theirs) or any(_differ(a, b, name, other) for a, b in pairs)
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return _differ([*ours, *ours.values()], [*theirs, *theirs.values()], name, other)
    if inspect.isroutine(ours) or inspect.isroutine(theirs):
        return _code(ours) != _code(theirs)
    if isinstance(ours, _RULES) or isinstance(theirs, _RULES):
        return type(ours) is not type(theirs) or ours.get_config() != theirs.get_config()
    return False


def _code(value: Any) -> Any:
    """What two equal functions agree in: one may be another spelling (keras.ops, activations)."""
    name = getattr(value, "__name__", value)
    return getattr(value, "__code__", name) if name == "<lambda>" else name
