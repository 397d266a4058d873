"""The closed-form baseline: logistic regression on frozen features, or on pixels."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wszoo.arguments import array, checked, each, positive

if TYPE_CHECKING:
    import keras
    from sklearn.linear_model import LogisticRegression

Linear = tuple[np.ndarray, np.ndarray]  # kernel (width, classes) and bias (classes,)
Pair = tuple[np.ndarray, np.ndarray]
STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
USUAL = (
    100.0  # where one label a class leaves nothing to choose by (benchmarks/transfer/settings.py)
)


@dataclass(frozen=True)
class Path:
    """The best point of a regularisation path, and how it was chosen.

    `scores` is accuracy by strength; `chosen_by` is `"held"`, `"cross-validation"` or, where a
    class has a single example, `"default"`.
    """

    linear: Linear
    strength: float
    scores: dict[float, float]
    chosen_by: str


@checked()
def features(backbone: "keras.Model", x: np.ndarray, *, batch_size: int = 256) -> np.ndarray:
    """Unit-length features `(n, width)` of images, in inference mode."""
    return unit(np.asarray(backbone.predict(x, batch_size=batch_size, verbose=0)))


def unit(rows: np.ndarray) -> np.ndarray:
    """Rows scaled to length one; rows of zeros stay."""
    rows = rows.reshape(len(rows), -1)
    lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    scaled: np.ndarray = rows / lengths
    return scaled


@checked(strength=positive)
def fit_probe(x: np.ndarray, y: np.ndarray, *, classes: int, strength: float) -> Linear:
    """Multinomial logistic regression on rows `(n, width)`; `strength` is scikit-learn's C.

    Returns kernel and bias in the units of the rows, so they may start a head. Raises
    `ValueError` where a class has no example.
    """
    from sklearn.linear_model import LogisticRegression

    _check_classes(y, classes)
    model = LogisticRegression(C=strength, max_iter=500)
    return _fitted(model, x, y)


def fit_path(
    x: np.ndarray,
    y: np.ndarray,
    *,
    classes: int,
    held: Pair | None = None,
    strengths: Sequence[float] = STRENGTHS,
    folds: int = 5,
) -> Path:
    """Logistic regressions of several strengths; the best by accuracy on `held`.

    Without `held` rows `(x, y)` it is chosen by cross-validation (at most `folds`, stratified) and
    fitted again to all rows. Equal scores: the smaller strength, so the stronger regularisation.
    Each strength starts where the one before ended. Returns and raises as `fit_probe`; it stops a
    little earlier, at a gradient of 2e-3.
    """
    _check_classes(y, classes)
    strengths = sorted(strengths)
    if not strengths or strengths[0] <= 0:
        raise ValueError(f"strengths must be positive numbers, one at least; received {strengths}")
    if held is not None:
        path = _path(x, y, strengths)
        scores = {s: accuracy(*held, linear) for s, linear in path.items()}
        best = max(scores, key=scores.__getitem__)
        return Path(path[best], best, scores, "held")
    folds = min(folds, int(np.bincount(y).min()))
    if folds < 2:
        nearest = min(strengths, key=lambda s: abs(np.log(s / USUAL)))
        return Path(_path(x, y, [nearest])[nearest], nearest, {}, "default")
    scores = _cross_validated(x, y, strengths, folds)
    best = max(scores, key=scores.__getitem__)
    return Path(
        _path(x, y, [s for s in strengths if s <= best])[best], best, scores, "cross-validation"
    )


@checked(linear=each(array, least=2, most=2))
def accuracy(x: np.ndarray, y: np.ndarray, linear: Linear) -> float:
    """Share of rows whose largest logit is the label's."""
    if linear[0].shape != (x.shape[1], *linear[1].shape):
        shapes = [part.shape for part in linear]
        raise ValueError(f"linear must fit rows of {x.shape}; received shapes {shapes}")
    return float(np.mean(np.argmax(x @ linear[0] + linear[1], axis=1) == y))


def _cross_validated(
    x: np.ndarray, y: np.ndarray, strengths: Sequence[float], folds: int
) -> dict[float, float]:
    from sklearn.model_selection import StratifiedKFold

    right = dict.fromkeys(strengths, 0.0)
    for fit, rest in StratifiedKFold(folds, shuffle=True, random_state=0).split(x, y):
        for strength, linear in _path(x[fit], y[fit], strengths).items():
            right[strength] += accuracy(x[rest], y[rest], linear) * len(rest) / len(y)
    return right


def _path(x: np.ndarray, y: np.ndarray, strengths: Sequence[float]) -> dict[float, Linear]:
    """The regressions, weakest strength first, each from the one before.

    Rows are centred and scaled by one number: the same problem (the bias is not penalised, C is
    scaled along) in a fifth of the iterations.
    """
    from sklearn.linear_model import LogisticRegression

    centre = x.mean(axis=0)
    scale = 0.3 / max(float(np.sqrt(np.mean(np.square(x - centre)))), 1e-12)
    rows = (x - centre) * np.float32(scale)
    model = LogisticRegression(max_iter=500, tol=2e-3, warm_start=True)
    regressions = {}
    for strength in strengths:
        model.set_params(C=strength / scale**2)
        kernel, bias = _fitted(model, rows, y)
        kernel = kernel * scale
        regressions[strength] = kernel, bias - centre @ kernel
    return regressions


def _fitted(model: "LogisticRegression", x: np.ndarray, y: np.ndarray) -> Linear:
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    # Products this small cost up to twenty times as much on two threads as on one.
    with threadpool_limits(1), warnings.catch_warnings():
        # a probe that stops early is still a valid start
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(x, y)
    kernel, bias = model.coef_.T, model.intercept_
    if kernel.shape[1] == 1:  # two classes: scikit-learn keeps one row
        return np.hstack([-kernel, kernel]) / 2, np.array([-bias[0], bias[0]]) / 2
    return kernel, bias


def _check_classes(y: np.ndarray, classes: int) -> None:
    missing = sorted(set(range(classes)) - set(np.unique(y).tolist()))
    if missing:
        raise ValueError(f"no training example of the classes {missing}")
