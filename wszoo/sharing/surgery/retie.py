"""retie: rebuild any functional model under another plan."""

from typing import Literal

import keras

from wszoo.arguments import checked
from wszoo.sharing import graph
from wszoo.sharing.about import about, describe
from wszoo.sharing.auditing.opaque import check_open, warn_of_hidden_sharing
from wszoo.sharing.calls import Args, Call, Kwargs, all_calls
from wszoo.sharing.kinds import check_kind
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.spellings import as_plan
from wszoo.sharing.surgery.carrying import carry_all
from wszoo.sharing.surgery.copying import call_copy, copy
from wszoo.sharing.surgery.nested import spelled_out
from wszoo.sharing.surgery.rebuild import operation_names, rebuild
from wszoo.sharing.variables import check_no_repeats_inside, check_no_shared_variables


@checked()
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
    outputs alone, else `keras.Model`. Nested functional models become part of one graph, as by
    `wszoo.flatten`; a plan may name two of them (`SharingPlan.tied(["encoder_a", "encoder_b"])`),
    and ties their sites one by one.

    Raises `ValueError` for an unknown site, a pattern of wrong length, sites whose layers differ
    in class, configuration or weight shapes (both are printed), a layer that cannot be copied, a
    variable held by two layers, and for a model without a graph.
    """
    model = graph.as_functional(model)
    check_no_shared_variables(model)
    check_no_repeats_inside(all_calls(model))
    names = graph.names_of(model)
    whole = _whole_plan(model, plan, names)
    layer_of = dict(zip(names.sites, _layers(model), strict=True))
    for owner, group in whole.groups.items():
        for site in group[1:]:
            check_kind(owner, layer_of[owner], site, layer_of[site])
    new_layers: dict[str, keras.Layer] = {}
    others: dict[int, tuple[keras.Operation, keras.Operation]] = {}
    twin = _rebuild(model, names.sites, whole, new_layers, others)
    twin.trainable = model.trainable  # before the layers' own flags, which it would overwrite
    sources = {owner: [layer_of[site] for site in whole.groups[owner]] for owner in new_layers}
    pairs = [
        (olds if weights == "mean" else olds[:1], new_layers[owner])
        for owner, olds in sources.items()
    ]
    pairs += [([old], new) for old, new in others.values()]  # no weights, but random states
    carry_all(pairs)
    graph.remember(twin, names.sites, names.declared)
    describe(twin, **about(model))
    return twin


@checked()
def untied_twin(model: keras.Model) -> keras.Model:
    """The same network with every site owning its own weights; equal outputs when it is made.

    Warns of layers that call one of their parts several times in Python code of their own: what
    is shared there is no site, and stays shared. Raises `ValueError` as `retie`.
    """
    twin = retie(model, SharingPlan.untied(graph.sites(model)))
    warn_of_hidden_sharing(twin)
    return twin


def _whole_plan(
    model: keras.Model, plan: SharingPlan | str | None, names: graph.Names
) -> SharingPlan:
    """The plan over all sites of the model; those that `plan` does not name stay as they are."""
    asked = plan if isinstance(plan, SharingPlan) else as_plan(plan, names.declared)
    asked = spelled_out(model, asked, check_kind)
    check_open(model, asked.sites)
    asked.extend(names.sites)  # raises for a site that the model lacks
    now = graph.plan_of(model)
    named = set(asked.sites)
    # A named site leaves the group it had; the rest of that group stays together.
    label = {s: ("new", asked.owner(s)) if s in named else ("old", now.owner(s)) for s in now.sites}
    first: dict[tuple[str, str], str] = {}
    return SharingPlan(tuple((site, first.setdefault(label[site], site)) for site in now.sites))


def _rebuild(
    model: keras.Model,
    site_names: tuple[str, ...],
    plan: SharingPlan,
    new_layers: dict[str, keras.Layer],
    others: dict[int, tuple[keras.Operation, keras.Operation]],
) -> keras.Model:
    """Runs the graph again with the plan's layers.

    `new_layers` receives owner → new layer, `others` the operations without weights, old and new.
    """
    site_of = dict(zip(graph.weighted_calls(model), site_names, strict=True))
    new_names = operation_names(model)

    def operation_at(call: Call) -> keras.Operation:
        old, site = call.operation, site_of.get(call)
        if site is None:
            if id(old) not in others:
                others[id(old)] = (old, copy(old, new_names[id(old)]))
            return others[id(old)][1]
        owner = plan.owner(site)
        if owner not in new_layers:
            new_layers[owner] = copy(old, owner)
        return new_layers[owner]

    def run(call: Call, args: Args, kwargs: Kwargs) -> object:
        return call_copy(call.operation, operation_at(call), args, kwargs)

    return rebuild(model, run)


def _layers(model: keras.Model) -> list[keras.Layer]:
    return [call.operation for call in graph.weighted_calls(model)]
