"""Plans that name whole nested models: `SharingPlan.tied(["encoder_a", "encoder_b"])`."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wszoo.sharing import graph
from wszoo.sharing.calls import Call, Path
from wszoo.sharing.plan import SharingPlan

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class NestedCall:
    """One call of a nested model: its sites in the outer model, in its own order."""

    model: "keras.Model"
    sites: tuple[str, ...]


def nested_calls(model: "keras.Model") -> dict[str, NestedCall]:
    """Name → a call of a nested functional model that has sites.

    The name is the model's, behind those of the models around it; further calls are `name.1`, ….
    """
    sites_at: dict[Path, dict[Call, str]] = {}
    for site, call in zip(graph.sites(model), graph.weighted_calls(model), strict=True):
        for depth in range(1, len(call.path) + 1):
            inner = Call(call.node, call.path[depth:])
            sites_at.setdefault(call.path[:depth], {})[inner] = site
    call_of: dict[str, NestedCall] = {}
    for path, sites in sites_at.items():
        name = ".".join(node.operation.name for node in path)
        name = graph.free_name(name, set(call_of)) if name in call_of else name
        own_order = [call for call in graph.weighted_calls(path[-1].operation) if call in sites]
        call_of[name] = NestedCall(path[-1].operation, tuple(sites[call] for call in own_order))
    return call_of


def spelled_out(
    model: "keras.Model",
    plan: SharingPlan,
    check: Callable[[str, "keras.Model", str, "keras.Model"], None],
) -> SharingPlan:
    """The plan over sites alone: the sites of models that it ties are tied one by one.

    What shares within one call of a nested model goes on sharing. `check(owner, its model, name,
    the other model)` raises for models that cannot share. Raises `ValueError` for a nested model
    that is tied to something else.
    """
    own_sites = set(graph.sites(model))
    if own_sites.issuperset(plan.sites):
        return plan
    nested = nested_calls(model)
    pairs: list[tuple[str, str]] = []
    for name, owner in plan.owners:
        if name in own_sites or name not in nested:
            pairs.append((name, owner))
            continue
        if owner not in nested:
            raise ValueError(f"{name!r} is a nested model and cannot share with {owner!r}")
        ours, theirs = nested[name], nested[owner]
        check(owner, theirs.model, name, ours.model)
        if len(ours.sites) != len(theirs.sites):
            raise ValueError(
                f"{owner!r} and {name!r} cannot share: outputs depend on {len(theirs.sites)} sites "
                f"of one and {len(ours.sites)} of the other"
            )
        first: dict[int, str] = {}
        layer_of = graph.layers_of(model)
        for site, other in zip(ours.sites, theirs.sites, strict=True):
            pairs.append((site, first.setdefault(id(layer_of[other]), other)))
    return SharingPlan(tuple(pairs))
