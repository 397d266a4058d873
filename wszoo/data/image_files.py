"""Image files: what Pillow opens, read to [0, 1] and to one size."""

from __future__ import annotations

import contextlib
import functools
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from wszoo.data import images, modes
from wszoo.data.errors import check_memory
from wszoo.data.findings import Notes, examined
from wszoo.data.source import Pair, Source
from wszoo.data.splitting import complete

if TYPE_CHECKING:
    from PIL import Image

ORIENTATION = 0x0112  # EXIF tag; values 5 to 8 turn the image by a quarter
SHOWN = 5  # files that an error names

T = TypeVar("T")
Broken = dict[Path, str] | None  # file → why; None where a broken file is refused


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

    known = Image.registered_extensions()
    stubs = {
        name
        for name, (opener, _) in Image.OPEN.items()
        if isinstance(opener, type) and issubclass(opener, ImageFile.StubImageFile)
    }
    films = {"MPEG"}  # which Pillow knows by name alone
    readable = set(Image.OPEN) - stubs - films
    return frozenset(suffix for suffix, name in known.items() if name in readable)


def from_files(
    name: str,
    names: tuple[str, ...],
    files: dict[str, Pair],
    *,
    notes: Notes,
    image_size: int | None = None,
    resize: str | None = None,
    validation: float | None = None,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
    on_broken: str = "refuse",
) -> Source:
    """A source of image files: split → (paths, labels), labels as places in `names`.

    Options are those of `wszoo.data.load`; `notes` gets what is found.
    """
    if on_broken not in ("refuse", "skip"):
        raise ValueError(f"on_broken is 'refuse' or 'skip', received {on_broken!r}")
    how, origin = images.check_resize(resize, image_size), notes.origin
    broken: Broken = {} if on_broken == "skip" else None
    paths = [path for paths, _ in files.values() for path in paths]
    headers = [header for _, header in _each(paths, read_header, broken)]
    files = {split: _without(pair, broken) for split, pair in files.items()}
    _check_left(origin, names, files, broken)
    sizes = Counter(header.size for header in headers)
    height, width = (image_size, image_size) if image_size else _one_size(origin, sizes)
    shape = (height, width, 1 if all(header.grey for header in headers) else 3)
    chosen = complete(files, validation, max_per_split)
    check_memory(origin, sum(len(y) for _, y in chosen.values()), shape, max_gb)
    splits = {split: _read(paths, y, shape, how, broken) for split, (paths, y) in chosen.items()}
    _check_left(origin, names, splits, broken)
    if broken:
        notes.add([f"left out {_listed(broken)}"])
    _note_headers(headers, notes)
    if image_size and resize is None:
        notes.add(images.crop_notes(sizes))
    return examined(Source(name, splits, names, "see origin", origin, resize=how), notes)


def _one_size(origin: str, sizes: Counter[tuple[int, int]]) -> tuple[int, int]:
    """(height, width) of images that all have one size. Raises `ValueError` for several."""
    if len(sizes) > 1:
        raise ValueError(
            f"{origin}: its images have {len(sizes)} sizes (width, height), from {min(sizes)} to "
            f"{max(sizes)}; give image_size, e.g. image_size=96"
        )
    ((width, height),) = sizes
    return height, width


def read_header(path: Path) -> Header:
    """The header of a file. Raises `ValueError` for a mode that does not say what white is."""
    with _opened(path) as image:
        mode = modes.mode_of(image)
        depth = _depth(image, mode)  # before the size, for which some files are decoded
        return Header(_shown_size(image), mode.grey, depth, getattr(image, "is_animated", False))


def read_image(path: Path, channels: int) -> np.ndarray:
    """Pixels (height, width, channels), float32 in [0, 1], turned as the file says."""
    from PIL import ImageOps

    with _opened(path) as image:
        ImageOps.exif_transpose(image, in_place=True)
        return modes.to_pixels(image, channels)


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


def _note_headers(headers: Sequence[Header], notes: Notes) -> None:
    if several := sum(header.several for header in headers):
        pictures = "files hold several pictures (frames or pages); the first of each is read"
        notes.add([f"{several} {pictures}"])
    depths = Counter(header.depth for header in headers)
    if set(depths) != {"8 bits"}:
        counts = ", ".join(f"{count} of {depth}" for depth, count in sorted(depths.items()))
        notes.add([f"its images are {counts}; each is scaled by its own white"], warn=False)


def _check_left(origin: str, names: tuple[str, ...], splits: dict[str, Pair], broken: Any) -> None:
    counts = np.bincount(splits["train"][1], minlength=len(names))
    if broken and not counts.all():
        empty = [name for name, count in zip(names, counts, strict=True) if not count]
        raise ValueError(
            f"{origin}: no readable image is left in {empty[:5]}; broken are {_listed(broken)}"
        )


def _read(
    paths: np.ndarray, y: np.ndarray, shape: tuple[int, int, int], how: str, broken: Broken
) -> Pair:
    x = np.empty((len(paths), *shape), np.float32)
    kept: list[int] = []
    for i, image in _each(paths, lambda path: read_image(path, shape[2]), broken):
        fits = image.shape == shape
        x[len(kept)] = image if fits else images.resize(image[None], shape[0], how)[0]
        kept.append(i)
    return x[: len(kept)], y[kept]


def _without(pair: Pair, broken: Broken) -> Pair:
    kept = [path not in (broken or {}) for path in pair[0]]
    return pair[0][kept], pair[1][kept]


def _each(
    paths: Sequence[Path] | np.ndarray, read: Callable[[Path], T], broken: Broken
) -> Iterator[tuple[int, T]]:
    """`(i, read(path))` of each path. Those that fail are added to `broken`; without it, one
    `ValueError` is raised for all that fail, after the last."""
    from PIL import Image

    refused: dict[Path, str] = {}
    failed = refused if broken is None else broken
    for i, path in enumerate(paths):
        try:
            yield i, read(path)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            failed[path] = str(error)
    if refused:
        raise ValueError(
            f"{len(refused)} of {len(paths)} files are no readable images; remove or replace "
            f"them, or leave them out with on_broken='skip': {_listed(refused)}"
        )


def _listed(broken: dict[Path, str]) -> str:
    lines = [f"\n  {path}: {error}" for path, error in list(broken.items())[:SHOWN]]
    more = f"\n  and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    return f"{len(broken)} files:{''.join(lines)}{more}"
