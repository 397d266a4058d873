"""Pixels: to [0, 1], and to one size."""

from __future__ import annotations

import numpy as np


def to_unit(x: np.ndarray) -> np.ndarray:
    """float32; uint8 is divided by 255, any other number keeps its value."""
    if x.dtype == np.uint8:
        return np.divide(x, 255, dtype=np.float32)
    return x.astype(np.float32, copy=False)


def resize(x: np.ndarray, size: int) -> np.ndarray:
    """Images (n, height, width, channels), float32, to (n, size, size, channels).

    Takes the largest centred square, so that nothing is stretched, and resamples it with Pillow's
    bicubic filter, which averages over all source pixels (anti-aliasing) when it shrinks. What the
    filter overshoots is clipped to the range of the image it came from.
    """
    from PIL import Image

    count, height, width, channels = x.shape
    if height == width == size:
        return x
    side = min(height, width)
    left, top = (width - side) // 2, (height - side) // 2
    x = x[:, top : top + side, left : left + side]
    out = np.empty((count, size, size, channels), np.float32)
    for i, channel in np.ndindex(count, channels):
        plane = Image.fromarray(np.ascontiguousarray(x[i, :, :, channel]))
        resized = plane.resize((size, size), Image.Resampling.BICUBIC)
        out[i, :, :, channel] = np.asarray(resized)
    low, high = (f(x, axis=(1, 2, 3), keepdims=True) for f in (np.min, np.max))
    return np.clip(out, low, high, out=out)
