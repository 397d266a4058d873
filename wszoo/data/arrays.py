"""Sources from NumPy arrays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TypedDict

import numpy as np

from wszoo import checks
from wszoo.arguments import array, checked
from wszoo.data import images, labels, modes
from wszoo.data.errors import check_memory
from wszoo.data.findings import Notes, examined
from wszoo.data.source import Source
from wszoo.data.splits import Pair
from wszoo.data.splitting import complete
from wszoo.data.streams import Images


class ArrayOptions(TypedDict, total=False):
    """Options of `load` for what becomes arrays of images."""

    image_size: int
    resize: str
    validation: float
    max_per_split: int
    max_gb: float


def _labels(name: str, value: object) -> object:
    """An array of any dtype: what labels have to be is said below, with what to do."""
    given = np.asarray(value)
    if given.ndim == 0 or not given.size:
        raise ValueError(f"{name} must be an array of labels; received {checks.shown(value)}")
    return value


@checked(x=array, y=_labels)
def from_arrays(
    x: np.ndarray,
    y: np.ndarray,
    *,
    name: str,
    validation_data: Pair | None = None,
    test_data: Pair | None = None,
    class_names: Sequence[str] | None = None,
    image_size: int | None = None,
    resize: str | None = None,
    validation: float | None = None,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
    licence: str = "see origin",
    origin: str = "arrays in memory",
) -> Source:
    """A source from arrays.

    Args:
        x: (n, height, width, channels) or (n, height, width) images, or (n, features) vectors.
            bool, uint8 and uint16 are divided by 1, 255 and 65535, all other numbers keep their
            value: images in other whole numbers than 0 and 1 are refused.
        y: integer labels, (n,) or (n, 1), 0 to classes - 1.
        validation_data, test_data: (x, y); where missing, the share `validation` of the training
            data, a tenth by default, stratified, always the same rows.
        class_names: by default "0", "1", …; then every label up to the largest must occur.
        image_size: resize images to a square of so many pixels.
        resize: "crop" (the default), "pad" or "stretch", see `wszoo.data.images.resize`.
        max_per_split: keep at most so many examples a split, stratified.
        max_gb: refuse to make arrays of more than so many 10⁹ bytes.

    What is doubtful in images, such as a range far outside [0, 1], or one image in two splits, is a
    `UserWarning` and in the source's notes.

    Raises:
        ValueError: as `Source`, and for shapes, dtypes or labels other than the above, or dtypes
            that are scaled differently from split to split.
    """
    how, notes = images.check_resize(resize, image_size), Notes(name)
    given = {"train": (x, y), "validation": validation_data, "test": test_data}
    pairs = {
        split: (_as_x(f"{name}, {split}", pair[0], image_size), _as_y(f"{name}, {split}", pair[1]))
        for split, pair in given.items()
        if pair is not None
    }
    for split, (xs, ys) in pairs.items():
        if len(xs) != len(ys):
            raise ValueError(f"{name}, {split}: {len(xs)} examples and {len(ys)} labels")
    modes.check_one_scale(name, {split: xs.dtype for split, (xs, _) in pairs.items()})
    names = _number_names(name, pairs) if class_names is None else _cleaned(name, class_names)
    splits = complete(pairs, validation, max_per_split)
    shape = pairs["train"][0].shape[1:]
    shape = shape if image_size is None else (image_size, image_size, shape[-1])
    check_memory(name, sum(len(ys) for _, ys in splits.values()), shape, max_gb)
    if image_size and resize is None:
        notes.add(images.crop_notes(count_sizes(xs for xs, _ in splits.values())))
    ready = {split: (_ready(xs, image_size, how), ys) for split, (xs, ys) in splits.items()}
    way = how if len(shape) == 3 else None
    return examined(Source(name, ready, names, licence, origin, resize=way), notes)


def _as_x(where: str, x: np.ndarray, image_size: int | None) -> np.ndarray:
    x = np.asarray(x)
    if x.dtype.kind not in "buif" or x.ndim not in (2, 3, 4):
        raise ValueError(
            f"{where}: x must be numbers of shape (n, height, width, channels), (n, height, width) "
            f"or (n, features), received {x.dtype}{x.shape}"
        )
    if image_size is not None and x.ndim == 2:
        raise ValueError(f"{where}: image_size={image_size}, but x holds vectors {x.shape}")
    if x.ndim > 2:
        modes.check_range(where, x)
    return x[..., None] if x.ndim == 3 else x


def _as_y(where: str, y: np.ndarray) -> np.ndarray:
    y = np.asarray(y)
    if y.ndim == 2 and y.shape[1] == 1:  # as keras.datasets.cifar10 gives them
        y = y[:, 0]
    if y.dtype.kind not in "iu" or y.ndim != 1:
        raise ValueError(
            f"{where}: labels must be integers of shape (n,), received {y.dtype}{y.shape}; "
            f"{labels.advice(y)}"
        )
    if len(y) and (y.min() < 0 or y.max() > np.iinfo(np.int32).max):
        raise ValueError(f"{where}: labels run from {y.min()} to {y.max()}, expected 0 and up")
    return y.astype(np.int32)


def _number_names(name: str, pairs: Mapping[str, Pair]) -> tuple[str, ...]:
    values = np.unique(np.concatenate([y for _, y in pairs.values()]))
    if not np.array_equal(values, np.arange(len(values))):
        raise ValueError(
            f"{name}: labels must be 0 to classes - 1 without a gap, received "
            f"{values[:10].tolist()}{' …' if len(values) > 10 else ''}; number them with "
            f"np.unique(y, return_inverse=True), or give class_names"
        )
    return tuple(map(str, values.tolist()))


def _cleaned(name: str, class_names: Sequence[str]) -> tuple[str, ...]:
    names = tuple(labels.clean(str(given)) for given in class_names)
    if twice := sorted({label for label in names if names.count(label) > 1}):
        raise ValueError(f"{name}: the class names {twice} stand for two classes each; rename one")
    return names


def count_sizes(arrays: Iterable[Images]) -> Counter[tuple[int, int]]:
    """How many images there are of each (width, height)."""
    sizes: Counter[tuple[int, int]] = Counter()
    for x in arrays:
        sizes[x.shape[2], x.shape[1]] += len(x)
    return sizes


def _ready(x: np.ndarray, image_size: int | None, how: str) -> np.ndarray:
    x = modes.to_unit(x)
    return x if image_size is None else images.resize(x, image_size, how)
