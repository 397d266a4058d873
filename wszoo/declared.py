"""What a file says that it holds, held against what it does hold, before memory is taken for it.

A few bytes can declare anything: a deflated member a thousand times its size, an HDF5 data set or
an array of any shape without contents. A file is refused that asks for more than `RATIO` times its
own bytes; weights, images and texts are compressed to a half or a tenth, not to that. What asks
for less than `FLOOR` in all is harmless and taken.
"""

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import h5py

RATIO = 20
FLOOR = 2**28  # bytes
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def check_bytes(declared: int, held: int, what: str = "it") -> None:
    """Raises `ValueError` where `declared` bytes are out of all proportion to the file's."""
    if declared > max(FLOOR, RATIO * held):
        raise ValueError(
            f"{what} declares {declared:,} bytes, and the file has {held:,}: more than "
            f"{RATIO} times as many are not taken from a file"
        )


def check_zip(path: str | os.PathLike, *, contents: bool = False) -> None:
    """Raises `ValueError` for a zip whose members are too large; with `contents`, also for one of
    which a member does not have its checksum (CRC-32)."""
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        check_bytes(sum(member.file_size for member in members), Path(path).stat().st_size, "it")
        names = [member.filename for member in members]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"its member {min(twice)!r} is there twice")
        if contents and (damaged := archive.testzip()) is not None:
            raise ValueError(f"its member {damaged!r} does not have its checksum")


def check_npz(path: str | os.PathLike) -> None:
    """Raises `ValueError` for an `.npz` with an array that is not there as it is declared.

    Pickled objects are refused by `np.load(…, allow_pickle=False)`.
    """
    check_zip(path)
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                if version not in _HEADERS:
                    raise ValueError(f"its member {member.filename!r} has the version {version}")
                shape, _, dtype = _HEADERS[version](file)
                declared, held = _bytes_of(shape, dtype), member.file_size - file.tell()
            if not dtype.hasobject and declared != held:
                raise ValueError(
                    f"its member {member.filename!r} declares {dtype}{shape}, {declared:,} bytes, "
                    f"and holds {held:,}"
                )


def check_hdf5(source: str | os.PathLike | bytes) -> dict[str, tuple[int, ...]]:
    """The shapes of all data sets in an HDF5 file, or in its bytes, by their paths.

    Raises `ValueError` for links to elsewhere, for contents that lie in other files, for what is no
    array of numbers or of texts of one length, and for more than the file can hold.
    """
    import h5py

    size = len(source) if isinstance(source, bytes) else Path(source).stat().st_size
    total, shapes = 0, {}
    with h5py.File(io.BytesIO(source) if isinstance(source, bytes) else source) as file:
        for name, item in _datasets(file, set()):
            if item.dtype.hasobject:
                raise ValueError(f"its data set {name!r} holds no numbers, but {item.dtype}")
            declared = _bytes_of(item.shape, item.dtype)
            stored = item.id.get_storage_size()
            plain = item.chunks is None
            if plain and stored < declared:
                raise ValueError(
                    f"its data set {name!r} declares {item.dtype}{item.shape}, {declared:,} bytes, "
                    f"and holds {stored:,}"
                )
            total += declared
            check_bytes(total, size, f"it, up to its data set {name!r},")
            shapes[name] = item.shape
    return shapes


def _datasets(
    group: "h5py.Group", visited: set[int], prefix: str = ""
) -> Iterator[tuple[str, "h5py.Dataset"]]:
    """Path and data set, of all; no link is followed but those to what the file holds itself."""
    import h5py

    visited.add(h5py.h5o.get_info(group.id).addr)
    for key in group:
        name = f"{prefix}{key}"
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(f"it links to elsewhere at {name!r}")
        item = group[key]
        if isinstance(item, h5py.Group):
            if h5py.h5o.get_info(item.id).addr in visited:  # a circle, say
                raise ValueError(f"its group {name!r} stands in several places")
            yield from _datasets(item, visited, f"{name}/")
        elif isinstance(item, h5py.Dataset):
            if item.external or item.is_virtual:
                raise ValueError(f"the contents of its data set {name!r} lie in other files")
            yield name, item


def _bytes_of(shape: tuple[int, ...], dtype: np.dtype) -> int:
    count = 1
    for side in shape:
        count *= int(side)  # as Python's own numbers, which do not overflow
    return count * dtype.itemsize


def arrays_of_npz(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The arrays of an `.npz`, checked before any is read.

    Raises `ValueError` for whatever cannot be read as plain arrays.
    """
    try:
        check_npz(path)
        with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return dict(archive)
    except Exception as error:  # zips and headers raise whatever a damaged file suggests
        raise ValueError(str(error) or type(error).__name__) from error


def check_values(value: object, most: int = 10_000) -> None:
    """Raises `ValueError` for lists and mappings that hold more than `most` values in all.

    A value that stands in several places, as YAML's aliases allow, counts in each: written out, a
    few lines of them are more than any memory holds.
    """
    left = [value]
    for _ in range(most):
        if not left:
            return
        item = left.pop()
        if isinstance(item, dict):
            left += [*item, *item.values()]
        elif isinstance(item, list | tuple | set):
            left += item
    if left:
        raise ValueError(f"it holds more than {most:,} values")
