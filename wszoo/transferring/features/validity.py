"""Whether features that are computed once are those that training would compute."""

from typing import TYPE_CHECKING

from wszoo import private
from wszoo.transferring.options import Augment

if TYPE_CHECKING:
    import keras


def why_not(
    backbone: "keras.Model", *, augment: Augment | None = None, views: int = 0
) -> str | None:
    """Why features computed once would not be what training computes, or `None`: they would.

    `backbone` is the part below the head, with the `trainable` flags of the training.
    """
    import keras

    if augment is not None and views < 1:
        return "inputs are augmented anew in every epoch; views=k would keep k of them"
    for layer in private.parts_of(backbone, itself=False):
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable:
            return f"the BatchNormalization {layer.name!r} below the head is not in inference mode"
    for layer in private.parts_of(backbone, itself=False):
        if private.own_trainable(layer) and layer.trainable_variables:
            return f"{layer.name!r} below the head trains"
    for layer in private.parts_of(backbone, itself=False):
        if _random(layer):
            return f"{layer.name!r} below the head is random in training"
    return None


def _random(layer: "keras.Layer") -> bool:
    from keras.random import SeedGenerator

    rates = [getattr(layer, name, None) for name in ("rate", "dropout", "recurrent_dropout")]
    given = [rate for rate in rates if isinstance(rate, int | float)]
    if given and not any(given):
        return False
    return any(isinstance(value, SeedGenerator) for value in vars(layer).values())
