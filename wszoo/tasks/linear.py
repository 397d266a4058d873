"""Heads that are linear in features of unit length."""

from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo.tasks import closed_form

if TYPE_CHECKING:
    import keras


def unit(features: "keras.KerasTensor") -> Any:
    """Features of unit length times √width: of order one each, whatever the backbone."""
    import keras

    x = keras.layers.UnitNormalization(dtype="float32", name=free("unit", features))(features)
    scale = closed_form.scale(features)
    return keras.layers.Rescaling(scale, dtype="float32", name=free("unit_scale", features))(x)


def free(name: str, features: "keras.KerasTensor") -> str:
    """The name of a layer on features, which no layer of the backbone has."""
    from wszoo.sharing import graph

    return graph.free_layer_name(name, features)


def linear(features: "keras.KerasTensor", units: int, y: np.ndarray) -> Any:
    """A head: logits `(batch, units)`, linear in features of unit length."""
    import keras

    return keras.layers.Dense(units, dtype="float32", name=free("head", features))(unit(features))
