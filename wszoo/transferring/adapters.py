"""Which sites of a model use which low-rank adapter, and the record of it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING

import keras

from wszoo.layers.adapted import Adapted, why_not
from wszoo.sharing import graph
from wszoo.sharing.plan import SharingPlan
from wszoo.shown import tabled
from wszoo.transferring.freezing.freeze import Frozen
from wszoo.transferring.freezing.stages import select

if TYPE_CHECKING:
    from rich.table import Table


@tabled("table")
@dataclass(frozen=True)
class Adaptation:
    """What `add_lora` made: the model, which sites use which adapter, and what may surprise.

    `also`: owner → sites that were not chosen but share the layer of one that was. `skipped`:
    owner → why a layer that was chosen has no adapter. `parameters`: owner → those of its kernels
    and of its adapters. `frozen`: see `wszoo.transferring.freezing.freeze.Frozen`.
    """

    model: keras.Model = field(repr=False)
    adapters: SharingPlan
    also: dict[str, tuple[str, ...]]
    skipped: dict[str, str]
    parameters: dict[str, tuple[int, int]]
    frozen: Frozen = field(repr=False)

    def verify(self) -> None:
        """Raises `ValueError` if a frozen weight has changed."""
        self.frozen.verify()

    def table(self) -> "Table":
        """A rich table: a row an adapted layer, its sites grouped by adapter."""
        from rich.table import Table

        plan = graph.plan_of(self.model)
        table = Table(title=f"adapters of {self.model.name}", title_justify="left")
        for title in ("owner", "sites, by adapter", "kernels", "adapters"):
            table.add_column(title, justify="right" if title[-1] == "s" else "left")
        for owner, sizes in self.parameters.items():
            groups = [g for first, g in self.adapters.groups.items() if plan.owner(first) == owner]
            sites = " | ".join(", ".join(group) for group in groups)
            table.add_row(owner, sites, *(f"{size:,}" for size in sizes))
        return table


def layers_by_owner(model: keras.Model) -> dict[str, keras.Layer]:
    """Owner → its layer."""
    layer_at = graph.layers_of(model)
    return {owner: layer_at[owner] for owner in graph.plan_of(model).groups}


def refusals(layer_of: dict[str, keras.Layer], rank: int) -> dict[str, str]:
    """Owner → why its layer can have no adapter of that rank. Raises `ValueError` for no rank."""
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise ValueError(f"rank must be a positive integer, not {rank!r}")
    reasons = {owner: why_not(layer, rank) for owner, layer in layer_of.items()}
    return {owner: reason for owner, reason in reasons.items() if reason}


def choose(
    parts: dict[str, tuple[str, ...]],
    plan: SharingPlan,
    where: str | Sequence[str],
    skipped: dict[str, str],
) -> list[str]:
    """The chosen sites. Raises `ValueError` for a rule none of whose layers can be adapted."""
    for rule in [where] if isinstance(where, str) else where:
        owners = {plan.owner(site) for site in select(parts, rule)}
        if owners <= set(skipped):
            lines = "".join(f"\n  {owner}: {skipped[owner]}" for owner in sorted(owners))
            raise ValueError(f"{rule!r} chooses no layer that can be adapted:{lines}")
    return select(parts, where)


def shared_by(sites: Iterable[str], key: Callable[[str], object]) -> SharingPlan:
    """The plan in which sites of one key share."""
    first: dict[object, str] = {}
    return SharingPlan(tuple((site, first.setdefault(key(site), site)) for site in sites))


def adapter_numbers(use: SharingPlan, plan: SharingPlan) -> dict[str, int]:
    """The number of each site's adapter among those of its layer."""
    numbers: dict[str, dict[str, int]] = {}
    for site in use.sites:
        of_layer = numbers.setdefault(plan.owner(site), {})
        of_layer.setdefault(use.owner(site), len(of_layer))
    return {site: numbers[plan.owner(site)][use.owner(site)] for site in use.sites}


def sizes(layer: Adapted) -> tuple[int, int]:
    """Parameters of a layer's kernels, and of its adapters."""
    kernels = sum(prod(v.shape) for v in layer.kernels)
    return kernels, sum(prod(v.shape) for pair in layer.factors for v in pair)
