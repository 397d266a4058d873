"""A `.tflite` file for LiteRT in which every shared weight stands once."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wszoo.arguments import checked, one_word
from wszoo.checksums import sealed
from wszoo.exporting import gate
from wszoo.exporting.inspect import float_operators
from wszoo.exporting.names import by_input
from wszoo.exporting.tflite.batch import batch_size
from wszoo.exporting.tflite.precisions import (
    BOUNDS,
    check_precision,
    stored_bytes,
)
from wszoo.exporting.tflite.share import PREFER, Report

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class LiteRT:
    """An exported file: its path, sizes in bytes, and its distance from the Keras model.

    `stored_bytes` are the model's weights, each once, at the file's precision; `ratio` is
    `file_bytes ÷ stored_bytes`, graph and metadata included. Errors are relative to the largest
    magnitude of an output. `metric` is the task's metric of Keras and of the file, where one was
    asked for, `metric_error` the standard error of their difference where it is known, `changed`
    the examples whose score it changed by more than a point. `float_ops` counts, for full int8, the
    operators that work on floats, by name. `notes` say what was done that was not asked for.
    """

    path: Path
    precision: str
    stored_bytes: int
    file_bytes: int
    max_error: float
    mean_error: float
    sharing: Report
    metric: tuple[float, float] | None = None
    metric_error: float | None = None
    changed: tuple[int, ...] = ()
    float_ops: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """Bytes of constants in the file ÷ stored bytes of the model."""
        return self.file_bytes / max(self.stored_bytes, 1)


@checked(batch=batch_size, prefer=one_word(*PREFER))
def litert(
    model: "keras.Model",
    path: str | os.PathLike,
    precision: str = "float32",
    *,
    inputs: Mapping[str, np.ndarray] | None = None,
    bound: float | None = None,
    metric: gate.Metric | None = None,
    max_loss: float = gate.MAX_LOSS,
    calibration: Mapping[str, np.ndarray] | None = None,
    prefer: str = "speed",
    batch: int | str | None = None,
    per_channel: bool | None = None,
    labels: Sequence[str] | None = None,
    uint8: bool = False,
) -> LiteRT:
    """Writes `path` and says what it holds. The file appears whole and checked, or not at all.

    The file has the signature `serving_default` with the model's own input and output names. Axes
    that are free in the model are free in the file; its batch dimension is fixed at `batch` where
    that is given, at the model's own where that is fixed, at 1 for a classifier of images with
    class names unless `batch="free"`, and at 1, with a note, where the converter takes a loop such
    as a GRU's no other way. With `uint8` it takes uint8 images and brings them to the model's
    range. A model that computes in other floats than float32 is rebuilt in float32
    (`wszoo.exporting.float32`). Needs Keras' TensorFlow backend.

    What the model means goes with it, as standard metadata for the task libraries of Android and
    MediaPipe, and as the files `wszoo.json` and `labels.txt` in a zip at the end of the file (see
    `wszoo.exporting.facts`). With class names, `labels` or those that it knows of itself, the file
    gives each class's probability, named `scores`.

    The file is run in an interpreter of its own on `inputs` (arrays by input name, as the model
    takes them; random ones by default, of two sizes where axes are free) and compared with Keras.
    `metric` scores the outputs of both: arrays by output name → one score an example, or one
    number, where more is better (see `wszoo.exporting.gate`).

    `dynamic_int8` stores weights as int8 and quantises activations as they come. `int8` also keeps
    the values between operators in int8, with ranges measured on `calibration`: arrays by input
    name, a hundred real examples or more. Inputs and outputs stay float32, and so do operators
    without an int8 form.

    A kernel and its transpose have other channels, so only with one scale a tensor can they be one
    constant; with `per_channel=None` int8 weights get a scale a channel if every weight still
    stands once, and else one a tensor. A scale takes 12 bytes; without one a channel, depthwise
    convolutions can lose all sense.

    Raises:
        ValueError: for an unknown precision, int8 without calibration, another backend, a model
            without a graph, a `batch` that is not the model's own, a difference to Keras above
            `bound` (by default that of `BOUNDS`; none for int8 with a metric) or outputs that are
            no numbers, a metric that loses more than `max_loss` beyond its error, and where the
            converter fails: the error names the operators that LiteRT lacks and a file with the
            converter's log.
    """
    from wszoo.exporting.tflite.build import Spelling, build
    from wszoo.exporting.tflite.compare import compare
    from wszoo.exporting.whole import exportable
    from wszoo.files import written_whole

    check_precision(precision, calibration)
    gate.check_max_loss(max_loss)
    path, model = Path(path), exportable(model)
    inputs = None if inputs is None else by_input(model, inputs)
    spelling = Spelling(precision, per_channel, calibration, prefer, batch, labels, uint8)
    built = build(model, spelling)
    if bound is None:  # the task's metric says more of int8 than the worst of all outputs
        bound = float("inf") if metric and "int8" in precision else BOUNDS[precision]
    compared = compare(built, inputs, bound)
    scores = None if metric is None else compared.scores(metric, max_loss)
    with written_whole(path) as part:
        part.write_bytes(sealed(built.data))
    return LiteRT(
        path,
        precision,
        stored_bytes(model, precision),
        path.stat().st_size,
        compared.max_error,
        compared.mean_error,
        built.sharing,
        (scores.keras, scores.file) if scores else None,
        scores.error if scores else None,
        scores.changed if scores else (),
        float_operators(built.data) if precision == "int8" else {},
        (*built.notes, *compared.notes, *(gate.notes(scores, max_loss) if scores else ())),
    )
