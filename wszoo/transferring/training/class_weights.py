"""How much each class counts in the loss."""

from collections.abc import Mapping

import numpy as np

from wszoo import checks


def class_weights(
    weights: str | Mapping[int, float], y: np.ndarray, classes: int
) -> dict[int, float]:
    """Weights by class for `fit`: `"balanced"` gives all classes the same sum, mean weight 1.

    `y` are the labels `(n,)`. Raises `ValueError` for anything else than `"balanced"` or a
    weight ≥ 0 for each class.
    """
    if isinstance(weights, str) and weights == "balanced":
        counts = np.bincount(y, minlength=classes)
        return {label: float(len(y) / (classes * n)) for label, n in enumerate(counts)}
    if not isinstance(weights, Mapping) or set(weights) != set(range(classes)):
        raise ValueError(
            f"class_weight is 'balanced' or a weight for each class 0 to {classes - 1}; received "
            f"{weights!r}"
        )
    return {
        int(label): checks.number(f"class_weight[{label}]", weight, least=0)
        for label, weight in weights.items()
    }
