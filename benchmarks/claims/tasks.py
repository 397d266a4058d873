"""Synthetic tasks and hand-built nets of the claims. Every generator is seeded."""

from collections.abc import Sequence

import keras
import numpy as np

import wszoo
from wszoo.layers import LocallyConnected2D, TimeSharedRNN

STEPS = 20  # of the longest sequences
MOVE = 2  # pixels that an image is moved at most; its margin is as wide


def moved_images(x: np.ndarray, y: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Each image moved by up to `MOVE` pixels either way along both axes, the rest zero."""
    shifts = np.random.default_rng(seed).integers(-MOVE, MOVE + 1, (len(x), 2))
    wide = np.pad(x, ((0, 0), (MOVE, MOVE), (MOVE, MOVE), (0, 0)))
    rows, columns = x.shape[1:3]
    return np.stack(
        [
            image[MOVE - dy : MOVE - dy + rows, MOVE - dx : MOVE - dx + columns]
            for image, (dy, dx) in zip(wide, shifts, strict=True)
        ]
    ), y


def recurrent(steps: str | None, *, length: int = STEPS, units: int = 12) -> keras.Model:
    """A GRU that is read at the step which the last channel marks: one cell, or a cell a step."""
    inputs = keras.Input((length, 3), name="input")
    labels = None if steps is None else wszoo.as_plan(steps, [f"s{i}" for i in range(length)])
    layer = TimeSharedRNN(
        units, steps=labels and labels.pattern, return_sequences=True, unroll=True, name="gru"
    )
    read = keras.ops.sum(layer(inputs[..., :2]) * inputs[..., 2:], axis=1)
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(read))


def latch(count: int, lengths: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The class is the bit (±1) that came with the last raised flag; bits without one distract."""
    rng = np.random.default_rng(seed)
    bits, ends = rng.choice([-1.0, 1.0], (count, STEPS)), rng.integers(*lengths, count, "i8", True)
    flags = rng.random((count, STEPS)) < 0.3
    flags[:, 0] = True
    raised = flags & (np.arange(STEPS) < ends[:, None])
    last = STEPS - 1 - raised[:, ::-1].argmax(axis=1)
    return sequences(bits, flags, ends), (bits[np.arange(count), last] > 0).astype("int32")


def parity(count: int, lengths: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The class is whether the number of positive bits (±1) is odd."""
    rng = np.random.default_rng(seed)
    bits, ends = rng.choice([-1.0, 1.0], (count, STEPS)), rng.integers(*lengths, count, "i8", True)
    positive = (bits > 0) & (np.arange(STEPS) < ends[:, None])
    return sequences(bits, 0 * bits, ends), (positive.sum(axis=1) % 2).astype("int32")


def sequences(values: np.ndarray, flags: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """(count, steps, 3): value, flag and the mark of the last step; zeros after it."""
    at = np.arange(values.shape[1])
    inside, last = at < ends[:, None], at == ends[:, None] - 1
    return np.stack([values * inside, flags * inside, last], axis=-1).astype("float32")


def without_strides(
    *, tiles: int | None, pool: str | None, padding: str, filters: Sequence[int]
) -> keras.Model:
    """Two local layers of stride 1 on images of 14 pixels; `pool` is None, `"mean"` or `"max"`."""
    inputs = x = keras.Input((14, 14, 1), name="input")
    for i, width in enumerate(filters):
        spec = {"activation": "relu", "tiles": tiles, "padding": padding, "name": f"layer_{i}"}
        x = LocallyConnected2D(width, 3, **spec)(x)
    pools = {"mean": keras.layers.GlobalAveragePooling2D, "max": keras.layers.GlobalMaxPooling2D}
    last = pools.get(pool, keras.layers.Flatten)
    return keras.Model(inputs, keras.layers.Dense(10, name="head")(last(name="features")(x)))
