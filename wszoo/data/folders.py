"""Sources from a folder of image files."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from wszoo.data import images
from wszoo.data.errors import check_memory
from wszoo.data.source import SPLITS, Pair, Source
from wszoo.data.splitting import complete

SUFFIXES = frozenset([".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"])

ORIENTATION = 0x0112  # EXIF tag; values 5 to 8 turn the image by a quarter

T = TypeVar("T")


def load(
    folder: Path,
    *,
    image_size: int | None = None,
    validation: float = 0.1,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
    on_broken: str = "refuse",
) -> Source:
    """A source from `folder/class/image`, or `folder/{train,validation,test}/class/image`.

    Classes are sub-folders, in alphabetical order. x has one channel if all images are grey, else
    three; transparent pixels become white, and a camera's orientation mark is obeyed. Splits that
    are missing are carved from train, stratified. With `on_broken="skip"` files that are no
    readable images are left out, and a `UserWarning` names the first few.

    Raises:
        ValueError: no images in a class, a class in another split that train does not have, files
            that are no readable images (the first few are named), images of several sizes without
            `image_size`, or more than `max_gb` of arrays.
    """
    names, files = find_files(folder)
    return from_files(
        folder.name,
        names,
        files,
        origin=str(folder),
        image_size=image_size,
        validation=validation,
        max_per_split=max_per_split,
        max_gb=max_gb,
        on_broken=on_broken,
    )


def from_files(
    name: str,
    names: tuple[str, ...],
    files: dict[str, Pair],
    *,
    origin: str,
    image_size: int | None,
    validation: float,
    max_per_split: int | None,
    max_gb: float,
    on_broken: str,
) -> Source:
    """A source of image files: split → (paths, labels), labels as places in `names`."""
    if on_broken not in ("refuse", "skip"):
        raise ValueError(f"on_broken is 'refuse' or 'skip', received {on_broken!r}")
    broken: dict[Path, str] | None = {} if on_broken == "skip" else None
    headers = list(
        _each([path for paths, _ in files.values() for path in paths], read_header, broken)
    )
    files = {split: _without(pair, broken) for split, pair in files.items()}
    sizes = {size for _, (size, _) in headers}
    if image_size is None and len(sizes) > 1:
        raise ValueError(
            f"{origin}: its images have {len(sizes)} sizes (width, height), from {min(sizes)} to "
            f"{max(sizes)}; give image_size, e.g. image_size=96"
        )
    _check_left(origin, names, files, broken)
    width, height = (image_size, image_size) if image_size else next(iter(sizes))
    shape = (height, width, 1 if all(grey for _, (_, grey) in headers) else 3)
    chosen = complete(files, validation, max_per_split)
    check_memory(origin, sum(len(y) for _, y in chosen.values()), shape, max_gb)
    splits = {split: _read(paths, y, shape, broken) for split, (paths, y) in chosen.items()}
    _check_left(origin, names, splits, broken)
    if broken:
        warnings.warn(f"{origin}: left out {_listed(broken)}", stacklevel=4)
    return Source(name, splits, names, "see origin", origin)


def _check_left(origin: str, names: tuple[str, ...], splits: dict[str, Pair], broken: Any) -> None:
    counts = np.bincount(splits["train"][1], minlength=len(names))
    if broken and not counts.all():
        empty = [name for name, count in zip(names, counts, strict=True) if not count]
        raise ValueError(
            f"{origin}: no readable image is left in {empty[:5]}; broken are {_listed(broken)}"
        )


def find_files(
    folder: Path, suffixes: frozenset[str] = SUFFIXES
) -> tuple[tuple[str, ...], dict[str, Pair]]:
    """Class names, and (paths, labels) of each split that the folder has, "train" for one alone.

    Raises ValueError without classes, without a file of such a suffix in a class of train, or on a
    new class in another split.
    """
    tops = [path.name for path in _folders(folder)]
    given = [split for split in SPLITS if split in tops] if "train" in tops else []
    if given and (others := sorted(set(tops) - set(given))):
        raise ValueError(f"{folder} has {given} and also {others}; splits are named {SPLITS}")
    roots = {split: folder / split for split in given} or {"train": folder}
    names = tuple(path.name for path in _folders(roots["train"]))
    splits = {split: _labelled(root, names, suffixes) for split, root in roots.items()}
    counts = np.bincount(splits["train"][1], minlength=len(names))
    if not names or not counts.all():
        kind = "images" if suffixes is SUFFIXES else "files"
        empty = [name for name, count in zip(names, counts, strict=True) if not count]
        raise ValueError(
            f"{roots['train']}: expected a sub-folder a class with {kind} in each, "
            f"{f'no {kind} in {empty[:5]}' if names else 'found no sub-folders'}; "
            f"valid are {' '.join(sorted(suffixes))}"
        )
    return names, splits


def _labelled(root: Path, names: tuple[str, ...], suffixes: frozenset[str]) -> Pair:
    if new := [path.name for path in _folders(root) if path.name not in names]:
        raise ValueError(f"{root}: train has no class {new[:5]}, only {list(names[:10])}")
    found = [
        (path, label)
        for label, name in enumerate(names)
        for path in sorted((root / name).glob("*"))
        if path.suffix.lower() in suffixes and not path.name.startswith(".")
    ]
    paths = np.array([path for path, _ in found], dtype=object)
    return paths, np.array([label for _, label in found], np.int32)


def _folders(parent: Path) -> list[Path]:
    return sorted(p for p in parent.iterdir() if p.is_dir() and not p.name.startswith("."))


def read_header(path: Path) -> tuple[tuple[int, int], bool]:
    """((width, height) as it will be shown, whether it is grey), without decoding the pixels."""
    from PIL import Image

    with Image.open(path) as image:
        turned = image.getexif().get(ORIENTATION, 1) in (5, 6, 7, 8)
        size = image.size[::-1] if turned else image.size
        return size, image.mode in ("1", "L", "LA", "I", "I;16")


def read_image(path: Path, channels: int) -> np.ndarray:
    """Pixels (height, width, channels), float32 in [0, 1]."""
    from PIL import Image, ImageOps

    with Image.open(path) as opened:
        image = ImageOps.exif_transpose(opened)
        if image.mode in ("I", "I;16"):  # 16-bit grey
            grey = np.asarray(image, np.float32)[..., None] / 65535
            return np.repeat(grey, channels, axis=-1)
        if "A" in image.mode or "transparency" in image.info:
            rgba = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    return images.to_unit(pixels.reshape(*pixels.shape[:2], channels))


def _read(
    paths: np.ndarray, y: np.ndarray, shape: tuple[int, int, int], broken: dict[Path, str] | None
) -> Pair:
    x = np.empty((len(paths), *shape), np.float32)
    kept: list[int] = []
    for i, image in _each(paths, lambda path: read_image(path, shape[2]), broken):
        fits = image.shape == shape
        x[len(kept)] = image if fits else images.resize(image[None], shape[0])[0]
        kept.append(i)
    return x[: len(kept)], y[kept]


def _without(pair: Pair, broken: dict[Path, str] | None) -> Pair:
    kept = [path not in (broken or {}) for path in pair[0]]
    return pair[0][kept], pair[1][kept]


def _each(
    paths: Sequence[Path] | np.ndarray, read: Callable[[Path], T], broken: dict[Path, str] | None
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
    lines = [f"\n  {path}: {error}" for path, error in list(broken.items())[:5]]
    more = f"\n  and {len(broken) - 5} more" if len(broken) > 5 else ""
    return f"{len(broken)} files:{''.join(lines)}{more}"
