"""Augmented images, which depend on the seed and the number of the view alone."""

from dataclasses import replace
from typing import TYPE_CHECKING

import keras
import numpy as np

from wszoo.data.streams import Images, shaped_alike

if TYPE_CHECKING:
    from wszoo.transferring.options import Augment

CHUNK = 2048  # examples that are augmented at once


def view(x: Images, augment: "Augment", seed: int, number: int) -> Images:
    """The augmented view of that number of all examples, of those in files when they are read.

    Raises `ValueError` for another shape.
    """
    if not isinstance(x, np.ndarray):
        return replace(x, augment=(augment, seed, number))
    moved = np.empty_like(x)
    for start in range(0, len(x), CHUNK):
        drawn = np.random.SeedSequence([seed, number, start]).generate_state(1)[0]
        part = x[start : start + CHUNK]
        moved[start : start + CHUNK] = shaped_alike(augment(part, int(drawn >> 1)), part)
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
