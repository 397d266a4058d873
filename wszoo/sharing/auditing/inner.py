"""Sharing inside the layers of a model: kernels over positions, cells over time steps.

Convolutions and recurrent layers of Keras are known here; any other layer speaks for itself by a
method `inner_sharing()` (see `wszoo.layers.InnerSharing`; `None` where it cannot say yet).
"""

from dataclasses import dataclass
from math import prod

import keras

from wszoo.sharing import graph
from wszoo.sharing.calls import Call

CONVOLUTIONS = tuple(
    getattr(keras.layers, f"{kind}Conv{rank}D{way}")
    for kind, ranks, way in (
        ("", (1, 2, 3), ""),
        ("", (1, 2, 3), "Transpose"),
        ("Depthwise", (1, 2), ""),
        ("Separable", (1, 2), ""),
    )
    for rank in ranks
)
OVER_TIME = (keras.layers.RNN, keras.layers.Bidirectional, keras.layers.TimeDistributed)


@dataclass(frozen=True)
class Inner:
    """Inner sharing at one site: `sites` places inside it use `groups` sets of weights.

    `parameters` are those of the layer that take part; `unrolled_parameters` what they would be
    if each place had its own.
    """

    site: str
    owner: str
    layer: str
    over: str
    sites: int
    groups: int
    parameters: int
    unrolled_parameters: int


def inner_sharing(model: keras.Model) -> tuple[Inner, ...]:
    """The inner sharing of each site that has any, in call order."""
    owner = graph.plan_of(model).owner
    rows = []
    for site, call in zip(graph.sites(model), graph.weighted_calls(model), strict=True):
        sharing = _of_call(call)
        if sharing is not None:
            rows.append(Inner(site, owner(site), type(call.operation).__name__, *sharing))
    return tuple(rows)


def _of_call(call: Call) -> tuple[str, int, int, int, int] | None:
    """`(over, sites, groups, parameters, unrolled)` of one call, or `None`."""
    layer = getattr(call.operation, "adapted", call.operation)  # the one with the kernel
    if hasattr(layer, "inner_sharing"):
        said = layer.inner_sharing()
        if said is None:
            return None
        return said.over, said.sites, said.groups, said.parameters, said.unrolled_parameters
    if isinstance(layer, CONVOLUTIONS) or getattr(layer, "shares_over_positions", False):
        over, sites = "positions", _positions(call, layer)
    elif isinstance(layer, OVER_TIME):
        over, sites = "time", call.input_tensors[0].shape[1]
    else:
        return None
    if sites is None:
        return None
    stored = sum(prod(weight.shape) for weight in layer.weights)
    return over, sites, 1, stored, sites * stored


def _positions(call: Call, layer: keras.Layer) -> int | None:
    """Places at which a kernel is put down: outputs of a convolution, inputs of a transposed one.

    Either way that is the smaller of the two grids. `None` where a size is unknown.
    """
    first = getattr(layer, "data_format", None) == "channels_first"
    sizes: list[int] = []
    for tensor in (call.input_tensors[0], call.outputs[0]):
        grid = tensor.shape[2:] if first else tensor.shape[1:-1]
        if None in grid:
            return None
        sizes.append(prod(grid))
    return min(sizes)
