"""A `.tflite` file from a Keras model, each constant once, before it is checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting.facts import facts_of, labels_of, with_scores
from wszoo.exporting.float32 import in_float32
from wszoo.exporting.inspect import inspect_tflite, is_quantised
from wszoo.exporting.names import by_input
from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.batch import batch_of
from wszoo.exporting.tflite.convert import LoopOfFreeBatch, convert
from wszoo.exporting.tflite.describe import described
from wszoo.exporting.tflite.embeddings import share_tables
from wszoo.exporting.tflite.integer_inputs import integer_inputs
from wszoo.exporting.tflite.precisions import check_calibration, stored_bytes
from wszoo.exporting.tflite.share import Report, share_constants
from wszoo.sharing.about import about, image_size

if TYPE_CHECKING:
    import keras

LOOP_BATCH = 1  # of a file whose loop needs a fixed batch dimension
LOOP_NOTE = (
    "the batch dimension is fixed at 1: the converter takes a loop, such as a GRU's, with no free "
    "one; layers that are unrolled leave it free"
)
SLACK = 1.01  # by which a scale a channel may store more
RANGE_TAKEN = (
    "black and white are taken to be 0 and 1, as nobody says otherwise; for a model of bytes say "
    "wszoo.sharing.about.describe(model, input_range=[0, 255])"
)
NOTHING_QUANTISED = (
    "nothing was quantised: the converter leaves weights of fewer than 1,024 numbers in float32, "
    "and there are no others"
)


@dataclass(frozen=True)
class Spelling:
    """How a file is to be spelled; see `wszoo.exporting.tflite.write.litert`."""

    precision: str
    per_channel: bool | None = None
    calibration: Mapping[str, np.ndarray] | None = None
    prefer: str = "speed"
    batch: int | str | None = None
    labels: Sequence[str] | None = None
    uint8: bool = False


@dataclass(frozen=True)
class Built:
    """The bytes of a file, how its constants were shared, its batch dimension, what was done.

    `given` is the model that the file is of, with scores for outputs where it is a classifier with
    class names, and `model` the same in float32.
    """

    given: "keras.Model"
    model: "keras.Model"
    spelling: Spelling
    data: bytes
    sharing: Report
    batch: int | None
    notes: tuple[str, ...] = ()


def build(given: "keras.Model", spelling: Spelling) -> Built:
    """The file of a functional model, of a batch of 1, with a note, where its loop takes no free
    batch dimension. Raises `ValueError` where the converter fails."""
    names = labels_of(given, spelling.labels)
    given = given if names is None else with_scores(given)
    model = in_float32(given)
    if spelling.calibration:
        calibration = by_input(model, spelling.calibration)
        spelling = replace(spelling, calibration=calibration)
        if spelling.precision == "int8":
            check_calibration(model, calibration, uint8=spelling.uint8)
    batch = batch_of(model, spelling.batch, named=names is not None)
    notes: tuple[str, ...] = ()
    try:
        data, sharing = _shared(model, spelling, batch)
    except LoopOfFreeBatch:
        batch, notes = LOOP_BATCH, (LOOP_NOTE,)
        data, sharing = _shared(model, spelling, batch)
    if "int8" in spelling.precision and not is_quantised(data):
        notes = (*notes, NOTHING_QUANTISED)
    if names and image_size(given) and "input_range" not in about(given):
        notes = (*notes, RANGE_TAKEN)
    facts = facts_of(given, names, uint8=spelling.uint8, scores=names is not None)
    data = described(data, model, facts)
    return Built(given, model, spelling, data, sharing, batch, notes)


def _shared(model: "keras.Model", spelling: Spelling, batch: int | None) -> tuple[bytes, Report]:
    """The converted file with each constant once, and how its constants were shared.

    int8 with a scale a channel unless that stores more constants than with one a tensor.
    """
    make = partial(_converted, model, spelling, batch)
    channels = "int8" in spelling.precision and spelling.per_channel is not False
    data, sharing = make(per_channel=channels)
    if channels and spelling.per_channel is None:
        stored = inspect_tflite(data).stored_bytes
        if stored > SLACK * stored_bytes(model, spelling.precision):
            other, its_sharing = make(per_channel=False)
            if stored > SLACK * inspect_tflite(other).stored_bytes:
                data, sharing = other, its_sharing
    return min(data, flatbuffer.write(flatbuffer.read(data)), key=len), sharing


def _converted(
    model: "keras.Model", spelling: Spelling, batch: int | None, *, per_channel: bool
) -> tuple[bytes, Report]:
    data = convert(
        model,
        spelling.precision,
        batch=batch,
        per_channel=per_channel,
        calibration=spelling.calibration,
        uint8=spelling.uint8,
    )
    if spelling.precision == "int8":
        data = integer_inputs(share_tables(data))
    return share_constants(data, prefer=spelling.prefer)
