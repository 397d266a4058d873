"""Inputs as a model takes them: photos, texts, recordings and arrays.

Photos are read, turned and resized as `wszoo.data` reads them for training, in the way that the
model keeps; nothing is guessed of numbers that lie outside of the range it takes.
"""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wszoo import checks
from wszoo.data import images, tokens
from wszoo.data.audio import FRAMES, MELS
from wszoo.data.formats import decoding, recordings
from wszoo.predicting.opening import Opened

SLACK = 1e-3  # of a range, by which numbers may lie outside of it
SHOWN = 5  # files that an error names


@dataclass(frozen=True)
class Inputs:
    """Examples `(n, …)` as the model takes them, a name each, and the lengths of texts.

    `pixels` are photos as they were read, in [0, 1], to be shown.
    """

    names: tuple[str, ...]
    x: np.ndarray
    lengths: tuple[int, ...] = ()
    pixels: np.ndarray | None = None


def read(model: Opened, given: object) -> Inputs:
    """The inputs of a model: paths, texts, or an array of examples `(n, …)`.

    Raises `FileNotFoundError` for a file that is not there, and `ValueError` for files that cannot
    be read, arrays of another shape, and numbers outside of the range that the model takes.
    """
    if isinstance(given, np.ndarray):
        return _of_array(model, given)
    items = [given] if isinstance(given, str | os.PathLike) else list(_several(given))
    if not items:
        raise ValueError("there is nothing to predict: give paths, texts or an array")
    if "int" in model.dtype and model.about.get("vocabulary"):
        return _of_texts(model, items)
    paths = [path for item in items for path in _files(Path(item))]
    if all(path.suffix.lower() == ".npy" for path in paths):
        return _joined([_of_array(model, _loaded(path), str(path)) for path in paths])
    if model.shape == (FRAMES, MELS):
        return Inputs(tuple(map(str, paths)), recordings.read_frames(paths))
    if len(model.shape) == 3 and model.shape[-1] in (1, 3):
        return _of_photos(model, paths)
    raise ValueError(
        f"{model.name} takes examples of shape {model.shape} of {model.dtype}: give an array, or "
        ".npy files; photos, texts and recordings are for models that learnt from such"
    )


def _several(given: object) -> Iterable[str | os.PathLike]:
    if not isinstance(given, Iterable):
        raise ValueError(f"inputs are paths, texts or an array; received {checks.shown(given)}")
    for item in given:
        if not isinstance(item, str | os.PathLike):
            raise ValueError(
                f"each input must be a path or a text; received {checks.shown(item)}; arrays are "
                "given as one, examples first"
            )
        yield item


def _files(path: Path) -> list[Path]:
    """The file, or the readable files of a folder, in order."""
    if path.is_dir():
        valid = decoding.suffixes() | recordings.SUFFIXES | {".npy"}
        found = [p for p in sorted(path.rglob("*")) if p.suffix.lower() in valid and p.is_file()]
        if not found:
            raise ValueError(f"the folder {str(path)!r} has no file that can be read")
        return found
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r}")
    return [path]


def _of_photos(model: Opened, paths: Sequence[Path]) -> Inputs:
    height, width, channels = model.shape
    size = _side(model, height, width)
    how = images.check_resize(model.about.get("resize"), size or 1)
    read, broken = [], []
    for path in paths:
        try:
            pixels = decoding.read_image(path, int(channels or 3))[None]
            read.append(images.resize(pixels, size, how) if size else pixels)
        except (OSError, ValueError, SyntaxError) as error:
            broken.append(f"{path}: {error}")
    if broken:
        more = f"\n  and {len(broken) - SHOWN} more" if len(broken) > SHOWN else ""
        first = "\n  ".join(broken[:SHOWN])
        raise ValueError(
            f"{len(broken)} of {len(paths)} files are no readable images:\n  {first}{more}"
        )
    if len({photo.shape for photo in read}) > 1:
        raise ValueError(f"{model.name} takes images of any size, but one at a time")
    pixels = np.concatenate(read)
    low, high = _range(model)
    return Inputs(tuple(map(str, paths)), _typed(model, low + (high - low) * pixels), (), pixels)


def _side(model: Opened, height: int | None, width: int | None) -> int | None:
    """Pixels a side to which photos are resized, `None` where they stay as they are.

    Raises `ValueError` for a model whose images are no squares.
    """
    if height != width:
        raise ValueError(
            f"{model.name} takes images of {height} × {width} pixels, and photos are brought to "
            "squares; give an array of that shape"
        )
    known = model.about.get("image_size")
    return height if height is not None else known if isinstance(known, int) else None


def _range(model: Opened) -> tuple[float, float]:
    low, high = model.about.get("input_range", (0.0, 1.0))
    return float(low), float(high)


def _typed(model: Opened, x: np.ndarray) -> np.ndarray:
    return np.rint(x).astype(model.dtype) if "int" in model.dtype else x.astype(model.dtype)


def _of_texts(model: Opened, items: Sequence[str | os.PathLike]) -> Inputs:
    """Texts themselves, or the lines of .txt files; as ids of the tokens that the model knows."""
    texts = dict(pair for item in items for pair in _lines(item))
    known, (size,) = model.about["vocabulary"], model.shape
    names = tuple(texts)
    if tokens.of_words(known):
        length = size or max(len(text.split()) for text in texts.values()) or 1
        return Inputs(names, tokens.encode_words(list(texts.values()), known, length))
    ids = [tokens.encode(text, known) for text in texts.values()]
    longest = size or max(map(len, ids))
    x = np.zeros((len(ids), longest), "int32")
    for row, each in zip(x, ids, strict=True):
        row[: len(each[-longest:])] = each[-longest:]
    return Inputs(names, x, tuple(min(len(each), longest) for each in ids))


def _lines(item: str | os.PathLike) -> Iterable[tuple[str, str]]:
    """`(name, text)`: a text is its own name."""
    if isinstance(item, str) and not item.endswith(".txt"):
        if not item.strip():
            raise ValueError("a text must not be empty")
        yield item, item
        return
    if not Path(item).is_file():
        raise FileNotFoundError(f"no file {os.fspath(item)!r}")
    lines = Path(item).read_text(encoding="utf-8").splitlines()
    filled = [(f"{item}:{place}", line) for place, line in enumerate(lines, 1) if line.strip()]
    if not filled:
        raise ValueError(f"{os.fspath(item)!r} has no text in it")
    yield from filled


def _loaded(path: Path) -> np.ndarray:
    try:
        return np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ValueError(f"{str(path)!r} is no .npy file of numbers: {error}") from error


def _of_array(model: Opened, x: np.ndarray, name: str = "example") -> Inputs:
    """Examples as they are. Raises `ValueError` for another shape, kind or range."""
    fits = x.ndim == len(model.shape) + 1 and all(
        want in (None, size) for size, want in zip(x.shape[1:], model.shape, strict=True)
    )
    if not fits or not len(x):
        wanted = ", ".join("any" if size is None else str(size) for size in model.shape)
        raise ValueError(
            f"{model.name} takes examples of shape (n, {wanted}); received {x.shape} ({name})"
        )
    if x.dtype.kind not in "biuf" or not np.isfinite(x.astype("float64")).all():
        raise ValueError(f"examples are finite numbers; received {x.dtype} ({name})")
    images_like = len(model.shape) == 3 and model.shape[-1] in (1, 3)
    if images_like or "input_range" in model.about:
        low, high = _range(model)
        slack = SLACK * (high - low)
        if x.min() < low - slack or x.max() > high + slack:
            raise ValueError(
                f"{model.name} takes numbers from {low:g} to {high:g}; received {x.min():g} to "
                f"{x.max():g} ({name}): scale them first"
            )
    names = tuple(f"{name} {place}" for place in range(len(x)))
    return Inputs(names, x.astype(model.dtype))


def _joined(several: list[Inputs]) -> Inputs:
    names = tuple(name for each in several for name in each.names)
    return Inputs(names, np.concatenate([each.x for each in several]))
