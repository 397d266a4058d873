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

from wszoo.sharing import graph
from wszoo.sharing.rebuild import carry_over, copy, rebuild

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
    copies: dict[int, tuple[Any, Any]] = {}

    def run(node: Any, args: tuple, kwargs: dict) -> Any:
        old = node.operation
        if id(old) not in copies:
            copies[id(old)] = (old, _copy(old))
        return copies[id(old)][1](*args, **kwargs)

    with _policy("float32"):  # for layers that a layer makes when it is built
        made = rebuild(model, run)
        for old, new in copies.values():
            if isinstance(old, keras.Layer):
                carry_over([old], new)
                _carry_states(old, new)
    names = graph.names_of(model)
    graph.remember(made, names.sites, names.declared)
    return made


def other_floats(model: keras.Model) -> tuple[str, ...]:
    """The dtypes beside float32 in which the model's layers compute or keep their weights."""
    used: set[str] = set()
    for node in graph.layer_calls(model):
        used.update(tensor.dtype for tensor in node.output_tensors)
        if isinstance(node.operation, keras.Layer):
            for layer in node.operation._flatten_layers():
                used |= {layer.compute_dtype, layer.variable_dtype}
    return tuple(sorted(dtype for dtype in used if _OTHER.fullmatch(dtype)))


def rebuilt_note(model: keras.Model, error: float) -> str:
    """What a report says of a file of a `model` that was rebuilt, at this distance from it."""
    return (
        f"the file computes in float32, the model in {' and '.join(other_floats(model))}: their "
        f"outputs differ by {error:.1e} of the largest"
    )


def _copy(operation: Any) -> Any:
    """`operation` in float32; its values are not copied."""
    if type(operation) is keras.layers.Lambda:  # which has a function, and no config of use
        new = copy(operation, operation.name)
    else:
        try:
            new = type(operation).from_config(_float32(operation.get_config()))
        except Exception as error:
            raise ValueError(
                f"the layer {operation.name!r} ({type(operation).__name__}) does not compute in "
                "float32, and its get_config and from_config do not make it again, which is how "
                f"it would be rebuilt ({type(error).__name__}: {error}); mend them, or build the "
                "model in float32 and copy the weights by set_weights"
            ) from error
    if isinstance(new, keras.Layer):
        for layer in new._flatten_layers():  # also those that a constructor gives a policy
            if layer.compute_dtype != "float32" or layer.variable_dtype != "float32":
                layer.dtype_policy = _OTHER.sub("float32", layer.dtype_policy.name)
    return new


def _carry_states(old: keras.Layer, new: keras.Layer) -> None:
    """Recurrent states, which Keras does not count among a layer's variables."""
    for source, target in zip(old._flatten_layers(), new._flatten_layers(), strict=True):
        states = [keras.tree.flatten(getattr(layer, "states", None)) for layer in (source, target)]
        for state, copied in zip(*states, strict=True):
            if isinstance(state, keras.Variable):
                copied.assign(state)


def _float32(config: Any, is_dtype: bool = False) -> Any:
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
