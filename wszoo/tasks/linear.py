"""Heads that are linear in their features, and closed-form weights for them from features and
targets: "probe, then fine-tune".

Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features": a head that is fitted first
disturbs the backbone less.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from wszoo.tasks import probe

if TYPE_CHECKING:
    import keras

RIDGES = np.logspace(-3, 3, 13)  # strengths of which the best by leave-one-out is taken

Pair = tuple[np.ndarray, np.ndarray]


def free(name: str, features: "keras.KerasTensor") -> str:
    """The name of a layer on features, which no layer of the backbone has."""
    from wszoo.sharing import graph

    return graph.free_layer_name(name, features)


def scale(features: "keras.KerasTensor | np.ndarray") -> float:
    """√width: by so much unit features are multiplied in front of a linear head."""
    return math.sqrt(features.shape[-1])


def unit(features: "keras.KerasTensor") -> "keras.KerasTensor":
    """Features of unit length times √width: of order one each, whatever the backbone."""
    import keras

    x = keras.layers.UnitNormalization(dtype="float32", name=free("unit", features))(features)
    by = scale(features)
    return keras.layers.Rescaling(by, dtype="float32", name=free("unit_scale", features))(x)


def linear(features: "keras.KerasTensor", units: int, y: np.ndarray) -> "keras.KerasTensor":
    """A head: logits `(batch, units)`, linear in features of unit length."""
    import keras

    return keras.layers.Dense(units, dtype="float32", name=free("head", features))(unit(features))


def logistic(classes: int) -> "Callable[[keras.KerasTensor], keras.KerasTensor]":
    """A head that starts at zero, and that a logistic regression on unit features is exactly: its
    layer `head` takes kernel and bias of `wszoo.tasks.probe.fit_probe` as they are.

    Raises `ValueError` for fewer than two classes.
    """
    if classes < 2:
        raise ValueError(f"a classifier needs two classes or more, not {classes}")

    def head(features: "keras.KerasTensor") -> "keras.KerasTensor":
        import keras

        x = keras.layers.UnitNormalization(name=free("unit", features))(features)
        name = free("head", features)
        return keras.layers.Dense(classes, kernel_initializer="zeros", name=name)(x)

    return head


def moments(y: np.ndarray) -> Pair:
    """Mean and standard deviation `(values,)` of regression targets."""
    y = y.reshape(len(y), -1).astype("float64")
    return y.mean(0), y.std(0)


def classifier(x: np.ndarray, y: np.ndarray, units: int, held: Pair | None) -> list[np.ndarray]:
    """Kernel and bias of a multinomial logistic regression on unit features.

    Its strength is that of a regularisation path which is best on `held`, or by cross-validation.
    """
    rows = probe.unit(x)
    rest = None if held is None else (probe.unit(held[0]), held[1])
    kernel, bias = probe.fit_path(rows, y, classes=units, held=rest).linear
    return [kernel / scale(rows), bias]


def flags(x: np.ndarray, y: np.ndarray, units: int, held: Pair | None) -> list[np.ndarray]:
    """A logistic regression a label; a label that is always or never set gets a bias of ±4."""
    from sklearn.linear_model import LogisticRegression

    rows = probe.unit(x)
    kernel, bias = np.zeros((rows.shape[1], units)), np.zeros(units)
    for i in range(units):
        if len(np.unique(y[:, i])) < 2:
            bias[i] = 4.0 if y[0, i] else -4.0
            continue
        fitted = LogisticRegression(C=probe.USUAL, max_iter=2000).fit(rows, y[:, i])
        kernel[:, i], bias[i] = fitted.coef_[0], fitted.intercept_[0]
    return [kernel / scale(rows), bias]


def regressor(x: np.ndarray, y: np.ndarray, units: int, held: Pair | None) -> list[np.ndarray]:
    """Ridge regression on standardised features, of standardised targets."""
    from sklearn.linear_model import RidgeCV

    x, y = x.reshape(len(x), -1).astype("float64"), y.reshape(len(y), -1).astype("float64")
    (mean, sd), (y_mean, y_sd) = moments(x), moments(y)
    sd = np.where(sd > 0, sd, 1.0)
    fitted = RidgeCV(RIDGES).fit((x - mean) / sd, (y - y_mean) / y_sd)
    kernel = fitted.coef_.reshape(units, -1).T / sd[:, None]
    return [kernel, np.reshape(fitted.intercept_, -1) - mean @ kernel]


def prototypes(x: np.ndarray, y: np.ndarray, units: int, held: Pair | None) -> list[np.ndarray]:
    """The classes' mean unit features, scaled to unit length, as columns."""
    rows = probe.unit(x)
    return [probe.unit(np.stack([rows[y == label].mean(0) for label in range(units)])).T]
