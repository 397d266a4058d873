"""What a transfer run learns from: arrays in three splits, whatever they were given as."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from wszoo import training
from wszoo.data import Source, load
from wszoo.data.images import resize
from wszoo.data.modes import to_unit
from wszoo.data.source import SPLITS
from wszoo.data.splitting import complete

Pair = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Examples:
    """`splits`: "train", "validation", "test" → (x, y); `class_names` where y are classes."""

    name: str
    splits: Mapping[str, Pair]
    class_names: tuple[str, ...] = ()

    @property
    def input_shape(self) -> tuple[int, ...]:
        return tuple(self.splits["train"][0].shape[1:])

    @property
    def targets(self) -> dict[str, np.ndarray]:
        return {split: y for split, (_, y) in self.splits.items()}

    def fingerprint(self) -> str:
        """Hash (64 hex digits) of all arrays with their shapes."""
        return training.fingerprint(a for split in SPLITS for a in self.splits[split])


def examples(data: Any, *, image_size: int | None = None) -> Examples:
    """Examples of `data`, with images of `image_size` pixels a side where that is given.

    Args:
        data: a `Source`; the name or path of one (see `wszoo.data.load`); an `.npz` of
            `x_train, y_train, …` with targets of any kind; a mapping of "train", "validation" and
            "test" to `(x, y)`; or these pairs in order. uint8 is divided by 255. A split that is
            missing is carved from train, a tenth of it, always the same rows.

    Raises `ValueError` for shapes, dtypes and numbers that nothing can be learnt from.
    """
    if isinstance(data, str | Path) and Path(data).suffix == ".npz":
        return _from_npz(Path(data), image_size)
    if isinstance(data, str | Path):
        data = load(data, image_size=image_size)
    if isinstance(data, Source):
        splits = {split: data.arrays(split) for split in SPLITS}
        return _sized(Examples(data.name, splits, data.class_names), image_size)
    return from_pairs(_mapping(data), "your arrays", image_size=image_size)


def from_pairs(
    pairs: Mapping[str, Any], name: str, names: Sequence[str] = (), *, image_size: int | None = None
) -> Examples:
    """Examples of arrays by split; see `examples`."""
    if "train" not in pairs or set(pairs) - set(SPLITS):
        raise ValueError(f"{name}: splits are {SPLITS}, train is needed; received {list(pairs)}")
    found = {split: _pair(f"{name}, {split}", pairs[split]) for split in SPLITS if split in pairs}
    if len(shapes := {x.shape[1:] for x, _ in found.values()}) > 1:
        raise ValueError(f"{name}: the splits differ in the shape of x: {sorted(shapes)}")
    whole = _carved(found)
    return _sized(Examples(name, whole, tuple(names)), image_size)


def _mapping(data: Any) -> Mapping[str, Any]:
    if isinstance(data, Mapping):
        return data
    if isinstance(data, tuple | list) and len(data) in (2, 3):
        if all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in data):
            return dict(zip(SPLITS if len(data) == 3 else ("train", "test"), data, strict=True))
        if len(data) == 2:
            return {"train": data}
    raise ValueError(
        "data is the name of a source, a Source, a mapping of splits to (x, y), or (x, y), or "
        f"((x, y), (x_validation, y_validation), (x_test, y_test)); received {type(data).__name__}"
    )


def _pair(where: str, pair: Any) -> Pair:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise ValueError(f"{where}: expected (x, y), received {type(pair).__name__}")
    x, y = (np.asarray(array) for array in pair)
    if x.dtype.kind not in "buif" or x.ndim < 2:
        raise ValueError(f"{where}: x must be numbers of shape (n, …), received {x.dtype}{x.shape}")
    if len(x) != len(y) or not len(x):
        raise ValueError(f"{where}: {len(x)} examples and {len(y)} targets")
    if y.ndim == 2 and y.shape[1] == 1 and y.dtype.kind in "iu":
        y = y[:, 0]  # as keras.datasets.cifar10 gives them
    if x.dtype == np.uint8 and x.ndim == 3:
        x = x[..., None]
    if x.dtype == np.uint8 or x.ndim > 2 or x.dtype.kind == "f":  # others are token ids
        x = to_unit(x)
    if bad := int(np.count_nonzero(~np.isfinite(x))):
        raise ValueError(f"{where}: {bad} values of x are NaN or infinite")
    return x, y


def _carved(pairs: dict[str, Pair]) -> dict[str, Pair]:
    y = pairs["train"][1]
    if y.ndim == 1 and y.dtype.kind in "iu":
        return complete(pairs, 0.1, None)
    # Other targets have no classes to stratify by: the rows are labelled alike and carved.
    alike = {s: (np.arange(len(y)), np.zeros(len(y), int)) for s, (_, y) in pairs.items()}
    rows = {split: index for split, (index, _) in complete(alike, 0.1, None).items()}
    made = {}
    for split in SPLITS:
        x, targets = pairs.get(split, pairs["train"])
        made[split] = (x[rows[split]], targets[rows[split]])
    return made


def _sized(found: Examples, image_size: int | None) -> Examples:
    shape = found.input_shape
    if image_size is None or len(shape) != 3 or shape[:2] == (image_size, image_size):
        return found
    splits = {split: (resize(x, image_size), y) for split, (x, y) in found.splits.items()}
    return Examples(found.name, splits, found.class_names)


def _from_npz(path: Path, image_size: int | None) -> Examples:
    from wszoo.data.arrays import read_npz

    pairs, names = read_npz(path)
    return from_pairs(pairs, path.stem, names or (), image_size=image_size)
