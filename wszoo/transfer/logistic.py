"""Multinomial logistic regressions of several strengths by preconditioned L-BFGS.

Features of a network are strongly correlated, so that L-BFGS on the weights themselves takes many
steps. Here it works on `R W`, where `RᵀR` bounds the curvature of the loss from its mean over the
rows: `p(1 - p)` at equal shares p (Böhning 1992, "Multinomial logistic regression algorithm").
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Linear = tuple[np.ndarray, np.ndarray]
Map = Callable[[np.ndarray], np.ndarray]

WIDE = 2048  # features of which no matrix of curvature is made
ENOUGH = 5000  # rows that it is made of
STEPS = 500  # at most, of a strength
TOLERANCE = 1e-4  # of the gradient, a row: a weak penalty ends a little early, as is well for it


def path(x: np.ndarray, y: np.ndarray, strengths: Sequence[float]) -> dict[float, Linear]:
    """Kernel `(width, classes)` and bias by strength, scikit-learn's C, in ascending order.

    `x` are rows `(n, width)`, `y` labels from 0, each with an example. Each strength starts where
    the one before ended. The bias is not penalised.
    """
    from threadpoolctl import threadpool_limits

    centre = x.mean(axis=0, dtype="float64").astype("float32")
    rows = x.astype("float32") - centre
    classes = int(y.max()) + 1
    at = np.zeros((rows.shape[1], classes), "float32"), np.zeros(classes, "float32")
    found = {}
    # Products this small cost up to twenty times as much on two threads as on one.
    with threadpool_limits(1):
        curvature = _curvature(rows, classes)
        for strength in sorted(strengths):
            # Two classes have one direction, of which each column is a half.
            penalty = (2 if classes == 2 else 1) / strength
            at = _minimum(rows, y, penalty, at, curvature)
            found[strength] = at[0], at[1] - centre @ at[0]
    return found


def _minimum(
    rows: np.ndarray, y: np.ndarray, penalty: float, start: Linear, curvature: np.ndarray
) -> Linear:
    from scipy.optimize import minimize

    shape = len(start[0]) + 1, len(start[1])
    to, back, transposed = _coordinates(curvature, penalty)
    unit = 1 / np.sqrt(len(y) * _bound(shape[1]))  # of the bias

    def weights(v: np.ndarray) -> Linear:
        v = v.astype("float32").reshape(shape)
        return back(v[:-1]), v[-1] * np.float32(unit)

    def loss(v: np.ndarray) -> tuple[float, np.ndarray]:
        value, kernel, bias = _loss(rows, y, *weights(v), penalty)
        slope = np.vstack([transposed(kernel), bias * unit]) / len(y)
        return value / len(y), slope.ravel().astype("float64")

    begin = np.vstack([to(start[0]), start[1] / unit]).ravel()
    options: Any = {"maxiter": STEPS, "gtol": TOLERANCE, "ftol": 1e-9}
    return weights(minimize(loss, begin, jac=True, method="L-BFGS-B", options=options).x)


def _bound(classes: int) -> float:
    """`p(1 - p)` at equal shares."""
    return (1 - 1 / classes) / classes


def _loss(
    rows: np.ndarray, y: np.ndarray, kernel: np.ndarray, bias: np.ndarray, penalty: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Cross-entropy summed over rows, with the penalty; its slopes by kernel and bias."""
    each = np.arange(len(y))
    logits = rows @ kernel + bias
    logits -= logits.max(axis=1, keepdims=True)
    right = logits[each, y]
    shares = np.exp(logits, out=logits)
    total = shares.sum(axis=1)
    value = float(np.sum(np.log(total) - right, dtype="float64"))
    value += 0.5 * penalty * float(np.sum(np.square(kernel), dtype="float64"))
    shares /= total[:, None]
    shares[each, y] -= 1
    return value, rows.T @ shares + np.float32(penalty) * kernel, shares.sum(axis=0)


def _curvature(rows: np.ndarray, classes: int) -> np.ndarray:
    """Of the loss, without its penalty: `(width, width)`, or its diagonal `(width,)`."""
    some = rows[:: -(-len(rows) // ENOUGH)]
    factor = _bound(classes) * len(rows) / len(some)
    if rows.shape[1] > WIDE:
        mean = np.mean(np.square(some), dtype="float64") * len(some)
        return np.full(rows.shape[1], factor * mean)
    return factor * (some.T @ some).astype("float64")


def _coordinates(curvature: np.ndarray, penalty: float) -> tuple[Map, Map, Map]:
    """From weights to the coordinates that are searched, back, and the transpose of back."""
    from scipy.linalg import solve_triangular

    if curvature.ndim == 1:
        root = np.sqrt(curvature + penalty).astype("float32")[:, None]
        return lambda w: w * root, lambda v: v / root, lambda g: g / root
    whole = curvature + penalty * np.eye(len(curvature))
    factor = np.linalg.cholesky(whole)  # R is its transpose
    inverse = solve_triangular(factor, np.eye(len(factor)), lower=True).astype("float32")
    lower = factor.astype("float32")
    return lambda w: lower.T @ w, lambda v: inverse.T @ v, lambda g: inverse @ g
