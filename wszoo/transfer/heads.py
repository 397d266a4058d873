"""New heads on a backbone, in one graph with it, so that sharing survives saving and loading."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras


def attach_head(backbone: "keras.Model", classes: int) -> "keras.Model":
    """Puts a linear classifier on features `(batch, width)`; gives logits `(batch, classes)`.

    Features are first scaled to unit length (layer `unit`), so that a logistic regression on unit
    features is this head exactly. The backbone's layers and the names of its sites are kept; the
    new layer `head` starts at zero. Raises `ValueError` for features that are not a vector and
    for fewer than two classes.
    """
    import keras

    from wszoo.sharing import graph

    if len(backbone.output_shape) != 2:
        raise ValueError(
            f"a head wants features (batch, width); {backbone.name!r} gives "
            f"{backbone.output_shape}: pool them first, or get the backbone with head=None"
        )
    if classes < 2:
        raise ValueError(f"a classifier needs two classes or more, not {classes}")
    names = graph.names_of(backbone)
    x = keras.layers.UnitNormalization(name="unit")(backbone.output)
    x = keras.layers.Dense(classes, kernel_initializer="zeros", name="head")(x)
    model = keras.Model(backbone.input, x, name=f"{backbone.name}_classifier")
    graph.remember(model, (*names.sites, "head"), names.declared)
    return model


def random_start(model: "keras.Model", seed: int) -> list[np.ndarray]:
    """Weights, in the order of `model.get_weights()`, as if the model had just been made.

    The head's kernel is drawn with standard deviation one: unit features times it give logits of
    order one.
    """
    import keras

    keras.utils.set_random_seed(seed)
    fresh = keras.models.clone_model(model)
    kernel, bias = fresh.get_layer("head").get_weights()
    kernel = np.random.default_rng(seed).standard_normal(kernel.shape)
    fresh.get_layer("head").set_weights([kernel, bias])
    return fresh.get_weights()
