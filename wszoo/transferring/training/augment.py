"""Augmented images, which depend on the seed and the number of the view alone."""

from typing import TYPE_CHECKING

import keras
import numpy as np

if TYPE_CHECKING:
    from wszoo.transferring.options import Augment

CHUNK = 2048  # examples that are augmented at once


def view(x: np.ndarray, augment: "Augment", seed: int, number: int) -> np.ndarray:
    """The augmented view of that number of all examples. Raises `ValueError` for another shape."""
    moved = np.empty_like(x)
    for start in range(0, len(x), CHUNK):
        drawn = np.random.SeedSequence([seed, number, start]).generate_state(1)[0]
        part = x[start : start + CHUNK]
        images = np.asarray(augment(part, int(drawn >> 1)))
        if images.shape != part.shape:
            raise ValueError(f"augment made {images.shape} of images {part.shape}")
        moved[start : start + CHUNK] = images
    return moved


def jittered(x: np.ndarray, seed: int) -> np.ndarray:
    """Images `(n, rows, columns, channels)`, moved 5 %, scaled 10 % and turned 8° at most."""
    fill = {"fill_mode": "constant", "seed": seed, "data_format": "channels_last"}
    for layer in (
        keras.layers.RandomTranslation(0.05, 0.05, **fill),
        keras.layers.RandomZoom((-0.1, 0.1), (-0.1, 0.1), **fill),
        keras.layers.RandomRotation(8 / 360, **fill),
    ):
        x = layer(x, training=True)
    return keras.ops.convert_to_numpy(x)
