"""Examples as `fit` takes them, of one input or several: how many, and some of them."""

from collections.abc import Callable

import keras
import numpy as np

Examples = np.ndarray | list[np.ndarray] | tuple[np.ndarray, ...] | dict[str, np.ndarray]
Loss = str | keras.losses.Loss | Callable[..., object] | list[object] | dict[str, object]
LossWeights = float | list[float] | dict[str, float] | None


def evenly(count: int, most: int) -> np.ndarray:
    """Indices of `most` of `count` things, or of all where there are no more, evenly spread."""
    return np.unique(np.linspace(0, count - 1, most).astype(int))


def count(x: Examples) -> int:
    """Of examples, of one input or several."""
    return len(keras.tree.flatten(x)[0])


def take(x: Examples, rows: np.ndarray | slice) -> Examples:
    """Some examples, of one input or several, as Keras takes them: texts as tensors."""

    def some(part: np.ndarray) -> object:
        chosen = np.asarray(part)[rows]
        texts = chosen.dtype.kind in "OSU"
        return keras.ops.convert_to_tensor(chosen, "string") if texts else chosen

    return keras.tree.map_structure(some, x)
