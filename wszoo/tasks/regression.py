"""Values."""

from typing import TYPE_CHECKING

import numpy as np

from wszoo.tasks import linear, meaning, targets
from wszoo.tasks.answers import Answer, Asked
from wszoo.tasks.task import Task, register

if TYPE_CHECKING:
    import keras


@register
def regression() -> Task:
    """Values `(n,)` or `(n, values)`; linear in the features, in the units of the targets.

    Labels of a source are the numbers that its class names spell.
    """
    import keras

    return Task(
        name="regression",
        units=targets.values,
        head=_regressor,
        loss=lambda: keras.losses.MeanSquaredError(),
        metrics=lambda units: [
            keras.metrics.MeanAbsoluteError("mae"),
            keras.metrics.R2Score(name="r2"),
        ],
        decode=lambda outputs: outputs,
        answer=by_value,
        encode=lambda y, units: y.reshape(len(y), -1).astype("float32"),
        start=linear.regressor,
        labels=False,
        read=meaning.as_values,
        numbers=True,
    )


def _regressor(features: "keras.KerasTensor", units: int, y: np.ndarray) -> "keras.KerasTensor":
    import keras

    x = keras.layers.Dense(units, dtype="float32", name=linear.free("head", features))(features)
    mean, sd = linear.moments(y)
    name = linear.free("units", features)
    return keras.layers.Rescaling(sd.tolist(), mean.tolist(), dtype="float32", name=name)(x)


def by_value(outputs: np.ndarray, asked: Asked) -> list[Answer]:
    """The values `(n, values)`, in the units of the targets."""
    rows = outputs.reshape(len(outputs), -1).astype("float64").tolist()
    return [Answer(", ".join(f"{v:.6g}" for v in row), {"values": row}) for row in rows]
