"""Images of one size, and what is said of their shape and range."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from wszoo import checks
from wszoo.data import modes

RESIZE = ("crop", "pad", "stretch")
CUT = 0.1  # share of an image that a crop may cut off without a word
FAR = 10.0  # images that were standardised, not scaled, still lie within ±10
DARK = 1 / 16  # 12 bits in 16, or a division by 255 too many, end below


def resize(x: np.ndarray, size: int, how: str = "crop") -> np.ndarray:
    """Images (n, height, width, channels), float32, or uint8 of which 255 is white, to
    (n, size, size, channels), float32.

    `how` is one of `RESIZE`: "crop" takes the largest centred square, "pad" puts the whole image in
    the middle of a black square, "stretch" changes the aspect ratio. Pillow's bicubic filter
    resamples; it averages over all source pixels (anti-aliasing) when it shrinks. What the filter
    overshoots is clipped to the range of the image it came from.
    """
    count, height, width, channels = x.shape
    if height == width == size:
        return modes.to_unit(x)
    if how == "crop":
        side = min(height, width)
        left, top = (width - side) // 2, (height - side) // 2
        return _resample(x[:, top : top + side, left : left + side], size, size)
    if how == "stretch":
        return _resample(x, size, size)
    longer = max(height, width)
    inner = [max(1, round(side * size / longer)) for side in (height, width)]
    top, left = ((size - side) // 2 for side in inner)
    out = np.zeros((count, size, size, channels), np.float32)
    out[:, top : top + inner[0], left : left + inner[1]] = _resample(x, *inner)
    return out


def check_resize(how: str | None, image_size: int | None) -> str:
    """The way of resizing; "crop" by default.

    Raises `ValueError` for an unknown one, and for one that is asked for without a size.
    """
    if how is None:
        return "crop"
    checks.one_of("resize", how, RESIZE)
    if image_size is None:
        raise ValueError(
            f"resize={how!r} says how images come to image_size pixels a side; give image_size too"
        )
    return how


def crop_notes(sizes: Mapping[tuple[int, int], int]) -> list[str]:
    """A sentence if cropping cuts off more than a little; `sizes` counts (width, height)."""
    cut = {size: 1 - min(size) / max(size) for size in sizes}
    counts = [(cut[size], count) for size, count in sizes.items() if cut[size] > CUT]
    if not counts:
        return []
    most, number = max(cut.values()), sum(count for _, count in counts)
    return [
        f"{number} of {sum(sizes.values())} images lose up to {most:.0%} of their longer side: "
        'they are cut to their centred square; resize="pad" keeps them whole, resize="stretch" '
        'changes their aspect ratio, and resize="crop" says that this is meant'
    ]


def value_range(arrays: Iterable[np.ndarray]) -> tuple[float, float]:
    """The least and the largest number of all arrays."""
    ends = [(float(x.min()), float(x.max())) for x in arrays if x.size]
    return min(low for low, _ in ends), max(high for _, high in ends)


def range_notes(low: float, high: float) -> list[str]:
    """A sentence on images that do not lie in [0, 1], or fill little of it."""
    if low < 0 or high > 1:
        return [f"its images run from {low:g} to {high:g}, and are expected in [0, 1]"]
    if is_doubtful(low, high):
        return [
            f"its brightest pixel is {high:.2g}, and images are expected in [0, 1]: are they 12 "
            "bits or fewer in a wider type, or divided by 255 twice?"
        ]
    return []


def is_doubtful(low: float, high: float) -> bool:
    """Whether images are hardly scaled as they are meant: far outside [0, 1], or all but black."""
    return low < -FAR or high > FAR or (low >= 0 and 0 < high < DARK)


def _resample(x: np.ndarray, height: int, width: int) -> np.ndarray:
    from PIL import Image

    out = np.empty((len(x), height, width, x.shape[-1]), np.float32)
    for i, channel in np.ndindex(len(x), x.shape[-1]):
        plane = Image.fromarray(modes.to_unit(np.ascontiguousarray(x[i, :, :, channel])))
        resized = plane.resize((width, height), Image.Resampling.BICUBIC)
        out[i, :, :, channel] = np.asarray(resized)
    low, high = (modes.to_unit(f(x, axis=(1, 2, 3), keepdims=True)) for f in (np.min, np.max))
    return np.clip(out, low, high, out=out)
