"""What any exported or saved file stores, read from the file itself."""

import hashlib
import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from wszoo.arguments import checked, number_of
from wszoo.checksums import check_folder
from wszoo.declared import check_bytes
from wszoo.exporting import formats
from wszoo.exporting.inspect import Inspection, Repeated

SUMS = "assets.extra/wszoo_sha256.json"  # a folder that servers pass over
KERAS = (".keras", ".weights.h5")


@checked(min_bytes=number_of)
def inspect_file(path: str | os.PathLike, min_bytes: int = 1024) -> Inspection:
    """Sizes of a `.keras`, `.weights.h5`, `.tflite` or `.onnx` file or a SavedModel folder.

    Files of other formats that are registered are read too.

    Stored bytes are those of the weights; optimizer slots and random states are left out. Copies
    below `min_bytes`, and arrays of one value (fresh biases, norms), are not called repeated.
    Nothing in the file is run. Raises `FileNotFoundError` for a missing file and `ValueError` for
    a damaged one or one of another kind.
    """
    path = Path(path)
    if path.is_dir():
        size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        return _inspect(_saved_model_arrays(path), size, min_bytes)
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r}")
    if (inspect := formats.inspector(path)) is not None:
        try:
            return inspect(path.read_bytes(), min_bytes)
        except ValueError as error:
            raise ValueError(f"{str(path)!r}: {error}") from error
    if not path.name.endswith(KERAS):
        suffixes = (*KERAS, *formats.suffixes())
        raise ValueError(f"{str(path)!r} ends in none of {', '.join(suffixes)}")
    from wszoo.sharing.files.arrays import file_arrays

    return _inspect(file_arrays(path), path.stat().st_size, min_bytes)


def as_next_version(written: Path, folder: Path) -> Path:
    """Moves a folder to `folder/<n>` for the next whole number: TF Serving serves the highest.

    The rename is the claim: it fails where another exporter has taken the number, and there is no
    moment in which a server sees the number without its files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        taken = [int(path.name) for path in folder.glob("*") if path.name.isdecimal()]
        target = folder / str(max(taken, default=0) + 1)
        try:
            return written.rename(target)
        except OSError:
            if not target.exists():  # else somebody was faster
                raise


def _inspect(arrays: Mapping[str, np.ndarray], file_bytes: int, min_bytes: int) -> Inspection:
    groups: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    stored = 0
    for name, array in arrays.items():
        stored += array.nbytes
        if array.nbytes < min_bytes or array.min() == array.max():
            continue
        shape = f"{array.dtype}{array.shape}"
        key = hashlib.sha256(shape.encode() + np.ascontiguousarray(array).tobytes()).hexdigest()
        groups.setdefault(key, []).append(name)
        sizes[key] = array.nbytes
    repeated = tuple(
        Repeated(tuple(names), sizes[key], "equal")
        for key, names in groups.items()
        if len(names) > 1
    )
    twice = sum(item.bytes * (len(item.names) - 1) for item in repeated)
    return Inspection(file_bytes, stored, stored - twice, repeated)


def _saved_model_arrays(folder: Path) -> dict[str, np.ndarray]:
    if not (folder / "saved_model.pb").is_file():
        raise ValueError(f"{str(folder)!r} has no saved_model.pb: it is not a SavedModel folder")
    import tensorflow as tf

    try:
        check_folder(folder, SUMS)
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        shapes = reader.get_variable_to_shape_map()
        dtypes = reader.get_variable_to_dtype_map()
        numbers = [math.prod(shapes[name]) * max(dtypes[name].size, 1) for name in shapes]
        held = sum(file.stat().st_size for file in (folder / "variables").glob("variables.data*"))
        check_bytes(sum(numbers), held)
        names = sorted(shapes)
        tensors = {name: reader.get_tensor(name) for name in names}
    except Exception as error:  # TensorFlow raises whatever a damaged file suggests
        raise ValueError(f"the SavedModel {str(folder)!r} cannot be read: {error}") from error
    return {
        name: tensor
        for name, tensor in tensors.items()
        if isinstance(tensor, np.ndarray) and tensor.dtype != object
    }
