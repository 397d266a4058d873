"""The rival of tying: the same network with fewer channels, as small."""

import keras

from wszoo import private
from wszoo.arguments import checked
from wszoo.sharing import graph


@checked()
def narrower(model: keras.Model, max_parameters: int) -> keras.Model:
    """The widest untrained network of the model's graph that stores no more parameters.

    All hidden widths (`filters` of convolutions, `units` of dense layers) shrink by one factor;
    the widths of the outputs stay. Raises `ValueError` where there is no such network, for example
    because a layer reshapes to fixed sizes.
    """
    if max_parameters >= model.count_params():
        raise ValueError(
            f"{model.name!r} has {model.count_params():,} parameters; max_parameters must be less, "
            f"not {max_parameters:,}"
        )
    low, high, best = 0.0, 1.0, None
    for _ in range(7):
        factor = (low + high) / 2
        scaled = _scaled(model, factor)
        if scaled.count_params() <= max_parameters:
            low, best = factor, scaled
        else:
            high = factor
    if best is None:
        raise ValueError(f"{model.name!r} cannot be as small as {max_parameters:,} parameters")
    return best


def _scaled(model: keras.Model, factor: float) -> keras.Model:
    ends = _ends(model)

    def clone(layer: keras.Layer) -> keras.Layer:
        config = layer.get_config()
        for key in ("filters", "units"):
            if key in config and layer.name not in ends:
                config[key] = max(1, round(factor * config[key]))
        return type(layer).from_config(config)

    try:
        return keras.models.clone_model(graph.as_functional(model), clone_function=clone)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"{model.name!r} cannot be made narrower by one factor: {str(error).splitlines()[0]}"
        ) from error


def _ends(model: keras.Model) -> set[str]:
    """Layers whose width is that of an output: the last ones with weights on the way to it."""
    ends: set[str] = set()
    stack = [private.maker_of(tensor) for tensor in model.outputs]
    while stack:
        operation = stack.pop()
        if {"filters", "units"} & set(operation.get_config()):
            ends.add(operation.name)
            continue
        parents = private.calls_of(operation)[0].input_tensors
        stack += [private.maker_of(tensor) for tensor in parents]
    return ends
