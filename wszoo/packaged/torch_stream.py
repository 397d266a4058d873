"""Reads a state dict in PyTorch's first file format, without PyTorch and without running anything.

The format (`torch.save` until 1.5, later `_use_new_zipfile_serialization=False`) is a stream:
pickles of a magic number, of the protocol's version and of the system's sizes; a pickle of the
object, in which a storage is a persistent id; a pickle of the storages' keys; and by each key the
number of its elements, as int64, and the elements.

A pickle may name any function to be called. This reader knows three names, of which one is called,
by a function of its own that puts arguments together; any other name is an error.
"""

import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

MAGIC, PROTOCOL = 0x1950A86A20F9469CFC6C, 1001
DTYPES = {"torch.FloatStorage": "<f4", "torch.LongStorage": "<i8"}


class Storage(NamedTuple):
    """A row of numbers in the file."""

    key: str
    dtype: str
    length: int


class View(NamedTuple):
    """A tensor: a way through the numbers of a storage. Sizes and strides count elements."""

    storage: Storage
    offset: int
    size: tuple[int, ...]
    strides: tuple[int, ...]


def read(path: Path) -> dict[str, np.ndarray]:
    """The tensors of a state dict by name, as arrays of their own.

    Raises `ValueError` for a file of another format, one that is cut off or longer than it says, a
    pickle that names anything but tensors, and a tensor that reaches beyond its storage.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except OSError:
        raise
    except Exception as error:  # a pickle of nonsense raises whatever it suggests
        raise ValueError(
            f"{str(path)!r} is no state dict in PyTorch's stream format: {error}"
        ) from error


def _read(file: BinaryIO) -> dict[str, np.ndarray]:
    if _Unpickler(file).load() != MAGIC or _Unpickler(file).load() != PROTOCOL:
        raise ValueError("it does not begin as one")
    if _Unpickler(file).load().get("little_endian") is not True:
        raise ValueError("its numbers are not little-endian")
    views = _Unpickler(file).load()
    if not isinstance(views, OrderedDict) or not all(
        isinstance(name, str) and isinstance(view, View) for name, view in views.items()
    ):
        raise ValueError("it holds something else than tensors by name")
    storages = {view.storage.key: view.storage for view in views.values()}
    keys = _Unpickler(file).load()
    if sorted(keys) != sorted(storages):
        raise ValueError("its storages are not those of its tensors")
    numbers = {key: _numbers(file, storages[key]) for key in keys}
    if file.read(1):
        raise ValueError("it goes on after its last storage")
    return {name: _array(name, view, numbers[view.storage.key]) for name, view in views.items()}


class _Unpickler(pickle.Unpickler):
    """An unpickler to which only tensors and the dict around them have names."""

    def find_class(self, module: str, name: str) -> "str | type | Callable":
        """What stands for a name. Texts, a class of C and a function made anew: nothing that a
        pickle could change for later."""
        known = f"{module}.{name}"
        if known in DTYPES:
            return DTYPES[known]
        if known == "collections.OrderedDict":
            return OrderedDict
        if known == "torch._utils._rebuild_tensor_v2":
            return lambda storage, offset, size, strides, *_: View(storage, offset, size, strides)
        raise pickle.UnpicklingError(f"it asks for {known}, which is no part of a tensor")

    def persistent_load(self, pid: tuple) -> Storage:
        """A storage, whose numbers come later."""
        kind, dtype, key, _place, length, view = pid
        if kind != "storage" or view is not None or dtype not in DTYPES.values():
            raise pickle.UnpicklingError(f"it asks for a storage {kind!r} of {dtype!r}")
        return Storage(key, dtype, length)


def _numbers(file: BinaryIO, storage: Storage) -> np.ndarray:
    length = int.from_bytes(file.read(8), "little")
    if length != storage.length:
        raise ValueError(f"a storage of {storage.length} elements says that it has {length}")
    size = length * np.dtype(storage.dtype).itemsize
    data = file.read(size)
    if len(data) != size:
        raise ValueError(f"it is cut off: {len(data)} of {size} bytes of a storage are there")
    return np.frombuffer(data, storage.dtype)


def _array(name: str, view: View, numbers: np.ndarray) -> np.ndarray:
    """A copy in the order of the view's axes: many kernels are stored transposed."""
    _, offset, size, strides = view
    whole = [n for n in (offset, *size, *strides) if isinstance(n, int) and n >= 0]
    if len(whole) != 1 + 2 * len(size) or len(size) != len(strides):
        raise ValueError(f"the tensor {name!r} has offset {offset}, size {size}, strides {strides}")
    last = offset + sum((n - 1) * step for n, step in zip(size, strides, strict=True))
    if np.prod(size, dtype=object) > len(numbers) or (0 not in size and last >= len(numbers)):
        raise ValueError(
            f"the tensor {name!r} of size {size} reaches beyond its {len(numbers)} numbers"
        )
    step = numbers.itemsize
    windows = np.lib.stride_tricks.as_strided(
        numbers[offset:], size, [step * n for n in strides], writeable=False
    )
    return np.array(windows)
