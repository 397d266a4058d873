"""retie: rebuild any functional model under another plan."""

from collections.abc import Iterable
from typing import Any, Literal

import keras
import numpy as np

from wszoo.sharing import graph
from wszoo.sharing.plan import SharingPlan, as_plan
from wszoo.sharing.specs import explain, spec, weight_shapes


def retie(
    model: keras.Model,
    plan: SharingPlan | str | None,
    *,
    weights: Literal["owner", "mean"] = "owner",
) -> keras.Model:
    """A new model with the same graph and values in which sites share as the plan says.

    `model` may be any functional or built Sequential Keras model and is not changed. `plan` may
    name only some of the sites (see `wszoo.sites`): the others keep the sharing they have. A
    string such as `"AABB"` or `"cycle:2"` speaks of the sites that the model's builder declared,
    or of all sites where it declared none. Where sites of different weights are merged,
    `weights="owner"` keeps those of the group's first site and `"mean"` the mean over its sites.
    Trainable flags, statistics and random states carry over (of a merged group, the owner's);
    the new model is not compiled. Its class is the old one's if that is built from inputs and
    outputs alone, else `keras.Model`.

    Raises `ValueError` for an unknown site, a pattern of wrong length, sites whose layers differ
    in class, configuration or weight shapes (both are printed), a variable held by two layers, a
    nested Sequential that calls a layer twice, and for a model without a graph.
    """
    if weights not in ("owner", "mean"):
        raise ValueError(f"weights must be 'owner' or 'mean', not {weights!r}")
    model = graph.as_functional(model)
    graph.check_no_shared_variables(model)
    graph.check_no_repeats_inside(model)
    names = graph.names_of(model)
    whole = _whole_plan(model, plan, names)
    layer_of = dict(zip(names.sites, _layers(model), strict=True))
    for owner, group in whole.groups.items():
        for site in group[1:]:
            _check_same(owner, layer_of[owner], site, layer_of[site])
    made: dict[str, keras.Layer] = {}
    others: dict[int, tuple[Any, Any]] = {}
    twin = _rebuild(model, names.sites, whole, made, others)
    twin.trainable = model.trainable  # before the layers' own flags, which it would overwrite
    for owner, layer in made.items():
        sources = [layer_of[site] for site in whole.groups[owner]]
        _carry_over(sources if weights == "mean" else sources[:1], layer)
    for old, new in others.values():
        if isinstance(old, keras.Layer):  # no weights, but flags and random states
            _carry_over([old], new)
    graph.remember(twin, names.sites, names.declared)
    return twin


def untied_twin(model: keras.Model) -> keras.Model:
    """The same network with every site owning its own weights; equal outputs when it is made."""
    return retie(model, SharingPlan.untied(graph.sites(model)))


def _whole_plan(model: Any, plan: SharingPlan | str | None, names: graph.Names) -> SharingPlan:
    """The plan over all sites of the model; those that `plan` does not name stay as they are."""
    asked = plan if isinstance(plan, SharingPlan) else as_plan(plan, names.declared)
    asked.extend(names.sites)  # raises for a site that the model lacks
    now = graph.plan_of(model)
    named = set(asked.sites)
    # A named site leaves the group it had; the rest of that group stays together.
    label = {s: ("new", asked.owner(s)) if s in named else ("old", now.owner(s)) for s in now.sites}
    first: dict[Any, str] = {}
    return SharingPlan(tuple((site, first.setdefault(label[site], site)) for site in now.sites))


def _rebuild(
    model: Any,
    site_names: tuple[str, ...],
    plan: SharingPlan,
    made: dict[str, keras.Layer],
    others: dict[int, tuple[Any, Any]],
) -> keras.Model:
    """Runs the graph again with the plan's layers.

    `made` receives owner → new layer, `others` the operations without weights, old and new.
    """
    site_of = dict(zip(map(id, graph.weighted_calls(model)), site_names, strict=True))
    tensors = {id(tensor): _new_input(tensor) for tensor in model.inputs}

    def operation_at(node: Any) -> Any:
        old, site = node.operation, site_of.get(id(node))
        if site is None:
            if id(old) not in others:
                others[id(old)] = (old, _copy(old, old.name))
            return others[id(old)][1]
        owner = plan.owner(site)
        if owner not in made:
            made[owner] = _copy(old, owner)
        return made[owner]

    def new(value: Any) -> Any:
        return tensors[id(value)] if isinstance(value, keras.KerasTensor) else value

    for node in graph.layer_calls(model):
        args, kwargs = keras.tree.map_structure(new, (node.arguments.args, node.arguments.kwargs))
        outputs = operation_at(node)(*args, **kwargs)
        for old, tensor in zip(node.outputs, keras.tree.flatten(outputs), strict=True):
            tensors[id(old)] = tensor
    inputs, outputs = keras.tree.map_structure(new, (model.input, model.output))
    return _model_class(model)(inputs, outputs, name=model.name)


def _new_input(tensor: Any) -> Any:
    old = tensor._keras_history.operation
    if isinstance(old, keras.layers.InputLayer):
        return type(old).from_config(old.get_config()).output
    return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, sparse=tensor.sparse)


def _copy(operation: Any, name: str) -> Any:
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


def _model_class(model: keras.Model) -> type:
    """The model's class where Keras' functional constructor makes it, else `keras.Model`."""
    functional = graph.functional_class(model)
    kind: type = type(model)
    same = functional is not None and kind.__init__ is functional.__init__  # type: ignore[misc]
    return kind if same else keras.Model


def _layers(model: Any) -> list[keras.Layer]:
    return [node.operation for node in graph.weighted_calls(model)]


def _check_same(owner: str, first: keras.Layer, site: str, second: keras.Layer) -> None:
    if first is second:
        return
    specs = [
        {**spec(layer, initial=False), "weights": weight_shapes(layer)} for layer in (first, second)
    ]
    if specs[0] != specs[1]:
        raise ValueError(
            f"sites {owner!r} and {site!r} cannot share one layer: they differ in\n"
            + explain(owner, specs[0], site, specs[1])
        )


def _carry_over(sources: list[keras.Layer], target: keras.Layer) -> None:
    """Copies values (the mean over several sources), flags and states of built layers."""
    for old, new in zip(_sublayers(sources[0]), _sublayers(target), strict=True):
        new.trainable = old.trainable
    columns = zip(*(layer.variables for layer in sources), strict=True)
    for olds, new in zip(columns, target.variables, strict=True):
        new.assign(_mean(olds) if len({id(v) for v in olds}) > 1 else olds[0])
        new.trainable = olds[0].trainable
    for layer in _sublayers(target):
        if hasattr(layer, "finalize_state"):  # Normalization computes with a copy of its variables
            layer.finalize_state()


def _sublayers(layer: keras.Layer) -> list[keras.Layer]:
    return list(layer._flatten_layers())


def _mean(variables: Iterable[Any]) -> Any:
    values = [np.asarray(variable) for variable in variables]
    if not np.issubdtype(values[0].dtype, np.integer):
        return np.mean(np.asarray(values, "float64"), axis=0)
    return values[0]
