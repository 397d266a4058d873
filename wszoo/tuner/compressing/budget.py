"""A number of parameters used up: the cheapest plan that it allows, and private parts besides."""

from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np

from wszoo.relaxed import pieces
from wszoo.relaxed.relaxing import relax
from wszoo.sharing import graph
from wszoo.sharing.kinds import sites_by_kind
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.surgery.retie import untied_twin
from wszoo.tuner.pricing.examples import evenly
from wszoo.tuner.pricing.suggest import Price, Suggestion, price_of

SAMPLES = 512  # examples that price and start the tied layers


def cheapest(
    model: keras.Model, merges: Suggestion, max_parameters: int, x: np.ndarray, y: np.ndarray
) -> SharingPlan:
    """The plan that a search from `merges.under(max_parameters)` ends at; it is no larger.

    A merge is never undone in a suggestion, so its plans are not the cheapest of their size. Here
    single sites move from group to group, always the move that lowers the price most, while the
    plan stores `max_parameters` or fewer. Prices are of the suggestion's method, on `(x, y)`.

    Raises `ValueError` for fewer parameters than the most tied model stores.
    """
    twin = untied_twin(model)
    plan = merges.under(max_parameters).plan
    kinds = sites_by_kind(twin, plan.sites)
    flat = [site for kind in kinds for site in kind]
    rows = evenly(len(x), SAMPLES)
    price = price_of(twin, flat, merges.method, x[rows], y[rows], getattr(model, "loss", None))
    return settle(plan, price, kinds, sizes(twin), twin.count_params() - max_parameters)


def settle(
    plan: SharingPlan,
    price: Price,
    kinds: Sequence[Sequence[str]],
    size: Mapping[str, int],
    least: int,
) -> SharingPlan:
    """`plan` after moves of single sites that lower its price and leave `least` or more saved.

    `kinds` are the sites that may share, by kind, `size` has the parameters of
    each site's layer.
    """
    now = price(plan)
    while True:
        prices = {p: price(p) for p in moves(plan, kinds) if saved(p, size) >= least}
        best = min(prices, key=prices.__getitem__, default=plan)
        if prices.get(best, now) >= now:
            return plan
        plan, now = best, prices[best]


def moves(plan: SharingPlan, kinds: Sequence[Sequence[str]]) -> Iterator[SharingPlan]:
    """All plans that differ from this one in where one site is, alone or in another group."""
    for kind in kinds:
        for site in kind:
            alone = plan.untie(site)
            yield alone
            for owner in {alone.owner(other): None for other in kind if other != site}:
                yield alone.tie([site, owner])


def saved(plan: SharingPlan, size: Mapping[str, int]) -> int:
    """Parameters that the plan's twin has more than a model under the plan."""
    return sum(size[owner] * (len(group) - 1) for owner, group in plan.groups.items())


def sizes(model: keras.Model) -> dict[str, int]:
    """Site → parameters of its layer."""
    return {site: layer.count_params() for site, layer in graph.layers_of(model).items()}


def filled(twin: keras.Model, plan: SharingPlan, max_parameters: int) -> keras.Model | None:
    """A relaxed model under `plan` whose private parts have the largest rank that there is room
    for (see `wszoo.relax`), one for all sites; `None` where there is room for none.

    `twin` is untied. Groups whose layers cannot be relaxed are tied only.
    """
    layers = graph.layers_of(twin)
    groups = [group for group in plan.groups.values() if len(group) > 1]
    sites = [group[0] for group in groups if pieces.why_not(layers[group[0]]) is None]
    if not sites:
        return None
    first, second = (
        relax(twin, rank=rank, plan=plan, sites=sites).count_params() for rank in (1, 2)
    )
    if first > max_parameters:
        return None
    # No rank adds more than the second: parts whose rank is full grow no further.
    rank = 1 + (max_parameters - first) // max(1, second - first)
    return relax(twin, rank=rank, plan=plan, sites=sites)
