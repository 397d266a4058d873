"""Runs a model's graph again with other layers."""

from collections.abc import Callable, Sequence
from typing import Protocol

import keras

from wszoo import private
from wszoo.sharing import graph
from wszoo.sharing.about import about, describe
from wszoo.sharing.calls import (
    Args,
    Call,
    Entry,
    Kwargs,
    Path,
    all_calls,
    context_of,
    entries,
    functional_class,
    inner_output,
)
from wszoo.sharing.surgery.carrying import carry_all
from wszoo.sharing.surgery.copying import call_copy, copy
from wszoo.sharing.surgery.with_mask import WithMask

# Stands in for a call's operation: `run(call, args, kwargs)` gives its outputs in the new graph.
Run = Callable[[Call, Args, Kwargs], object]


def rebuild(model: keras.Model, run: Run) -> keras.Model:
    """The graph of `model` once more, each call of an operation made by `run`.

    Calls inside nested functional models are run like those around them: the result has one graph.
    """
    tensors: dict[tuple[Path, int], keras.KerasTensor] = {
        ((), id(tensor)): _new_input(tensor) for tensor in model.inputs
    }

    def new(value: object, path: Path = ()) -> object:
        if not isinstance(value, keras.KerasTensor):
            return value
        key = (path, id(value))
        if key not in tensors:  # an input or an output of a nested model
            tensors[key] = _across(value, path, new)
        return tensors[key]

    for call in all_calls(model):
        arguments = call.arguments.args, call.arguments.kwargs
        args, kwargs = keras.tree.map_structure(lambda v, p=call.path: new(v, p), arguments)
        taken = private.handed_on(call.operation)
        kwargs |= {k: v for k, v in context_of(call.path).items() if k in taken}
        outputs = run(call, args, kwargs)
        for old, tensor in zip(call.outputs, keras.tree.flatten(outputs), strict=True):
            tensors[call.path, id(old)] = tensor
    inputs, outputs = keras.tree.map_structure(new, (model.input, model.output))
    return _model_class(model)(inputs, outputs, name=model.name)


def _across(tensor: keras.KerasTensor, path: Path, new: Callable[[object, Path], object]) -> object:
    """The new tensor for one that enters a nested model (`path` ends in it) or leaves one."""
    if path and (entry := entries(path[-1]).get(id(tensor))) is not None:
        return _entered(entry, new(entry.argument, path[:-1]), new(entry.mask, path[:-1]))
    node = private.call_of(tensor)
    return new(inner_output(node, tensor), (*path, node))


def _entered(
    entry: Entry, value: keras.KerasTensor, mask: keras.KerasTensor | None
) -> keras.KerasTensor:
    """A tensor as a functional model takes it: in the rank and type of its input, with the mask."""
    rank, wanted = len(value.shape), len(entry.input.shape)
    if rank == wanted + 1:
        value = keras.ops.squeeze(value, -1)
    if rank == wanted - 1:
        value = keras.ops.expand_dims(value, -1)
    if keras.backend.standardize_dtype(value.dtype) != entry.input.dtype:
        value = keras.ops.cast(value, entry.input.dtype)
    return value if mask is None else WithMask()(value, mask=mask)


class RunAt(Protocol):
    """Calls a new layer, which gets the name of a site."""

    def __call__(
        self, site: str, layer: keras.Layer, *args: object, **kwargs: object
    ) -> object: ...


Replace = Callable[[str | None, Call, Args, Kwargs, RunAt], object]


def replace_sites(model: keras.Model, replace: Replace, declared: Sequence[str]) -> keras.Model:
    """A copy of the model, values and flags included, in which some sites are other layers.

    `replace(site, call, args, kwargs, run)` gives the outputs that stand for a call of the graph
    (`site` is `None` where its operation has no weights), or `None` for a plain copy. It runs its
    new layers by `run(site, layer, *args, **kwargs)`, which gives them their site names. What
    the new layers hold is left to the caller. Nested functional models become part of one graph.

    Raises `ValueError` for a layer that cannot be copied.
    """
    new_names = operation_names(model)
    site_of = dict(zip(graph.weighted_calls(model), graph.sites(model), strict=True))
    copies: dict[int, tuple[keras.Operation, keras.Operation]] = {}
    name_of: dict[int, str] = {}

    def named(site: str, outputs: object) -> object:
        name_of[id(private.call_of(keras.tree.flatten(outputs)[0]))] = site
        return outputs

    def run_at(site: str, layer: keras.Layer, *args: object, **kwargs: object) -> object:
        return named(site, layer(*args, **kwargs))

    def run(call: Call, args: Args, kwargs: Kwargs) -> object:
        site, old = site_of.get(call), call.operation
        outputs = replace(site, call, args, kwargs, run_at)
        if outputs is not None:
            return outputs
        if id(old) not in copies:
            copies[id(old)] = (old, copy(old, new_names[id(old)]))
        outputs = call_copy(old, copies[id(old)][1], args, kwargs)
        return outputs if site is None else named(site, outputs)

    rebuilt = rebuild(model, run)
    rebuilt.trainable = model.trainable  # before the layers' own flags, which it would overwrite
    carry_all(([old], new) for old, new in copies.values())
    weighted = graph.weighted_calls(rebuilt)
    graph.remember(rebuilt, [name_of[id(call.node)] for call in weighted], declared)
    describe(rebuilt, **about(model))
    return rebuilt


def operation_names(model: keras.Model) -> dict[int, str]:
    """Id of an operation → its name in one graph: that of its first site, or its own name.

    Inside nested models the names of these come first. No two operations have one name.
    """
    calls, sites = all_calls(model), graph.sites(model)
    site_of = dict(zip(graph.weighted_calls(model), sites, strict=True))
    taken = {*sites, *(private.maker_of(tensor).name for tensor in model.inputs)}
    names: dict[int, str] = {}
    for call, name in zip(calls, graph.own_names(calls), strict=True):
        if id(call.operation) in names:
            continue
        if call not in site_of and name in taken:
            name = graph.free_name(name, taken)
        names[id(call.operation)] = site_of.get(call, name)
        taken.add(name)
    return names


def _new_input(tensor: keras.KerasTensor) -> keras.KerasTensor:
    old = private.maker_of(tensor)
    if isinstance(old, keras.layers.InputLayer):
        return type(old).from_config(old.get_config()).output
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, sparse=tensor.sparse)


def _model_class(model: keras.Model) -> type:
    """The model's class where Keras' functional constructor makes it, else `keras.Model`."""
    functional = functional_class(model)
    kind: type = type(model)
    same = functional is not None and kind.__init__ is functional.__init__  # type: ignore[misc]
    return kind if same else keras.Model
