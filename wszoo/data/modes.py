"""What numbers in images mean: one table of Pillow's modes and one of NumPy's types.

Both say which number is black and which is white, so that every reader of images gives [0, 1].
What neither says is refused by name: a guess (the largest value seen, say) would scale each file
on its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from PIL import Image


class Mode(NamedTuple):
    """How a Pillow mode is read.

    Attributes:
        grey: one channel rather than three.
        white: the number that is white, 0 being black; `None` where the mode does not say.
        alpha: it has transparency, which becomes white.
        first: the mode to convert to first, where Pillow converts to no other.
    """

    grey: bool = False
    white: float | None = 255
    alpha: bool = False
    first: str = ""


MODES = {
    "1": Mode(grey=True),
    "L": Mode(grey=True),
    "LA": Mode(grey=True, alpha=True),
    "La": Mode(grey=True, alpha=True, first="LA"),
    "P": Mode(),
    "PA": Mode(alpha=True),
    "RGB": Mode(),
    "RGBX": Mode(),
    "RGBA": Mode(alpha=True),
    "RGBa": Mode(alpha=True, first="RGBA"),
    "CMYK": Mode(),
    "YCbCr": Mode(),
    "HSV": Mode(),
    "LAB": Mode(first="RGB"),
    "I;16": Mode(grey=True, white=65535),
    "I;16L": Mode(grey=True, white=65535),
    "I;16B": Mode(grey=True, white=65535),
    "I;16N": Mode(grey=True, white=65535),
    "I": Mode(grey=True, white=None),
    "F": Mode(grey=True, white=1),
}
WHITE_OF_I = {"PPM": 65535, "PNG": 65535}  # formats whose 16 bits Pillow keeps in 32

# TIFF 6.0 (Adobe 1992), tag numbers
BITS, PHOTOMETRIC, SAMPLE_FORMAT = 258, 262, 339
WHITE_IS_ZERO, SIGNED = 0, 2

WHITE_OF_TYPE = {"bool": 1, "uint8": 255, "uint16": 65535}
UNIT = "whole numbers have no white of their own: give uint8 or uint16, or floats in [0, 1]"


def mode_of(image: Image.Image) -> Mode:
    """The row of an image's mode. Raises `ValueError` for one that does not say what white is."""
    if image.format == "FITS":
        raise ValueError("FITS numbers have a scale of their own, which is not read; save as TIFF")
    mode = MODES.get(image.mode)
    if mode is None:
        raise ValueError(f"mode {image.mode} is none of {' '.join(MODES)}; convert it to RGB")
    if _tiff_tag(image, SAMPLE_FORMAT, 1) == SIGNED or _white(image, mode) is None:
        raise ValueError(
            f"signed or 32-bit whole numbers (mode {image.mode} of {image.format}) do not say what "
            "is black and white; save them as 16 bits without sign, or as floats in [0, 1]"
        )
    return mode


def to_pixels(image: Image.Image, channels: int) -> np.ndarray:
    """Pixels (height, width, channels) of an image of any of `MODES`: uint8, or, of those that
    have more than 8 bits, float32 in [0, 1]. See `to_unit`.

    Grey becomes equal channels, transparent pixels become white. Raises `ValueError` as `mode_of`,
    and for floats outside [0, 1].
    """
    mode = mode_of(image)
    if mode.white != 255:
        grey = _deep_grey(image, mode)[..., None]
        return np.repeat(grey, channels, axis=-1)
    if mode.first:
        image = image.convert(mode.first)
    if mode.alpha or "transparency" in image.info:
        image = _on_white(image.convert("RGBA"))
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return pixels.reshape(*pixels.shape[:2], channels)


def to_unit(x: np.ndarray) -> np.ndarray:
    """float32: bool, uint8 and uint16 over their white, `WHITE_OF_TYPE`; other numbers as they are.

    See `check_range` for what is no image.
    """
    white = WHITE_OF_TYPE.get(x.dtype.name, 1)
    if white == 1:
        return x.astype(np.float32, copy=False)
    unit = x.astype(np.float32)
    unit /= np.float32(white)  # in place: twice as fast as a division that also converts
    return unit


def check_range(where: str, x: np.ndarray) -> None:
    """Raises `ValueError` for images whose type does not say what is white: whole numbers beyond
    0 and 1 other than uint8 and uint16."""
    if x.dtype.kind not in "iu" or x.dtype.name in WHITE_OF_TYPE or not x.size:
        return
    low, high = x.min(), x.max()
    if low < 0 or high > 1:
        raise ValueError(f"{where}: x is {x.dtype}, from {low} to {high}; {UNIT}")


def check_one_scale(name: str, dtypes: Mapping[str, np.dtype]) -> None:
    """Raises `ValueError` for splits whose types are scaled differently."""
    if len({WHITE_OF_TYPE.get(dtype.name, 1) for dtype in dtypes.values()}) > 1:
        given = ", ".join(f"{split} {dtype}" for split, dtype in dtypes.items())
        raise ValueError(f"{name}: the splits are scaled differently, {given}; give one type")


def _deep_grey(image: Image.Image, mode: Mode) -> np.ndarray:
    """Grey (height, width) of 16 bits and more."""
    numbers = np.asarray(image, np.float32)
    white = _white(image, mode)
    assert white is not None, "mode_of refuses it"
    grey = numbers / np.float32(white)
    if not ((grey >= 0) & (grey <= 1)).all():  # NaN too
        raise ValueError(
            f"its numbers run from {numbers.min():g} to {numbers.max():g}; those of mode "
            f"{image.mode} are kept and must lie in [0, 1]: divide them by what is white"
        )
    if _tiff_tag(image, PHOTOMETRIC, 1) == WHITE_IS_ZERO:  # which Pillow obeys in 8 bits alone
        grey = 1 - grey
    if isinstance(clear := image.info.get("transparency"), int):
        grey[numbers == clear] = 1
    return grey


def _white(image: Image.Image, mode: Mode) -> float | None:
    if mode.white is None:
        return WHITE_OF_I.get(image.format or "")
    if mode.white == 65535:  # TIFF has 12 bits too, which Pillow does not scale
        return 2 ** _tiff_tag(image, BITS, 16) - 1
    return mode.white


def _tiff_tag(image: Image.Image, tag: int, default: int) -> int:
    """The first number of a TIFF tag; the default for other files."""
    if image.format != "TIFF":
        return default
    value = image.tag_v2.get(tag, default)  # type: ignore[attr-defined]
    return int(value[0] if isinstance(value, tuple) else value)


def _on_white(image: Image.Image) -> Image.Image:
    from PIL import Image

    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
