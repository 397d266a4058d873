"""Reads the sites and the plan off a built functional model, without changing it.

Calls come in one order (see `wszoo.sharing.calls`), so a model needs to remember no more of its
sharing than a list of names.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import count

import keras

from wszoo import private
from wszoo.arguments import checked
from wszoo.sharing.about import about, describe
from wszoo.sharing.calls import Call, all_calls, require_functional
from wszoo.sharing.plan import SharingPlan


@dataclass(frozen=True)
class Names:
    """What a model remembers of its sharing: the names of its sites in call order.

    `declared` are the sites that the builder put under its plan; the rest (norms, biases, heads)
    are private by design. Spellings such as `"AABB"` speak of the declared sites.
    """

    sites: tuple[str, ...]
    declared: tuple[str, ...]


@checked()
def sites(model: keras.Model) -> tuple[str, ...]:
    """Names of all sites (calls of layers that have weights), in call order.

    A model built by wszoo knows its names. Elsewhere a layer's first call has the layer's name
    and the further ones `name.1`, `name.2`, … Nested functional models are seen through: the
    layer `dense` of a nested model `backbone` is the site `backbone.dense`, and `backbone.dense.1`
    where `backbone` is called a second time. A layer that calls others in Python code of its own
    is one site; `wszoo.audit` lists those.
    """
    return names_of(model).sites


@checked()
def plan_of(model: keras.Model) -> SharingPlan:
    """The partition that the graph really has: sites that call one layer object share."""
    owner_of: dict[int, str] = {}
    pairs = zip(sites(model), weighted_calls(model), strict=True)
    return SharingPlan(
        tuple((site, owner_of.setdefault(id(call.operation), site)) for site, call in pairs)
    )


def names_of(model: keras.Model) -> Names:
    """The names that the model remembers, or names made from those of its layers."""
    remembered = remembered_names(model)
    if remembered is not None:
        return remembered
    from_layers = names_from_layers(model)
    return Names(from_layers, from_layers)


def remembered_names(model: keras.Model) -> Names | None:
    """The names that the model remembers, where they still are as many as its sites."""
    names = getattr(model, "_wszoo_names", None)
    return names if names and len(names.sites) == len(weighted_calls(model)) else None


def remember(model: keras.Model, site_names: Sequence[str], declared: Sequence[str]) -> None:
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


def weighted_calls(model: keras.Model) -> list[Call]:
    """Those of the calls whose layer has weights: the sites."""
    return [call for call in all_calls(model) if getattr(call.operation, "weights", None)]


def layers_of(model: keras.Model) -> dict[str, keras.Layer]:
    """Site → the layer that it calls, in call order."""
    return {s: c.operation for s, c in zip(sites(model), weighted_calls(model), strict=True)}


def calls_of(layer: keras.Layer, calls: Sequence[Call]) -> list[int]:
    """Places in `calls` at which `layer` is called, in the order in which it was called."""
    places = [i for i, call in enumerate(calls) if call.operation is layer]
    return sorted(places, key=lambda i: private.calls_of(layer).index(calls[i].node))


def names_from_layers(model: keras.Model) -> tuple[str, ...]:
    """A name a site: the layer's name at its first call, then `name.1`, `name.2`, …

    Inside nested models it is preceded by theirs; one that remembers its sites' names lends them.
    """
    calls = all_calls(model)
    own = dict(zip(calls, own_names(calls), strict=True))
    reserved = {*own.values(), *(private.maker_of(tensor).name for tensor in model.inputs)}
    given: set[str] = set()
    for call in weighted_calls(model):
        name = own[call]
        if name in given:
            name = free_name(name, reserved | given)
        given.add(name)
        own[call] = name
    return tuple(own[call] for call in weighted_calls(model))


def own_names(calls: Iterable[Call]) -> list[str]:
    """The name of each call's operation behind those of the nested models around it.

    Calls of one operation on one way of nesting have one name.
    """
    lent: dict[int, dict[Call, str]] = {}

    def name(call: Call) -> str:
        for depth, container in enumerate(call.containers):
            if id(container) not in lent:
                names = remembered_names(container)
                inside = weighted_calls(container) if names else []
                lent[id(container)] = dict(zip(inside, names.sites if names else (), strict=True))
            short = lent[id(container)].get(Call(call.node, call.path[depth + 1 :]))
            if short is not None:
                return ".".join([*(m.name for m in call.containers[: depth + 1]), short])
        return ".".join([*(m.name for m in call.containers), call.operation.name])

    return [name(call) for call in calls]


def free_name(name: str, taken: set[str]) -> str:
    """`name.1`, `name.2`, …: the first that is not taken."""
    return next(free for i in count(1) if (free := f"{name}.{i}") not in taken)


def free_layer_name(name: str, *tensors: keras.KerasTensor) -> str:
    """`name`, or the first of `name.1`, `name.2`, … that no operation above the tensors has.

    So a layer that is put on a model whose layers are somebody else's gets a name of its own.
    """
    above: dict[int, private.Node] = {}
    nodes = [private.call_of(tensor) for tensor in tensors]
    while nodes:
        node = nodes.pop()
        if id(node) not in above:
            above[id(node)] = node
            nodes += node.parent_nodes
    taken = {node.operation.name for node in above.values()}
    return free_name(name, taken) if name in taken else name


def layer_at(model: keras.Model, site: str) -> keras.Layer:
    """The layer that a site calls. Raises `ValueError` for an unknown site."""
    plan_of(model).owner(site)
    return layers_of(model)[site]


def as_functional(model: keras.Model) -> keras.Model:
    """A Sequential model as the functional model it holds, over the same layers; others as is.

    A Sequential lists each layer once when it is saved: `Sequential([d, d])` comes back wrong.
    Raises `ValueError` for a model without a graph.
    """
    require_functional(model)
    if not isinstance(model, keras.Sequential):
        return model
    functional = keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    functional._wszoo_names = getattr(model, "_wszoo_names", None)
    describe(functional, **about(model))
    return functional
