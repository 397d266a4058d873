"""A `.tflite` file for LiteRT in which every shared weight stands once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo.arguments import checked, count, one_word
from wszoo.checksums import sealed
from wszoo.exporting import gate, parity
from wszoo.exporting.inspect import float_operators, inspect_tflite, is_quantised
from wszoo.exporting.names import by_input
from wszoo.exporting.refusals import standard_error_caught
from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.convert import LoopOfFreeBatch, convert
from wszoo.exporting.tflite.embeddings import share_tables
from wszoo.exporting.tflite.share import PREFER, Report, share_constants

if TYPE_CHECKING:
    import keras

BYTES = {"float32": 4, "float16": 2, "dynamic_int8": 1, "int8": 1}  # a weight
# Largest difference to Keras in units of an output's largest magnitude. For int8 it is a guard
# against nonsense; what int8 costs shows in the task's own metric.
BOUNDS = {"float32": 1e-5, "float16": 1e-2, "dynamic_int8": 0.25, "int8": 0.25}
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


@checked(batch=count, prefer=one_word(*PREFER))
def litert(
    model: "keras.Model",
    path: str | os.PathLike,
    precision: str = "float32",
    *,
    inputs: Mapping[str, Any] | None = None,
    bound: float | None = None,
    metric: gate.Metric | None = None,
    max_loss: float = gate.MAX_LOSS,
    calibration: Mapping[str, Any] | None = None,
    prefer: str = "speed",
    batch: int | None = None,
    per_channel: bool | None = None,
    uint8: bool = False,
) -> LiteRT:
    """Writes `path` and says what it holds. The file appears whole and checked, or not at all.

    The file has the signature `serving_default` with the model's own input and output names. Axes
    that are free in the model are free in the file; its batch dimension is fixed at `batch` where
    that is given, at the model's own where that is fixed, and at 1, with a note, where the
    converter takes a loop such as a GRU's no other way. With `uint8` the file takes uint8 images
    and divides them by 255. A model that computes in other floats than float32 is rebuilt in
    float32 (`wszoo.exporting.float32`). Needs Keras' TensorFlow backend.

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
    from wszoo.exporting.float32 import in_float32, rebuilt_note
    from wszoo.exporting.whole import exportable
    from wszoo.files import written_whole

    check_precision(precision, calibration)
    gate.check_max_loss(max_loss)
    path, given = Path(path), exportable(model)
    model = in_float32(given)
    inputs = None if inputs is None else by_input(model, inputs)
    calibration = by_input(model, calibration) if calibration else None
    if precision == "int8" and calibration:
        _check_calibration(model, calibration, uint8=uint8)
    make = partial(
        _make,
        model,
        precision,
        per_channel=per_channel,
        calibration=calibration,
        prefer=prefer,
        uint8=uint8,
    )
    data, sharing, batch, said = _with_a_batch(make, parity.fixed_batch(model, batch))
    trials = [inputs] if inputs is not None else _trials(model, batch)
    keras_side = partial(gate.keras_side, chosen=inputs is not None, batch=batch)
    compared = [
        (
            keras_side(model, parity.as_floats(arrays) if uint8 else arrays),
            _run(data, parity.as_bytes(arrays) if uint8 else arrays, batch),
        )
        for arrays in trials
    ]
    error = max(parity.relative_error(got, wanted) for wanted, got in compared)
    if bound is None:  # the task's metric says more of int8 than the worst of all outputs
        bound = float("inf") if metric and "int8" in precision else BOUNDS[precision]
    for wanted, _ in compared:
        gate.check_difference(f"the {precision} file of {given.name!r}", wanted, error, bound)
    wanted, got = compared[0]
    if model is not given:
        wanted = keras_side(given, parity.as_floats(trials[0]) if uint8 else trials[0])
        wanted = {name: value.astype(got[name].dtype) for name, value in wanted.items()}
        said.append(rebuilt_note(given, parity.relative_error(got, wanted)))
    scores = None
    if metric is not None:
        examples = max((len(value) for value in trials[0].values() if np.ndim(value)), default=1)
        scores = gate.paired(metric, wanted, got, examples, max_loss)
        gate.check_loss(given.name, precision, scores, max_loss)
        said += gate.notes(scores, max_loss)
    if "int8" in precision and not is_quantised(data):
        said.append(NOTHING_QUANTISED)
    with written_whole(path) as part:
        part.write_bytes(sealed(data))
    return LiteRT(
        path,
        precision,
        stored_bytes(model, precision),
        path.stat().st_size,
        error,
        max(parity.mean_error(got, wanted) for wanted, got in compared),
        sharing,
        (scores.keras, scores.file) if scores else None,
        scores.error if scores else None,
        scores.changed if scores else (),
        float_operators(data) if precision == "int8" else {},
        tuple(said),
    )


def _check_calibration(
    model: "keras.Model", calibration: Mapping[str, Any], *, uint8: bool
) -> None:
    """Raises `ValueError` where the model makes NaN of it, at which the converter would abort."""
    inputs = parity.as_floats(parity.as_bytes(calibration)) if uint8 else calibration
    batch = parity.fixed_batch(model)
    outputs = parity.keras_outputs(model, inputs, batch=batch)
    bad = [name for name, value in outputs.items() if not np.isfinite(value.astype(float)).all()]
    if bad:
        raise ValueError(
            f"{model.name!r} gives NaN or infinity in the outputs {', '.join(bad)} on calibration; "
            "int8 has no numbers for these. Look at its weights, and at the range of calibration"
        )


def _make(
    model: "keras.Model",
    precision: str,
    batch: int | None,
    *,
    per_channel: bool | None,
    calibration: Mapping[str, Any] | None,
    prefer: str,
    uint8: bool,
) -> tuple[bytes, Report]:
    """The converted file with each constant once, and how its constants were shared."""
    make = partial(convert, model, precision, batch=batch, calibration=calibration, uint8=uint8)
    spread = (per_channel,) if per_channel is not None else (True, False)
    converted = [make(per_channel=c) for c in (spread if "int8" in precision else (False,))]
    if precision == "int8":
        converted = [share_tables(data) for data in converted]
    files = [share_constants(data, prefer=prefer) for data in converted]
    data, sharing = files[0] if len(files) == 1 or _shares_as_much(*files) else files[1]
    return min(data, flatbuffer.write(flatbuffer.read(data)), key=len), sharing


def _with_a_batch(
    make: Callable[[int | None], tuple[bytes, Report]], batch: int | None
) -> tuple[bytes, Report, int | None, list[str]]:
    """The file, with a batch of 1 and a note where its loop takes no free batch dimension."""
    try:
        return *make(batch), batch, []
    except LoopOfFreeBatch:
        return *make(LOOP_BATCH), LOOP_BATCH, [LOOP_NOTE]


def _trials(model: "keras.Model", batch: int | None) -> list[dict[str, Any]]:
    """Random inputs; where axes of the model are free, also longer ones if it takes them.

    Of a fixed batch they are two, one after the other, so that a state shows.
    """
    inputs = parity.random_inputs(model, batch or 4)
    if batch:
        more = parity.random_inputs(model, batch, seed=1)
        inputs = {name: np.concatenate([inputs[name], more[name]]) for name in inputs}
    longer = {}
    for (name, value), tensor in zip(inputs.items(), model.inputs, strict=True):
        free = [axis for axis, size in enumerate(tensor.shape) if axis and size is None]
        for axis in free:
            value = np.concatenate([value, value], axis)
        longer[name] = value
    if all(longer[name] is inputs[name] for name in inputs):
        return [inputs]
    try:
        parity.keras_outputs(model, longer, batch=batch)
    except Exception:  # of any kind, from within a layer, such as a table of so many positions
        return [inputs]
    return [inputs, longer]


def _run(data: bytes, inputs: Mapping[str, Any], batch: int | None) -> dict[str, Any]:
    with standard_error_caught():  # the runtime says that it has begun
        return parity.run(data, inputs, batch=batch)


def check_precision(precision: str, calibration: Mapping[str, Any] | None) -> None:
    """Raises `ValueError` for an unknown precision, and for int8 without calibration."""
    if precision not in BYTES:
        raise ValueError(f"precision must be one of {', '.join(BYTES)}; received {precision!r}")
    if precision == "int8" and not (calibration and all(len(x) for x in calibration.values())):
        raise ValueError(
            "int8 measures the ranges of all values on real inputs: give calibration, arrays by "
            "input name, a hundred examples or more; dynamic_int8 needs none"
        )
    for name, values in (calibration or {}).items():
        values = np.asarray(values)
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise ValueError(f"calibration holds NaN or infinity for the input {name!r}")


def _shares_as_much(with_channels: tuple[bytes, Report], without: tuple[bytes, Report]) -> bool:
    """Whether int8 with a scale a channel stores no more constants than with one a tensor."""
    first, second = (inspect_tflite(data).stored_bytes for data, _ in (with_channels, without))
    return first <= 1.01 * second


def stored_bytes(model: "keras.Model", precision: str) -> int:
    """Bytes of the model's float weights, each once, at a precision; other weights as they are."""
    total = 0
    for variable in {id(v): v for v in model.weights}.values():
        total += prod(variable.shape) * (BYTES[precision] if "float" in variable.dtype else 4)
    return total
