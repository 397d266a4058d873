"""LoRA that knows of sharing: small adapters on frozen kernels, and the plain model afterwards.

    adapted = add_lora(model, rank=4, train="head")     # a new model; the head trains in full
    adapted.model.compile(...); adapted.model.fit(...)
    plain = merge(adapted.model)                        # equal outputs, sharing as before

The rule: an adapter belongs to a layer, so it acts at every site that shares the layer and in all
its roles, and never unties it; `also` lists the sites that come with those chosen. Adapters of
their own for some sites are asked for by a plan (`adapters="untied"`, relaxed tying: Bae et al.
2024); their kernel stays shared until `merge(untie=True)`.
Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models".
"""

from collections.abc import Sequence
from glob import escape

import keras

from wszoo import checks
from wszoo.arguments import checked, each, either, name_or_names, plan_or_text
from wszoo.layers.adapted import Adapted
from wszoo.sharing import graph
from wszoo.sharing.calls import Args, Call, Kwargs, all_calls
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.spellings import as_plan
from wszoo.sharing.surgery.carrying import carry_over
from wszoo.sharing.surgery.copying import copy
from wszoo.sharing.surgery.rebuild import RunAt, replace_sites
from wszoo.sharing.variables import check_no_repeats_inside, check_no_shared_variables
from wszoo.transferring.adapters import (
    Adaptation,
    adapter_numbers,
    choose,
    layers_by_owner,
    refusals,
    shared_by,
    sizes,
)
from wszoo.transferring.freezing.freeze import freeze, recompile
from wszoo.transferring.freezing.stages import select, stages


@checked(
    where=name_or_names,
    train=either(checks.text, each(checks.text, least=0)),
    adapters=plan_or_text,
)
def add_lora(
    model: keras.Model,
    where: str | Sequence[str] = "all",
    *,
    rank: int = 4,
    alpha: float | None = None,
    train: str | Sequence[str] = (),
    adapters: SharingPlan | str | None = None,
    pattern: str | None = None,
) -> Adaptation:
    """A new model with the same graph, values and sharing, of which low-rank adapters train alone.

    `model` is any functional or built Sequential model and is not changed. One that was compiled
    gives one compiled alike, and what trains in both keeps its optimizer state.
    BatchNormalization uses its stored statistics.

    Args:
        where: the layers to adapt: globs over stages and sites or rules on depth, see
            `wszoo.transferring.freezing.stages.select`. Each must choose a layer that can be
            adapted; of the others that it chooses, `skipped` says why they are left out.
        rank, alpha: see `wszoo.layers.Adapted`. The scale is alpha / rank; `None` is 1.
        train: what trains in full and has no adapter (a new head), spelled as `where`.
        adapters: a plan over the chosen sites: which of them use one adapter (sites of different
            layers never do), and those that share their layer and are not chosen use the kernel
            as it is. `None`: all sites of a layer, chosen or not, use its one adapter.
        pattern: see `wszoo.transferring.freezing.stages.stages`.

    Raises `ValueError` for a rule that chooses nothing, or nothing that can be adapted (layers
    without a kernel, or with too little room for the rank), and for a rank or alpha not above 0.
    """
    model = graph.as_functional(model)
    check_no_shared_variables(model)
    check_no_repeats_inside(all_calls(model))
    plan, layer_of = graph.plan_of(model), layers_by_owner(model)
    parts = stages(model, pattern)
    whole = select(parts, train) if train else []
    skipped = refusals(layer_of, rank) | {plan.owner(s): "it trains in full" for s in whole}
    chosen = choose(parts, plan, where, skipped)
    owners = {plan.owner(site) for site in chosen} - set(skipped)
    if adapters is None:
        use = plan.restrict(site for site in plan.sites if plan.owner(site) in owners)
    else:
        own = as_plan(adapters, [site for site in chosen if plan.owner(site) in owners])
        use = shared_by(own.sites, lambda site: (own.owner(site), plan.owner(site)))
    number = adapter_numbers(use, plan) if adapters is not None else None
    result = _with_adapters(model, plan, owners, number, {"rank": rank, "alpha": alpha})
    trains = [site for site in plan.sites if plan.owner(site) in owners]
    # Every site a stage by itself: the stage "block_0" would also choose "block_0_norm".
    frozen = freeze(result, [escape(site) for site in [*trains, *whole]], pattern=".*")
    if model.compiled:
        recompile(result, model)
    also = {owner: tuple(s for s in plan.groups[owner] if s not in chosen) for owner in owners}
    asked = dict.fromkeys(map(plan.owner, chosen))
    return Adaptation(
        result,
        use,
        also={owner: sites for owner, sites in also.items() if sites and adapters is None},
        skipped={owner: skipped[owner] for owner in asked if owner in skipped},
        parameters={o: sizes(new) for o, new in layers_by_owner(result).items() if o in owners},
        frozen=frozen,
    )


def _with_adapters(
    model: keras.Model,
    plan: SharingPlan,
    owners: set[str],
    number: dict[str, int] | None,
    settings: dict,
) -> keras.Model:
    """The model with the owners' layers wrapped; `number` is that of a site's adapter, if any."""
    layer_of = layers_by_owner(model)
    adapted: dict[str, Adapted] = {}

    def replace(site: str | None, node: Call, args: Args, kwargs: Kwargs, call: RunAt) -> object:
        if site is None or (owner := plan.owner(site)) not in owners:
            return None
        if owner not in adapted:
            new = copy(layer_of[owner], owner)
            new.build_from_config(layer_of[owner].get_build_config())
            carry_over([layer_of[owner]], new)
            numbers = [(number or {}).get(s, 0) for s in plan.groups[owner]]
            adapted[owner] = Adapted(new, adapters=1 + max(numbers), name=owner, **settings)
        if number is not None:
            kwargs = kwargs | {"adapter": number.get(site)}
        return call(site, adapted[owner], *args, **kwargs)

    return replace_sites(model, replace, graph.names_of(model).declared)


@checked()
def merge(model: keras.Model, *, untie: bool = False) -> keras.Model:
    """A plain model with the adapters added into the kernels: equal outputs up to rounding.

    The sites share as before, names and compilation are kept, and `wszoo.save` and `wszoo.export`
    take it as any other. Sites that share a kernel under adapters of their own would share no
    longer: that is refused, unless `untie=True` asks for it.
    Raises `ValueError` for that, and for a model without adapters.
    """
    model = graph.as_functional(model)
    plan, layer_of = graph.plan_of(model), layers_by_owner(model)
    adapted = {owner for owner, layer in layer_of.items() if isinstance(layer, Adapted)}
    if not adapted:
        raise ValueError(
            f"{model.name!r} has no adapters to merge; see wszoo.transferring.lora.add_lora"
        )
    number = {
        site: node.arguments.kwargs.get("adapter", 0) if plan.owner(site) in adapted else None
        for site, node in zip(graph.sites(model), graph.weighted_calls(model), strict=True)
    }
    apart = shared_by(plan.sites, lambda site: (plan.owner(site), number[site]))
    if apart != plan and not untie:
        split = [g for g in plan.groups.values() if len({apart.owner(s) for s in g}) > 1]
        raise ValueError(
            f"the sites {', '.join(map(str, split))} share a kernel and have adapters of their "
            "own: one plain kernel cannot hold both. merge(model, untie=True) gives each its own"
        )
    plain: dict[str, tuple[keras.Layer, Adapted]] = {}

    def replace(site: str | None, node: Call, args: Args, kwargs: Kwargs, call: RunAt) -> object:
        if site is None or plan.owner(site) not in adapted:
            return None
        owner = apart.owner(site)
        if owner not in plain:
            plain[owner] = (copy(node.operation.adapted, owner), node.operation)
        kwargs = {key: value for key, value in kwargs.items() if key != "adapter"}
        return call(site, plain[owner][0], *args, **kwargs)

    result = replace_sites(model, replace, graph.names_of(model).declared)
    for owner, (new, old) in plain.items():
        carry_over([old.adapted], new)
        for variable, value in zip(new.variables, old.values(number[owner]), strict=True):
            variable.assign(keras.ops.copy(value))
        new.trainable = old.trainable
    if model.compiled:
        recompile(result, model)
    return result
