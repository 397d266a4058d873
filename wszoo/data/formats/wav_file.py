"""Samples of wav files: PCM and floats, plain or WAVE_FORMAT_EXTENSIBLE."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

import numpy as np

# What a sample of each type is divided by, after its zero is taken off: full scale is 1.
SCALES = {
    "uint8": (128, 2**7),
    "int16": (0, 2**15),
    "int32": (0, 2**31),  # 24 bits too, which stand in the upper three bytes
    "int64": (0, 2**63),
    "float32": (0, 1),
    "float64": (0, 1),
}
UNKNOWN_LENGTH = 0x7FFF0000  # from here on what programs write that do not know the length yet


def read(path: Path) -> tuple[int, np.ndarray]:
    """Samples a second, and the mean of the channels (n,) float32.

    PCM of 8 to 64 bits comes as values in [-1, 1], floats as they are. Raises ValueError for
    another codec (with its name), a file that is cut short or has no samples, and samples that are
    not finite.
    """
    from scipy.io import wavfile

    _check_whole(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # of chunks that are no samples
        try:
            rate, raw = wavfile.read(path)
        except (ZeroDivisionError, struct.error) as error:
            raise ValueError(f"its header is no valid one: {error}") from error
    if not raw.size:
        raise ValueError("no samples")
    if rate < 1:
        raise ValueError(f"its header says {rate} samples a second")
    if raw.dtype.name not in SCALES:
        raise ValueError(f"samples of type {raw.dtype.name}; valid are {', '.join(SCALES)}")
    zero, full = SCALES[raw.dtype.name]
    values = (raw.astype(np.float64) - zero) / full
    if bad := np.count_nonzero(~np.isfinite(values)):
        raise ValueError(f"{bad} of {values.size} samples are NaN or infinite")
    return rate, values.reshape(len(values), -1).mean(axis=1).astype(np.float32)


def _check_whole(path: Path) -> None:
    """Raises ValueError for a file that ends before its header says: scipy reads what is there."""
    with path.open("rb") as file:
        kind = file.read(12)[:4]
        if kind not in (b"RIFF", b"RIFX"):
            return  # what it is, if anything, scipy says
        layout = "<4sI" if kind == b"RIFF" else ">4sI"
        while len(header := file.read(8)) == 8:
            name, size = struct.unpack(layout, header)
            if name == b"data":
                _check_size(size, path.stat().st_size - file.tell())
                return
            file.seek(size + size % 2, 1)
    raise ValueError("cut short: it has no samples")


def _check_size(promised: int, there: int) -> None:
    if there < promised < UNKNOWN_LENGTH:
        raise ValueError(f"cut short: {there} of {promised} bytes of samples are there")
    if promised == 0 < there:
        raise ValueError(f"its header says 0 samples, but {there} bytes follow it")
