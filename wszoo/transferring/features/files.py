"""Files of features: an array with a hash of its contents, read memory-mapped, one writer."""

import errno
import hashlib
import json
import os
import shutil
from pathlib import Path

import numpy as np

from wszoo.files import written_whole

_MAGIC = b"wszoo features 2\n"
_HEAD = 256  # bytes before the array: magic, hash, dtype and shape


def write(path: Path, *parts: np.ndarray) -> None:
    """Writes the rows of one or more arrays as one file, whole or not at all."""
    shape = (sum(map(len, parts)), *parts[0].shape[1:])
    about = json.dumps({"dtype": parts[0].dtype.str, "shape": shape}).encode()
    head = _MAGIC + _hash(about, *parts).encode() + b"\n" + about
    with written_whole(path) as part, part.open("wb") as file:
        file.write(head.ljust(_HEAD - 1) + b"\n")
        for part_of_rows in map(_bytes, parts):
            file.write(part_of_rows)


def read(path: Path) -> np.ndarray:
    """The array, memory-mapped and read-only. Raises `ValueError` for a damaged file."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head.startswith(_MAGIC) or len(head) < _HEAD:
        raise ValueError("it is no file of features, or of another version")
    marked, _, text = head[len(_MAGIC) :].partition(b"\n")
    try:
        about = json.loads(text)
        shape, dtype = tuple(map(int, about["shape"])), np.dtype(about["dtype"])
        if dtype.hasobject or any(side < 1 for side in shape):
            raise ValueError(f"{dtype}{shape}")
        values = np.memmap(path, dtype, "r", _HEAD, shape)
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError, OSError) as error:
        raise ValueError(f"it is cut off or changed ({error})") from error
    if path.stat().st_size != _HEAD + values.nbytes:
        raise ValueError("it is cut off, or longer than it says")
    if _hash(text.strip(), values).encode() != marked:
        raise ValueError("its contents do not have the hash that was written with them")
    return values.view(np.ndarray)


def _hash(about: bytes, *parts: np.ndarray) -> str:
    digest = hashlib.sha256(about)
    for part in map(_bytes, parts):
        digest.update(part)
    return digest.hexdigest()


def _bytes(values: np.ndarray) -> memoryview:
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data


def check_room(folder: Path, size: int) -> None:
    """Makes the folder. Raises `OSError` where it cannot take a file of `size` bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(f"features cannot be kept in {str(folder)!r}: it is not writable")
    free = shutil.disk_usage(folder).free
    if free < size + _HEAD:
        raise OSError(
            errno.ENOSPC,
            f"features need {size / 1e6:.1f} MB and {free / 1e6:.1f} MB are free; name another "
            "folder, or none",
            str(folder),
        )
