"""Settings of layers: the arguments of their classes that they keep, and in which two differ."""

import inspect
from types import FunctionType

import keras

from wszoo import private

_PLAIN = (bool, int, float, str, bytes, type(None))
_RULES = (keras.regularizers.Regularizer, keras.constraints.Constraint)
# What a copy may have otherwise, and what stands for other arguments in a signature. A dtype may be
# noted as None or as what that stands for: policies are compared instead.
_NOT_SETTINGS = {"self", "args", "kwargs", "name", "seed", "trainable", "built", "dtype"}
OF_ALL_LAYERS = {"name", "trainable", "dtype", "activity_regularizer"}


def kept_arguments(operation: keras.Operation) -> dict[str, object]:
    """Arguments of the constructor that the layer keeps under their own names.

    Raises `TypeError` for one that is a layer or variable: two layers would hold it.
    """
    kept: dict[str, object] = {"dtype": operation.dtype_policy}
    for name in _argument_names(operation) & set(vars(operation)):
        value = vars(operation)[name]
        if any(isinstance(v, keras.Layer | keras.Variable) for v in keras.tree.flatten(value)):
            raise TypeError(f"its argument {name} is a layer or a variable")
        kept[name] = list(value) if isinstance(value, list) else value  # not Keras' tracked one
    return kept


def noted(operation: keras.Operation) -> dict[str, object]:
    """The arguments of the constructor as Keras noted them; empty where one is not plain."""
    return private.noted_arguments(operation)


def lost_argument(old: keras.Operation, new: keras.Operation, changed: set[str]) -> str | None:
    """An argument of the constructor that the copy was not given; `None` where none is known."""
    if type(old) is not type(new):
        return f"its configuration makes a {type(new).__name__}"
    given, copied = noted(old), noted(new)
    names = (old.name, new.name)
    for name in _argument_names(old) - changed:
        ours, theirs = vars(old).get(name), vars(new).get(name)
        if theirs is not None and _differ(ours, theirs, *names):
            return _left_out(name, ours, theirs)
        in_both = name in given and name in copied and name not in vars(old)
        if in_both and _differ(given[name], copied[name], *names):
            return _left_out(name, given[name], copied[name])
    return None


def noted_otherwise(old: keras.Operation, new: keras.Operation, changed: set[str]) -> bool:
    """Whether a copy was given another argument, though it has the same setting.

    The config may spell it in another way ("SAME" as "same"), or hold what the layer made of it.
    """
    given, copied = noted(old), noted(new)
    both = (_argument_names(old) & set(given) & set(copied)) - changed
    both = {name for name in both if given[name] is not None}  # else it was set since: LoRA, adapt
    return any(_differ(given[name], copied[name], old.name, new.name) for name in both)


def _argument_names(operation: keras.Operation) -> set[str]:
    return set(inspect.signature(type(operation).__init__).parameters) - _NOT_SETTINGS


def lost_attribute(old: keras.Layer, new: keras.Layer) -> str | None:
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


def _left_out(name: str, ours: object, theirs: object) -> str:
    spelled = [getattr(value, "__name__", None) or repr(value)[:80] for value in (ours, theirs)]
    return f"its configuration leaves out {name}={spelled[0]}, and a copy has {spelled[1]}"


def _differ(ours: object, theirs: object, name: str, other: str) -> bool:
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
    if isinstance(ours, _RULES) and isinstance(theirs, _RULES):
        return type(ours) is not type(theirs) or bool(ours.get_config() != theirs.get_config())
    return isinstance(ours, _RULES) or isinstance(theirs, _RULES)


def _code(value: object) -> object:
    """What two equal functions agree in: one may be another spelling (keras.ops, activations)."""
    name = getattr(value, "__name__", value)
    return getattr(value, "__code__", name) if name == "<lambda>" else name
