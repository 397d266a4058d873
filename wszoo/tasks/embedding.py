"""Classes as prototypes on the unit sphere."""

from typing import TYPE_CHECKING

import numpy as np

from wszoo.tasks import linear, targets
from wszoo.tasks.answers import by_class
from wszoo.tasks.task import Task, register

if TYPE_CHECKING:
    import keras

SCALE = 20.0  # of cosines before the softmax: temperature .05, Zhai & Wu 2018


@register
def embedding() -> Task:
    """Labels `(n,)`, learnt as a prototype a class on the unit sphere: logits are scaled cosines.

    Normalised softmax (Zhai & Wu 2018, "Classification is a Strong Baseline for Deep Metric
    Learning"); the prototypes start as the classes' means (Snell et al. 2017). The layer `unit`
    gives the embedding, by which examples of classes never seen can be compared too.
    """
    import keras

    return Task(
        name="embedding",
        units=targets.classes,
        head=prototypes,
        loss=lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=lambda units: [keras.metrics.SparseCategoricalAccuracy("accuracy")],
        decode=lambda outputs: outputs.argmax(-1),
        answer=by_class,
        scores=keras.ops.softmax,
        start=linear.prototypes,
    )


def prototypes(features: "keras.KerasTensor", units: int, y: np.ndarray) -> "keras.KerasTensor":
    """A head: scaled cosines between the features and a prototype a class."""
    import keras

    unit = keras.layers.UnitNormalization(dtype="float32", name=linear.free("unit", features))
    x = keras.layers.Dense(
        units,
        use_bias=False,
        kernel_constraint=keras.constraints.UnitNorm(),  # prototypes stay on the sphere
        dtype="float32",
        name=linear.free("prototypes", features),
    )(unit(features))
    name = linear.free("cosine_scale", features)
    return keras.layers.Rescaling(SCALE, dtype="float32", name=name)(x)
