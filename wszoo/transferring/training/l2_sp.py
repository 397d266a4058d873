"""L2-SP: a pull towards the pretrained weights.

Li et al. 2018, "Explicit Inductive Bias for Transfer Learning with Convolutional Networks".
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import keras
import numpy as np


class _L2SP(keras.regularizers.Regularizer):
    def __init__(
        self, strength: float, start: np.ndarray, other: keras.regularizers.Regularizer | None
    ):
        self.strength, self.start, self.other = strength, start, other

    def __call__(self, x: keras.KerasTensor) -> keras.KerasTensor:
        away = keras.ops.sum(keras.ops.square(x - self.start))
        penalty = 0.5 * self.strength * away
        return penalty if self.other is None else penalty + self.other(x)


@contextmanager
def l2_sp(layers: Iterable[keras.Layer], strength: float) -> Iterator[None]:
    """Within the block, weights are drawn to the values that they have now.

    Adds `strength / 2 · ‖w − w₀‖²` of each weight that trains to the loss of a model compiled in
    the block. Raises `ValueError` for a negative strength.
    """
    if not strength >= 0:
        raise ValueError(f"l2_sp must be 0 or more, received {strength!r}")
    held = {id(v): v for layer in layers for v in layer.weights} if strength else {}
    before = [(variable, variable.regularizer) for variable in held.values()]
    for variable, other in before:
        start = np.array(keras.ops.convert_to_numpy(variable))
        variable.regularizer = _L2SP(strength, start, other)
    try:
        yield
    finally:
        for variable, other in before:
            variable.regularizer = other
