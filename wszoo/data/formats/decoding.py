"""One image file: what Pillow opens, its header, and its pixels in [0, 1]."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from wszoo.data import images, modes

if TYPE_CHECKING:
    from PIL import Image

GAP = 2  # times a size, which decoding leaves to the filter: `reducing_gap` of `thumbnail`
ORIENTATION = 0x0112  # EXIF tag; values 5 to 8 turn the image by a quarter


class Header(NamedTuple):
    """What a file says before its pixels are decoded; `size` is (width, height) as shown."""

    size: tuple[int, int]
    grey: bool
    depth: str
    several: bool


@functools.cache
def suffixes() -> frozenset[str]:
    """Those of all files that the installed Pillow can open, with a dot and in small letters."""
    from PIL import Image, ImageFile

    format_of = Image.registered_extensions()  # first: it loads what fills `Image.OPEN`
    stubs = {
        name
        for name, (opener, _) in Image.OPEN.items()
        if isinstance(opener, type) and issubclass(opener, ImageFile.StubImageFile)
    }
    films = {"MPEG"}  # which Pillow knows by name alone
    readable = set(Image.OPEN) - stubs - films
    return frozenset(suffix for suffix, name in format_of.items() if name in readable)


def read_header(path: Path) -> Header:
    """The header of a file. Raises `ValueError` for a mode that does not say what white is."""
    with _opened(path) as image:
        mode = modes.mode_of(image)
        depth = _depth(image, mode)  # before the size, for which some files are decoded
        return Header(_shown_size(image), mode.grey, depth, getattr(image, "is_animated", False))


def read_image(path: Path, channels: int, sizes: Sequence[tuple[int, str]] = ()) -> np.ndarray:
    """Pixels (height, width, channels), float32 in [0, 1], turned as the file says.

    They come to each of the `sizes`, pixels a side and how, in turn, by `wszoo.data.images.resize`.
    A JPEG that is much larger than the first size is decoded at a half, a quarter or an eighth,
    but to `GAP` times that size at least, as Pillow's `thumbnail` has it: in a third of the time.
    """
    from PIL import ImageOps

    with _opened(path) as image:
        for size, _ in islice(sizes, 1):
            image.draft(None, (GAP * size, GAP * size))
        ImageOps.exif_transpose(image, in_place=True)
        pixels = modes.to_pixels(image, channels)
    for size, how in sizes:
        (pixels,) = images.resize(pixels[None], size, how)
    return modes.to_unit(pixels)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The image, from an open file: by its name, Pillow 13 maps an uncompressed TIFF that is to be
    turned by a quarter with width and height exchanged."""
    from PIL import Image, UnidentifiedImageError

    with path.open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # see _check_size
                image = Image.open(file)
        except UnidentifiedImageError as error:
            raise ValueError(
                "no image, or of a kind that Pillow does not read, such as floats in colour"
            ) from error
        with image:
            _check_size(image)
            yield image


def _check_size(image: Image.Image) -> None:
    """Before pixels are read: a few bytes can declare any number of them."""
    from PIL import Image

    width, height = image.size
    most = Image.MAX_IMAGE_PIXELS
    if most is not None and width * height > most:
        raise ValueError(
            f"it declares {width:,} × {height:,} pixels; more than {most:,} are not taken from a "
            "file (PIL.Image.MAX_IMAGE_PIXELS)"
        )


def _shown_size(image: Image.Image) -> tuple[int, int]:
    from PIL import ImageOps

    if image.getexif().get(ORIENTATION, 1) not in (5, 6, 7, 8):
        return image.size
    if image.format != "TIFF":
        return image.size[::-1]
    ImageOps.exif_transpose(image, in_place=True)  # releases differ in what `size` is before
    return image.size


def _depth(image: Image.Image, mode: modes.Mode) -> str:
    if mode.white != 255:
        return "floats" if mode.white == 1 else "16 bits"
    tiles = getattr(image, "tile", [])
    return "16 bits, of which 8 are read" if any(";16" in str(tile) for tile in tiles) else "8 bits"
