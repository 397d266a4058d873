"""`.npz` files of plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Unpack

import numpy as np

from wszoo.data.arrays import ArrayOptions, from_arrays
from wszoo.data.errors import MissingDataError
from wszoo.data.registering import source
from wszoo.data.source import Source
from wszoo.data.splits import SPLITS, Pair
from wszoo.declared import arrays_of_npz


@source("npz", suffixes=(".npz",))
def load(path: Path, **options: Unpack[ArrayOptions]) -> Source:
    """A source from the arrays of `read_npz`."""
    pairs, names = read_npz(path)
    return from_arrays(
        *pairs["train"],
        name=path.stem,
        validation_data=pairs.get("validation"),
        test_data=pairs.get("test"),
        class_names=names,
        origin=str(path),
        **options,
    )


def read_npz(path: Path) -> tuple[dict[str, Pair], list[str] | None]:
    """Splits and class names of an `.npz`: `x_train, y_train[, x_validation, y_validation][,
    x_test, y_test][, class_names]`, or `x, y`.

    Raises MissingDataError without the file, ValueError if it is no such archive; pickled objects
    are never loaded.
    """
    if not path.is_file():
        raise MissingDataError(f"{path}: no such file")
    try:
        arrays = arrays_of_npz(path)
    except ValueError as error:
        raise ValueError(f"{path} cannot be read as an .npz of plain arrays: {error}") from error
    train = ("x_train", "y_train") if "x_train" in arrays else ("x", "y")
    keys = {"train": train} | {s: (f"x_{s}", f"y_{s}") for s in ("validation", "test")}
    pairs = {s: pair for s in SPLITS if (pair := _pair(path, arrays, *keys[s])) is not None}
    if "train" not in pairs:
        raise ValueError(f"{path} has {sorted(arrays)}; expected x_train and y_train, or x and y")
    return pairs, [str(n) for n in arrays["class_names"]] if "class_names" in arrays else None


def _pair(path: Path, arrays: Mapping[str, np.ndarray], *keys: str) -> Pair | None:
    present = [key for key in keys if key in arrays]
    if len(present) == 1:
        raise ValueError(f"{path} has {present[0]} without its partner of {keys}")
    return (arrays[keys[0]], arrays[keys[1]]) if present else None
