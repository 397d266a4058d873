"""Features of a frozen backbone, computed once and kept on disk.

The key is what the features depend on: the backbone's graph, its weights, the data. A file is
written under another name and renamed, and holds a hash of its contents that is checked when it is
read; so two processes may use one folder, and a damaged file is found and made anew.
"""

import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

_MAGIC = b"wszoo features 1\n"


def features(
    backbone: "keras.Model",
    x: np.ndarray,
    *,
    folder: str | os.PathLike | None = None,
    batch_size: int = 256,
) -> np.ndarray:
    """The backbone's outputs `(n, …)` for inputs `(n, …)`, in inference mode; read-only.

    With `folder` they are read from there if they have been computed before, and written there if
    not. A damaged file is reported by a `UserWarning` and replaced.

    Raises `ValueError` for a backbone with several outputs, and `OSError` for a folder that cannot
    be written to (before anything is computed).
    """
    if len(backbone.outputs) != 1:
        raise ValueError(f"{backbone.name!r} has {len(backbone.outputs)} outputs; features are one")
    if folder is None:
        return _compute(backbone, x, batch_size)
    path = Path(folder) / f"{key(backbone, x)}.features"
    _check_writable(path.parent)
    try:
        return _read(path)
    except FileNotFoundError:
        pass
    except ValueError as error:
        warnings.warn(f"{str(path)!r} is made anew: {error}", stacklevel=2)
    found = _compute(backbone, x, batch_size)
    _write(path, found)
    return found


def key(backbone: "keras.Model", x: np.ndarray) -> str:
    """Hash (64 hex digits) of all that features depend on: graph, dtypes, weights, inputs."""
    import keras

    digest = hashlib.sha256(json.dumps(backbone.get_config(), sort_keys=True, default=str).encode())
    digest.update(f"{keras.config.floatx()} {keras.backend.backend()}".encode())
    for array in (*map(keras.ops.convert_to_numpy, backbone.weights), x):
        digest.update(f"{array.dtype.str}{array.shape}".encode())
        digest.update(np.ascontiguousarray(array).view(np.uint8).data)
    return digest.hexdigest()


def _compute(backbone: "keras.Model", x: np.ndarray, batch_size: int) -> np.ndarray:
    made = np.asarray(backbone.predict(x, batch_size=batch_size, verbose=0))
    made.flags.writeable = False
    return made


def _write(path: Path, values: np.ndarray) -> None:
    from wszoo.sharing.files import written_whole

    values = np.ascontiguousarray(values)
    header = json.dumps({"dtype": values.dtype.str, "shape": values.shape}).encode() + b"\n"
    body = header + values.tobytes()
    with written_whole(path) as part:
        part.write_bytes(_MAGIC + hashlib.sha256(body).hexdigest().encode() + b"\n" + body)


def _read(path: Path) -> np.ndarray:
    data = path.read_bytes()
    start = len(_MAGIC) + 65
    if not data.startswith(_MAGIC):
        raise ValueError("it is no file of features")
    if hashlib.sha256(data[start:]).hexdigest().encode() != data[len(_MAGIC) : start - 1]:
        raise ValueError("its contents do not have the hash that was written with them")
    header, _, body = data[start:].partition(b"\n")
    about = json.loads(header)
    return np.frombuffer(body, about["dtype"]).reshape(about["shape"])


def _check_writable(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"features cannot be kept in {str(folder)!r}: it is not writable")
