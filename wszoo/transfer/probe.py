"""The closed-form baseline: logistic regression on frozen features, or on pixels."""

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

Linear = tuple[np.ndarray, np.ndarray]  # kernel (width, classes) and bias (classes,)


def features(backbone: "keras.Model", x: np.ndarray, *, batch_size: int = 256) -> np.ndarray:
    """Unit-length features `(n, width)` of images, in inference mode."""
    return unit(np.asarray(backbone.predict(x, batch_size=batch_size, verbose=0)))


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length one; rows of zeros stay."""
    rows = rows.reshape(len(rows), -1)
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)


def fit_probe(x: np.ndarray, y: np.ndarray, *, classes: int, strength: float) -> Linear:
    """Multinomial logistic regression on rows `(n, width)`; `strength` is scikit-learn's C.

    Returns kernel and bias in the units of the rows, so they may start a head. Raises
    `ValueError` where a class has no example.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    missing = sorted(set(range(classes)) - set(np.unique(y).tolist()))
    if missing:
        raise ValueError(f"no training example of the classes {missing}")
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", ConvergenceWarning
        )  # a probe that stops early is still a valid start
        model = LogisticRegression(C=strength, max_iter=500).fit(x, y)
    kernel, bias = model.coef_.T, model.intercept_
    if kernel.shape[1] == 1:  # two classes: scikit-learn keeps one row
        kernel, bias = np.hstack([-kernel, kernel]) / 2, np.array([-bias[0], bias[0]]) / 2
    return kernel, bias


def accuracy(x: np.ndarray, y: np.ndarray, linear: Linear) -> float:
    """Share of rows whose largest logit is the label's."""
    return float(np.mean(np.argmax(x @ linear[0] + linear[1], axis=1) == y))
