"""The sites of a model that a search may tie: in units, with kinds of units that are alike."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from math import prod

import keras

from wszoo.sharing import graph
from wszoo.sharing.auditing.audit import audit
from wszoo.sharing.kinds import kinds_of
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.specs import weight_shapes

Units = tuple[tuple[str, ...], ...]


def read(
    model: keras.Model, sites: str | Sequence[str] | None, *, by_depth: bool
) -> tuple[Units, tuple[tuple[int, ...], ...], tuple[int, ...], int, float]:
    """Units, kinds, sizes, rest and bytes a parameter, as `SearchSpace` holds them.

    Raises `ValueError` for unknown sites and where no two units can share.
    """
    chosen = _chosen(model, sites)
    layer_of = graph.layers_of(model)
    units = _units(chosen) if by_depth else tuple((site,) for site in chosen)
    kinds = kinds_of(layer_of, units)
    if all(len(members) < 2 for members in kinds):
        raise ValueError(_nothing_to_share(units, layer_of))
    sizes = tuple(sum(_count(layer_of[site]) for site in unit) for unit in units)
    searched = {site for unit in units for site in unit}
    whole = audit(model)
    others = [group for group in whole.groups if not set(group.sites) <= searched]
    in_groups = sum(group.parameters for group in whole.groups)
    rest = sum(group.parameters for group in others) + whole.stored_parameters - in_groups
    return units, kinds, sizes, rest, whole.stored_bytes / max(1, whole.stored_parameters)


def _chosen(model: keras.Model, sites: str | Sequence[str] | None) -> tuple[str, ...]:
    names = graph.names_of(model)
    if sites is None:
        declared = set(names.declared)
        layer_of = graph.layers_of(model)
        norms = {s for s in names.sites if "Norm" in type(layer_of[s]).__name__}
        whole = declared == set(names.sites)  # nobody declared anything: leave norms private
        return tuple(s for s in names.sites if s in (declared - norms if whole else declared))
    globs = [sites] if isinstance(sites, str) else list(sites)
    plan = SharingPlan.untied(names.sites)
    for name in globs:
        if not any(fnmatchcase(site, name) for site in names.sites):
            plan.owner(name)  # raises, naming near ones
    return tuple(s for s in names.sites if any(fnmatchcase(s, name) for name in globs))


def _units(sites: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Sites of the same numbers together; those without a number are not searched."""
    units: dict[tuple[str, ...], list[str]] = {}
    for site in sites:
        if numbers := tuple(re.findall(r"\d+", site)):
            units.setdefault(numbers, []).append(site)
    return tuple(tuple(unit) for unit in units.values())


def _count(layer: keras.Layer) -> int:
    return sum(prod(weight.shape) for weight in layer.weights)


def _nothing_to_share(
    units: Sequence[Sequence[str]], layer_of: dict[str, keras.Layer], most: int = 8
) -> str:
    lines = [
        "  " + ", ".join(f"{s}: {type(layer_of[s]).__name__} "
                         f"{[shape for shape, _ in weight_shapes(layer_of[s])]}" for s in unit)
        for unit in units[:most]
    ]  # fmt: skip
    more = f"\n  … ({len(units)} in all)" if len(units) > most else ""
    return (
        "no two of the sites can share a layer: sharing needs the same class, configuration and "
        "weight shapes, and these are all different\n" + "\n".join(lines) + more
    )
