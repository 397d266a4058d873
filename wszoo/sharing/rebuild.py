"""Runs a model's graph again with other layers, and copies what layers hold."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras
import numpy as np

from wszoo.sharing import graph
from wszoo.sharing.about import about, describe

# Stands in for a node's operation: `run(node, args, kwargs)` gives its outputs in the new graph.
Run = Callable[[Any, tuple, dict], Any]


def rebuild(model: Any, run: Run) -> keras.Model:
    """The graph of `model` once more, each call of an operation made by `run`."""
    tensors = {id(tensor): _new_input(tensor) for tensor in model.inputs}

    def new(value: Any) -> Any:
        return tensors[id(value)] if isinstance(value, keras.KerasTensor) else value

    for node in graph.layer_calls(model):
        args, kwargs = keras.tree.map_structure(new, (node.arguments.args, node.arguments.kwargs))
        outputs = run(node, args, kwargs)
        for old, tensor in zip(node.outputs, keras.tree.flatten(outputs), strict=True):
            tensors[id(old)] = tensor
    inputs, outputs = keras.tree.map_structure(new, (model.input, model.output))
    return _model_class(model)(inputs, outputs, name=model.name)


Replace = Callable[[str | None, Any, tuple, dict, Callable], Any]


def replace_sites(model: Any, replace: Replace, declared: Sequence[str]) -> keras.Model:
    """A copy of the model, values and flags included, in which some sites are other layers.

    `replace(site, node, args, kwargs, call)` gives the outputs that stand for a node of the graph
    (`site` is `None` where its operation has no weights), or `None` for a plain copy. It calls its
    new layers by `call(site, layer, *args, **kwargs)`, which gives them their site names. What
    the new layers hold is left to the caller.
    """
    site_of = dict(zip(map(id, graph.weighted_calls(model)), graph.sites(model), strict=True))
    copies: dict[int, tuple[Any, Any]] = {}
    name_of: dict[int, str] = {}

    def call(site: str, layer: keras.Layer, *args: Any, **kwargs: Any) -> Any:
        outputs = layer(*args, **kwargs)
        name_of[id(graph.node_of(keras.tree.flatten(outputs)[0]))] = site
        return outputs

    def run(node: Any, args: tuple, kwargs: dict) -> Any:
        site, old = site_of.get(id(node)), node.operation
        outputs = replace(site, node, args, kwargs, call)
        if outputs is not None:
            return outputs
        if id(old) not in copies:
            copies[id(old)] = (old, copy(old, old.name))
        new = copies[id(old)][1]
        return new(*args, **kwargs) if site is None else call(site, new, *args, **kwargs)

    made = rebuild(model, run)
    made.trainable = model.trainable  # before the layers' own flags, which it would overwrite
    for old, new in copies.values():
        if isinstance(old, keras.Layer) and new.built:
            carry_over([old], new)
    graph.remember(made, [name_of[id(node)] for node in graph.weighted_calls(made)], declared)
    describe(made, **about(model))
    return made


def copy(operation: Any, name: str) -> Any:
    """A new operation of the same configuration under another name; values are not copied."""
    if type(operation) is keras.layers.Lambda:  # the function itself; a config has its bytecode
        return keras.layers.Lambda(
            operation.function,
            output_shape=operation._output_shape,
            mask=operation.mask,
            arguments=operation.arguments,
            dtype=operation.dtype_policy,
            name=name,
        )
    return type(operation).from_config({**operation.get_config(), "name": name})


def carry_over(sources: list[keras.Layer], target: keras.Layer) -> None:
    """Copies values (the mean over several sources), flags and states of built layers."""
    for old, new in zip(_sublayers(sources[0]), _sublayers(target), strict=True):
        new.trainable = old.trainable
    columns = zip(*(layer.variables for layer in sources), strict=True)
    for olds, new in zip(columns, target.variables, strict=True):
        # A copy: training on JAX donates its buffers, and would take the other model's, too.
        one = len({id(v) for v in olds}) == 1
        new.assign(keras.ops.copy(olds[0]) if one else _mean(olds))
        new.trainable = olds[0].trainable
    for layer in _sublayers(target):
        if hasattr(layer, "finalize_state"):  # Normalization computes with a copy of its variables
            layer.finalize_state()


def _new_input(tensor: Any) -> Any:
    old = tensor._keras_history.operation
    if isinstance(old, keras.layers.InputLayer):
        return type(old).from_config(old.get_config()).output
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, sparse=tensor.sparse)


def _model_class(model: keras.Model) -> type:
    """The model's class where Keras' functional constructor makes it, else `keras.Model`."""
    functional = graph.functional_class(model)
    kind: type = type(model)
    same = functional is not None and kind.__init__ is functional.__init__  # type: ignore[misc]
    return kind if same else keras.Model


def _sublayers(layer: keras.Layer) -> list[keras.Layer]:
    return list(layer._flatten_layers())


def _mean(variables: Iterable[Any]) -> Any:
    values = [np.asarray(variable) for variable in variables]
    if not np.issubdtype(values[0].dtype, np.integer):
        return np.mean(np.asarray(values, "float64"), axis=0)
    return values[0]
