"""Hashes of arrays: their dtypes, shapes and every byte."""

import hashlib
import json
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

PIECE = 2**23  # bytes of an array that are hashed as one; pieces in parallel


def of_arrays(arrays: Iterable[np.ndarray]) -> str:
    """A hash (64 hex digits) of arrays with their dtypes and shapes."""
    total = hashlib.sha256()
    for array in arrays:
        add_array(total, array)
    return total.hexdigest()


def add_array(total: "hashlib._Hash", array: np.ndarray) -> None:
    """Adds an array, its dtype and its shape to a hash of `hashlib`.

    Raises `ValueError` for an array of objects other than numbers and text.
    """
    total.update(f"{array.dtype.str}{array.shape}".encode())
    if array.dtype.hasobject:
        total.update(_text_of(array).encode())
        return
    given = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    if len(given) <= PIECE:
        total.update(given.data)
        return
    with ThreadPoolExecutor() as pool:  # hashing does not hold Python's lock
        for part in pool.map(hashlib.sha256, np.split(given, range(PIECE, len(given), PIECE))):
            total.update(part.digest())


def _text_of(array: np.ndarray) -> str:
    try:
        return json.dumps(array.tolist())
    except TypeError as error:
        raise ValueError(
            f"an array of dtype object {array.shape} holds more than numbers and text ({error}); "
            "convert it to an array of one dtype"
        ) from error
