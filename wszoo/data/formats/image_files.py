"""Sources of image files, read to [0, 1] and to one size: a folder, or what a table lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar, Unpack

import numpy as np

from wszoo import checks
from wszoo.data import images
from wszoo.data.arrays import ArrayOptions
from wszoo.data.errors import check_memory, gigabytes
from wszoo.data.findings import Notes, examined
from wszoo.data.formats.decoding import Header, read_header, read_image, suffixes
from wszoo.data.formats.folders import find_files
from wszoo.data.registering import source
from wszoo.data.source import Source
from wszoo.data.splits import Arrays, Pair, Split, Stream
from wszoo.data.splitting import complete
from wszoo.data.streams import ImageFiles, digests_of_files

SHOWN = 5  # files that an error names

T = TypeVar("T")
Shape = tuple[int, int, int]  # height, width, channels
Broken = dict[Path, str] | None  # file → why; None where a broken file is refused


class FileOptions(ArrayOptions, total=False):
    """Options of image files."""

    on_broken: str
    stream: bool


def count_images(files: Collection[Path]) -> int:
    """How many files are images, by their suffix."""
    return sum(file.suffix.lower() in suffixes() for file in files)


@source("images", folder=count_images)
def load(folder: Path, **options: Unpack[FileOptions]) -> Source:
    """A source from `folder/class/image`, or `folder/{train,validation,test}/class/image`.

    Classes are sub-folders, in alphabetical order; images may lie in folders within them. x has one
    channel if all images are grey, else three; transparent pixels become white, and a camera's
    orientation mark is obeyed. Splits that are missing are carved from train, stratified. With
    `on_broken="skip"` files that are no readable images are left out. What is left out, cut off or
    doubtful is a `UserWarning` and in the source's notes.

    What would be more than `max_gb` as arrays is a stream (`stream=True` makes one of any folder,
    `False` of none): the files are listed, and read when they are needed. Splits, order and pixels
    are those of arrays; a file whose pixels cannot be read is told when its turn comes.

    Raises:
        ValueError: no images in a class, a class in another split that train does not have, files
            that are no readable images (the first few are named), images of several sizes without
            `image_size`, or more than `max_gb` of arrays with `stream=False`.
    """
    names, files, sentences = find_files(folder, suffixes(), "images")
    notes = Notes(str(folder))
    notes.add(sentences)
    return from_files(folder.name, names, files, notes=notes, **options)


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
    stream: bool | None = None,
) -> Source:
    """A source of image files: split → (paths, labels), labels as places in `names`.

    Options are those of `wszoo.data.load`; `notes` gets what is found.
    """
    checks.one_of("on_broken", on_broken, ("refuse", "skip"))
    how, origin = images.check_resize(resize, image_size), notes.origin
    broken: Broken = {} if on_broken == "skip" else None
    paths = [path for paths, _ in files.values() for path in paths]
    headers = [header for _, header in _each(paths, read_header, broken)]
    files = {split: _without(pair, broken) for split, pair in files.items()}
    _check_left(origin, names, files["train"][1], broken)
    sizes = Counter(header.size for header in headers)
    height, width = (image_size, image_size) if image_size else _one_size(origin, sizes)
    shape = (height, width, 1 if all(header.grey for header in headers) else 3)
    chosen = complete(files, validation, max_per_split)
    count = sum(len(y) for _, y in chosen.values())
    if stream is None and (stream := gigabytes(count, shape) > max_gb):
        size = f"{gigabytes(count, shape):.2g} GB as arrays, more than max_gb={max_gb:g}"
        notes.add([f"its images, {size}, are read from their files as they are needed"], warn=False)
    if not stream:
        check_memory(origin, count, shape, max_gb)
    read = _listed if stream else _read
    splits = {split: read(*pair, shape, how, broken) for split, pair in chosen.items()}
    _check_left(origin, names, splits["train"].y, broken)
    if broken:
        notes.add([f"left out {_said(broken)}"])
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


def _note_headers(headers: Sequence[Header], notes: Notes) -> None:
    if several := sum(header.several for header in headers):
        pictures = "files hold several pictures (frames or pages); the first of each is read"
        notes.add([f"{several} {pictures}"])
    depths = Counter(header.depth for header in headers)
    if set(depths) != {"8 bits"}:
        counts = ", ".join(f"{count} of {depth}" for depth, count in sorted(depths.items()))
        notes.add([f"its images are {counts}; each is scaled by its own white"], warn=False)


def _check_left(origin: str, names: tuple[str, ...], y: np.ndarray, broken: Broken) -> None:
    counts = np.bincount(y, minlength=len(names))
    if broken and not counts.all():
        empty = [name for name, count in zip(names, counts, strict=True) if not count]
        raise ValueError(
            f"{origin}: no readable image is left in {empty[:5]}; broken are {_said(broken)}"
        )


def _read(paths: np.ndarray, y: np.ndarray, shape: Shape, how: str, broken: Broken) -> Split:
    """A split of arrays."""
    x = np.empty((len(paths), *shape), np.float32)
    kept: list[int] = []
    for i, image in _each(
        paths, partial(read_image, channels=shape[2], sizes=_sizes(shape, how)), broken
    ):
        x[len(kept)] = image
        kept.append(i)
    return Arrays.of(x[: len(kept)], y[kept])


def _listed(paths: np.ndarray, y: np.ndarray, shape: Shape, how: str, broken: Broken) -> Split:
    """A split of files; where broken ones are left out, all are decoded to know which."""
    if broken is not None:
        kept = [i for i, _ in _each(paths, partial(read_image, channels=shape[2]), broken)]
        paths, y = paths[kept], y[kept]
    every = (len(paths), *shape)
    return Stream(ImageFiles(paths, digests_of_files(paths), every, _sizes(shape, how)), y)


def _sizes(shape: Shape, how: str) -> tuple[tuple[int, str], ...]:
    """To which an image comes, see `ImageFiles`; none where all have one size that is no square."""
    return ((shape[0], how),) if shape[0] == shape[1] else ()


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
            f"them, or leave them out with on_broken='skip': {_said(refused)}"
        )


def _said(broken: dict[Path, str]) -> str:
    lines = [f"\n  {path}: {error}" for path, error in list(broken.items())[:SHOWN]]
    more = f"\n  and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
    return f"{len(broken)} files:{''.join(lines)}{more}"
