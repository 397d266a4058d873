"""The weights in a file, counted and read without a model."""

import io
import math
import os
import zipfile
from pathlib import Path

import numpy as np

from wszoo import checksums, declared

MEMBER, CONFIG, WEIGHTS = "wszoo.json", "config.json", "model.weights.h5"  # of a `.keras` file
_MOST_CONFIG = 2**26  # bytes of config.json


def file_parameters(path: str | os.PathLike[str]) -> int:
    """Numbers stored as weights in a `.keras` or `.weights.h5` file, counted in the file.

    Raises as `file_arrays`.
    """
    return sum(math.prod(shape) for shape in _weight_shapes(Path(path)).values())


def file_arrays(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """The weights in a `.keras` or `.weights.h5` file, by their names in it.

    Optimizer slots and the states of random generators are not weights. Raises `ValueError` for
    a file that is damaged, of another kind, or declares more than it holds.
    """
    import h5py

    path = Path(path)
    names = _weight_shapes(path)
    with h5py.File(_weights_of(path)) as file:
        return {name: np.asarray(file[name]) for name in names}


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of all arrays in a `.keras` file, every member of which is as it was written."""
    declared.check_zip(path, contents=True)
    with zipfile.ZipFile(path) as archive:
        checksums.json_object(archive.read(CONFIG), most=_MOST_CONFIG)
        if WEIGHTS not in archive.namelist():
            raise ValueError(f"it has no member {WEIGHTS!r}")
        return declared.check_hdf5(archive.read(WEIGHTS))


def _weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    try:
        held = shapes(path) if path.suffix == ".keras" else declared.check_hdf5(path)
    except Exception as error:  # zips and HDF5 raise whatever a damaged file suggests
        raise ValueError(f"{str(path)!r} is damaged or of another kind: {error}") from error
    others = {"optimizer", "seed_generator"}
    return {name: shape for name, shape in held.items() if not others & set(name.split("/"))}


def _weights_of(path: Path) -> Path | io.BytesIO:
    if path.suffix != ".keras":
        return path
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(WEIGHTS))
