"""A `.tflite` file from a Keras model, each constant once, before it is checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting.inspect import inspect_tflite, is_quantised
from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.convert import LoopOfFreeBatch, convert
from wszoo.exporting.tflite.embeddings import share_tables
from wszoo.exporting.tflite.share import Report, share_constants

if TYPE_CHECKING:
    import keras

LOOP_BATCH = 1  # of a file whose loop needs a fixed batch dimension
LOOP_NOTE = (
    "the batch dimension is fixed at 1: the converter takes a loop, such as a GRU's, with no free "
    "one; layers that are unrolled leave it free"
)
NOTHING_QUANTISED = (
    "nothing was quantised: the converter leaves weights of fewer than 1,024 numbers in float32, "
    "and there are no others"
)


@dataclass(frozen=True)
class Built:
    """The bytes of a file, how its constants were shared, its batch dimension, what was done."""

    data: bytes
    sharing: Report
    batch: int | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Spelling:
    """How a file is to be spelled; see `wszoo.exporting.tflite.write.litert`."""

    precision: str
    per_channel: bool | None = None
    calibration: Mapping[str, np.ndarray] | None = None
    prefer: str = "speed"
    uint8: bool = False


def build(model: "keras.Model", spelling: Spelling, batch: int | None) -> Built:
    """The file of a functional model in float32; of a batch of 1, with a note, where its loop takes
    no free batch dimension. Raises `ValueError` where the converter fails."""
    try:
        data, sharing = _shared(model, spelling, batch)
        notes: tuple[str, ...] = ()
    except LoopOfFreeBatch:
        batch, notes = LOOP_BATCH, (LOOP_NOTE,)
        data, sharing = _shared(model, spelling, batch)
    if "int8" in spelling.precision and not is_quantised(data):
        notes = (*notes, NOTHING_QUANTISED)
    return Built(data, sharing, batch, notes)


def _shared(model: "keras.Model", spelling: Spelling, batch: int | None) -> tuple[bytes, Report]:
    """The converted file with each constant once, and how its constants were shared.

    int8 with a scale a channel unless that stores more constants than with one a tensor.
    """
    make = partial(
        convert,
        model,
        spelling.precision,
        batch=batch,
        calibration=spelling.calibration,
        uint8=spelling.uint8,
    )
    quantised = "int8" in spelling.precision
    spread = (True, False) if spelling.per_channel is None else (spelling.per_channel,)
    converted = [make(per_channel=scales) for scales in (spread if quantised else (False,))]
    if spelling.precision == "int8":
        converted = [share_tables(data) for data in converted]
    files = [share_constants(data, prefer=spelling.prefer) for data in converted]
    data, sharing = files[0] if len(files) == 1 or _shares_as_much(*files) else files[1]
    return min(data, flatbuffer.write(flatbuffer.read(data)), key=len), sharing


def _shares_as_much(with_channels: tuple[bytes, Report], without: tuple[bytes, Report]) -> bool:
    first, second = (inspect_tflite(data).stored_bytes for data, _ in (with_channels, without))
    return first <= 1.01 * second
