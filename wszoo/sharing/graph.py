"""Reads the sites and the plan off a built functional model, without changing it.

Calls are listed in one order that depends on the graph alone and not on which calls share a
layer: depth first from the outputs, arguments in order, parents before children. So the n-th
call of a model and the n-th call of its twin are the same site, and a model needs to remember no
more than a list of names.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import keras

from wszoo.sharing.about import about, describe
from wszoo.sharing.plan import SharingPlan


@dataclass(frozen=True)
class Names:
    """What a model remembers of its sharing: the names of its sites in call order.

    `declared` are the sites that the builder put under its plan; the rest (norms, biases, heads)
    are private by design. Spellings such as `"AABB"` speak of the declared sites.
    """

    sites: tuple[str, ...]
    declared: tuple[str, ...]


def sites(model: Any) -> tuple[str, ...]:
    """Names of all sites (calls of layers that have weights), in call order.

    A model built by wszoo knows its names. Elsewhere a layer's first call has the layer's name
    and the further ones `name.1`, `name.2`, …
    """
    return names_of(model).sites


def plan_of(model: Any) -> SharingPlan:
    """The partition that the graph really has: sites that call one layer object share."""
    owner_of: dict[int, str] = {}
    pairs = zip(sites(model), weighted_calls(model), strict=True)
    return SharingPlan(
        tuple((site, owner_of.setdefault(id(node.operation), site)) for site, node in pairs)
    )


def names_of(model: Any) -> Names:
    """The names that the model remembers, or names made from those of its layers."""
    names = getattr(model, "_wszoo_names", None)
    if names is not None and len(names.sites) == len(weighted_calls(model)):
        return names
    made = names_from_layers(model)
    return Names(made, made)


def remember(model: Any, site_names: Sequence[str], declared: Sequence[str]) -> None:
    """Writes the site names into the model. `site_names` has one name a weighted call."""
    number = len(weighted_calls(model))
    repeated = sorted({name for name in site_names if list(site_names).count(name) > 1})
    if repeated:
        raise ValueError(
            f"sites and private layers of {model.name!r} need names of their own; used more than "
            f"once: {', '.join(map(repr, repeated))}"
        )
    if len(site_names) != number or not set(declared) <= set(site_names):
        raise ValueError(
            f"the model has {number} sites; received {len(site_names)} names, of which the "
            f"declared {sorted(set(declared) - set(site_names))} are missing"
        )
    model._wszoo_names = Names(tuple(site_names), tuple(declared))


def layer_calls(model: Any) -> list[Any]:
    """The graph's nodes (one call of one layer or operation each), parents before children."""
    _require_functional(model)
    inputs = {id(tensor) for tensor in model.inputs}
    done: dict[int, Any] = {}
    # An explicit stack: deep models are deeper than Python's recursion limit.
    stack = [(node_of(t), False) for t in reversed(model.outputs) if id(t) not in inputs]
    while stack:
        node, parents_done = stack.pop()
        if id(node) in done:
            continue
        if parents_done or not node.input_tensors:
            done[id(node)] = node
            continue
        stack.append((node, True))
        parents = [node_of(t) for t in node.input_tensors if id(t) not in inputs]
        stack.extend((parent, False) for parent in reversed(parents))
    return [node for node in done.values() if node.input_tensors]


def weighted_calls(model: Any) -> list[Any]:
    """Those of the calls whose layer has weights: the sites."""
    return [node for node in layer_calls(model) if getattr(node.operation, "weights", None)]


def layers_of(model: Any) -> dict[str, Any]:
    """Site → the layer that it calls, in call order."""
    return {s: n.operation for s, n in zip(sites(model), weighted_calls(model), strict=True)}


def calls_of(layer: keras.Layer, calls: Sequence[Any]) -> list[int]:
    """Places in `calls` at which `layer` is called, in the order in which it was called."""
    places = [i for i, node in enumerate(calls) if node.operation is layer]
    return sorted(places, key=lambda i: layer._inbound_nodes.index(calls[i]))


def names_from_layers(model: Any) -> tuple[str, ...]:
    """A name a site: the layer's name at its first call, then `name.1`, `name.2`, …"""
    operations = [node.operation for node in layer_calls(model)]
    operations += [tensor._keras_history.operation for tensor in model.inputs]
    taken = {operation.name for operation in operations}
    seen: set[int] = set()
    names = []
    for node in weighted_calls(model):
        name = node.operation.name
        if id(node.operation) in seen:
            name = next(n for i in count(1) if (n := f"{name}.{i}") not in taken)
            taken.add(name)
        seen.add(id(node.operation))
        names.append(name)
    return tuple(names)


def layer_at(model: Any, site: str) -> keras.Layer:
    """The layer that a site calls. Raises `ValueError` for an unknown site."""
    plan_of(model).owner(site)
    return weighted_calls(model)[sites(model).index(site)].operation


def check_no_shared_variables(model: Any) -> None:
    """Refuses a variable that two layers of the graph hold: Keras unties it without a word.

    Raises `ValueError` naming the variable and both layers (keras#18419, keras#10898).
    """
    holder: dict[int, keras.Layer] = {}
    for node in weighted_calls(model):
        for variable in node.operation.variables:
            other = holder.setdefault(id(variable), node.operation)
            if other is not node.operation:
                raise ValueError(
                    f"the variable {variable.path!r} is held by two layers, {other.name!r} and "
                    f"{node.operation.name!r}: Keras would untie it without a word. Call one "
                    "layer object at both sites of one graph instead"
                )


def check_no_repeats_inside(model: Any) -> None:
    """Refuses a nested Sequential that calls one layer twice: Keras' config lists it once.

    Raises `ValueError` naming the nested model; a copy or a file of it would compute otherwise.
    """
    for node in layer_calls(model):
        if not isinstance(node.operation, keras.Layer):
            continue
        for layer in node.operation._flatten_layers():
            inner = layer._layers if isinstance(layer, keras.Sequential) else []
            if len({id(item) for item in inner}) < len(inner):
                raise ValueError(
                    f"the Sequential model {layer.name!r} inside {model.name!r} calls one layer "
                    "more than once, and Keras writes such a layer once into its config: copies "
                    "and files of it compute something else. Make it keras.Model(inputs, outputs)"
                )


def functional_class(model: Any) -> type | None:
    """Keras' class of models made from inputs and outputs, where `model` is one of them."""
    return next((c for c in type(model).__mro__ if c.__name__ == "Functional"), None)


def as_functional(model: Any) -> Any:
    """A Sequential model as the functional model it holds, over the same layers; others as is.

    A Sequential lists each layer once when it is saved: `Sequential([d, d])` comes back wrong.
    Raises `ValueError` for a model without a graph.
    """
    _require_functional(model)
    if not isinstance(model, keras.Sequential):
        return model
    functional = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    functional._wszoo_names = getattr(model, "_wszoo_names", None)
    describe(functional, **about(model))
    return functional


def node_of(tensor: Any) -> Any:
    """The call that made a symbolic tensor."""
    history = tensor._keras_history
    return history.operation._inbound_nodes[history.node_index]


def _require_functional(model: Any) -> None:
    """Raises `ValueError` unless `model` is a functional (or built Sequential) Keras model."""
    if isinstance(model, keras.Sequential) and not model.built:
        raise ValueError(
            f"the Sequential model {model.name!r} is not built, so it has no graph yet: give it an "
            "Input or call model.build(input_shape) first"
        )
    if isinstance(model, keras.Sequential) or functional_class(model) is not None:
        return
    received = f"{type(model).__module__}.{type(model).__qualname__}"
    raise ValueError(
        f"sharing is read from the graph of a functional Keras model; received {received}, which "
        "has none. Build it as keras.Model(inputs, outputs); a subclassed model hides its calls"
    )
