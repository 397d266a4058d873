"""The kind of a layer: sites may share one layer where those that they call are of one kind.

That is one class, one configuration but for names and what decides values while they are drawn, and
equal shapes and types of weights.
"""

from collections.abc import Mapping, Sequence

import keras

from wszoo.sharing import graph
from wszoo.sharing.specs import Spec, explain, spec, weight_shapes


def kind(layer: keras.Layer) -> str:
    """Equal for layers of one kind."""
    return str(_sized(layer))


def kinds_of(
    layer_of: Mapping[str, keras.Layer], units: Sequence[Sequence[str]]
) -> tuple[tuple[int, ...], ...]:
    """The places of units by kind: units of one kind are alike site by site."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place, unit in enumerate(units):
        places.setdefault(tuple(kind(layer_of[site]) for site in unit), []).append(place)
    return tuple(map(tuple, places.values()))


def sites_by_kind(model: keras.Model, sites: Sequence[str]) -> list[tuple[str, ...]]:
    """Those of the sites that may share, a tuple a kind; a site alone of its kind is left out."""
    kinds = kinds_of(graph.layers_of(model), [(site,) for site in sites])
    return [tuple(sites[place] for place in places) for places in kinds if len(places) > 1]


def check_kind(owner: str, first: keras.Layer, site: str, second: keras.Layer) -> None:
    """Raises `ValueError` that prints both where the layers of two sites are of two kinds."""
    if first is second:
        return
    sized = _sized(first), _sized(second)
    if sized[0] != sized[1]:
        raise ValueError(
            f"sites {owner!r} and {site!r} cannot share one layer: they differ in\n"
            + explain(owner, sized[0], site, sized[1])
        )


def _sized(layer: keras.Layer) -> Spec:
    return {**spec(layer, initial=False), "weights": weight_shapes(layer)}
