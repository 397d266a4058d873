"""A model that computes in half or double precision, once more in float32.

LiteRT has next to no operators in float16, bfloat16 and float64, and an ONNX file is one in
float32. What is written for them is the same graph with the same values, in which every layer has
the dtype policy `float32`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from wszoo import private
from wszoo.sharing import graph
from wszoo.sharing.calls import all_calls
from wszoo.sharing.surgery.carrying import carry_over
from wszoo.sharing.surgery.copying import copy
from wszoo.sharing.surgery.rebuild import operation_names, rebuild

# Names of dtypes and policies, also within others: mixed_float16, int8_from_mixed_bfloat16.
_OTHER = re.compile(r"(mixed_)?(bfloat16|float16|float64)")


def in_float32(model: keras.Model) -> keras.Model:
    """The functional model itself if all of it computes in float32, else a copy that does.

    The copy has the graph, names and values of `model`, which is not changed; its inputs keep
    their dtypes. Layers inside layers and nested models are among what is changed. Raises
    `ValueError` for a layer that its configuration does not rebuild.
    """
    if not other_floats(model):
        return model
    names, copies = (
        operation_names(model),
        dict[int, tuple[list[keras.Operation], keras.Operation]](),
    )

    def run(call: Any, args: tuple, kwargs: dict) -> Any:
        old = call.operation
        if id(old) not in copies:
            copies[id(old)] = ([old], _copy(old, names[id(old)]))
        return copies[id(old)][1](*args, **kwargs)

    with _policy("float32"):  # for layers that a layer makes when it is built
        copied = rebuild(model, run)
        for olds, new in copies.values():
            if isinstance(new, keras.Layer) and new.built:
                carry_over(olds, new)
    sites = graph.names_of(model)
    graph.remember(copied, sites.sites, sites.declared)
    return copied


def other_floats(model: keras.Model) -> tuple[str, ...]:
    """The dtypes beside float32 in which the model's layers compute or keep their weights."""
    used: set[str] = set()
    for call in all_calls(model):
        used.update(tensor.dtype for tensor in call.outputs)
        if isinstance(call.operation, keras.Layer):
            for layer in private.parts_of(call.operation):
                used |= {layer.compute_dtype, layer.variable_dtype}
    return tuple(sorted(dtype for dtype in used if _OTHER.fullmatch(dtype)))


def rebuilt_note(model: keras.Model, error: float) -> str:
    """What a report says of a file of a `model` that was rebuilt, at this distance from it."""
    return (
        f"the file computes in float32, the model in {' and '.join(other_floats(model))}: their "
        f"outputs differ by {error:.1e} of the largest"
    )


def _copy(operation: keras.Operation, name: str) -> keras.Operation:
    """`operation` in float32 under this name; its values are not copied."""
    new = copy(operation, name, **_changes(operation))
    if isinstance(new, keras.Layer):
        for layer in private.parts_of(new):  # also those that a constructor gives a policy
            if layer.compute_dtype != "float32" or layer.variable_dtype != "float32":
                layer.dtype_policy = _OTHER.sub("float32", layer.dtype_policy.name)
    return new


def _changes(operation: keras.Operation) -> dict[str, object]:
    """The settings that are others in float32."""
    try:
        config = operation.get_config()
    except Exception:  # a class that has none may still be copied, by its arguments
        return {"dtype": "float32"}
    changed = {name: _float32(value, name.endswith("dtype")) for name, value in config.items()}
    return {name: value for name, value in changed.items() if value != config[name]}


def _float32(config: object, is_dtype: bool = False) -> object:
    """A config in which float32 stands for every other float, in dtypes and dtype policies."""
    if isinstance(config, dict):
        is_dtype = is_dtype or "DTypePolicy" in str(config.get("class_name"))
        return {
            name: _float32(value, is_dtype or name.endswith("dtype"))
            for name, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(_float32(value, is_dtype) for value in config)
    if is_dtype and isinstance(config, keras.DTypePolicy):
        return _float32(keras.dtype_policies.serialize(config), is_dtype)
    return _OTHER.sub("float32", config) if is_dtype and isinstance(config, str) else config


@contextmanager
def _policy(name: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
