"""A `.tflite` file for LiteRT in which every shared weight stands once."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wszoo.export import flatbuffer, parity
from wszoo.export.convert import convert
from wszoo.export.inspect import float_operators, inspect_tflite
from wszoo.export.share_constants import Report, share_constants
from wszoo.export.tables import share_tables

if TYPE_CHECKING:
    import keras

BYTES = {"float32": 4, "float16": 2, "dynamic_int8": 1, "int8": 1}  # a weight
# Largest difference to Keras in units of an output's largest magnitude. For int8 it is a guard
# against nonsense; what int8 costs shows in the task's own metric.
BOUNDS = {"float32": 1e-5, "float16": 1e-2, "dynamic_int8": 0.25, "int8": 0.25}
METRIC_BOUND = 0.01  # largest change of the task's metric

Outputs = Mapping[str, Any]  # arrays by output name


@dataclass(frozen=True)
class LiteRT:
    """An exported file: its path, sizes in bytes, and its distance from the Keras model.

    `stored_bytes` are the model's weights, each once, at the file's precision; `ratio` is
    `file_bytes ÷ stored_bytes`, graph and metadata included. Errors are relative to the largest
    magnitude of an output. `metric` is the task's metric of Keras and of the file, where one was
    asked for. `float_ops` counts, for full int8, the operators that work on floats, by name.
    """

    path: Path
    precision: str
    stored_bytes: int
    file_bytes: int
    max_error: float
    mean_error: float
    sharing: Report
    metric: tuple[float, float] | None = None
    float_ops: Mapping[str, int] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return self.file_bytes / max(self.stored_bytes, 1)


def litert(
    model: "keras.Model",
    path: str | os.PathLike,
    precision: str = "float32",
    *,
    inputs: Mapping[str, Any] | None = None,
    bound: float | None = None,
    metric: Callable[[Outputs], float] | None = None,
    calibration: Mapping[str, Any] | None = None,
    prefer: str = "speed",
    batch: int | None = None,
    per_channel: bool | None = None,
    uint8: bool = False,
) -> LiteRT:
    """Writes `path` and says what it holds. The file appears whole and checked, or not at all.

    The file has the signature `serving_default` with the model's own input and output names and a
    free batch dimension, or a fixed one with `batch`, which the converter needs for loops such as
    those of a GRU. With `uint8` it takes uint8 images and divides them by 255. Needs Keras'
    TensorFlow backend.

    The file is run in an interpreter of its own on `inputs` (arrays by input name, as the model
    takes them; random ones by default) and compared with Keras; `metric` scores the outputs of
    both.

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
            without a graph, a difference to Keras above `bound` (by default that of `BOUNDS`; none
            for int8 with a metric), and a metric that changes by more than `METRIC_BOUND`; it says
            by how much.
    """
    from wszoo.sharing.files import written_whole
    from wszoo.sharing.graph import as_functional

    check_precision(precision, calibration)
    model = as_functional(model)
    make = partial(convert, model, precision, batch=batch, calibration=calibration, uint8=uint8)
    spread = (per_channel,) if per_channel is not None else (True, False)
    converted = [make(per_channel=c) for c in (spread if "int8" in precision else (False,))]
    if precision == "int8":
        converted = [share_tables(data) for data in converted]
    files = [share_constants(data, prefer=prefer) for data in converted]
    data, sharing = files[0] if len(files) == 1 or _shares_as_much(*files) else files[1]
    data = min(data, flatbuffer.write(flatbuffer.read(data)), key=len)
    inputs = parity.random_inputs(model, batch or 4) if inputs is None else inputs
    wanted = parity.keras_outputs(model, parity.as_floats(inputs) if uint8 else inputs)
    got = parity.run(data, parity.as_bytes(inputs) if uint8 else inputs, batch=batch)
    scores = None if metric is None else (float(metric(wanted)), float(metric(got)))
    error = parity.relative_error(got, wanted)
    if bound is None:  # the task's metric says more of int8 than the worst of all outputs
        bound = float("inf") if scores and "int8" in precision else BOUNDS[precision]
    _check(model.name, precision, error, bound, scores)
    path = Path(path)
    with written_whole(path) as part:
        part.write_bytes(data)
    return LiteRT(
        path,
        precision,
        stored_bytes(model, precision),
        len(data),
        error,
        parity.mean_error(got, wanted),
        sharing,
        scores,
        float_operators(data) if precision == "int8" else {},
    )


def check_precision(precision: str, calibration: Mapping[str, Any] | None) -> None:
    """Raises `ValueError` for an unknown precision, and for int8 without calibration."""
    if precision not in BYTES:
        raise ValueError(f"precision must be one of {', '.join(BYTES)}; received {precision!r}")
    if precision == "int8" and not (calibration and all(len(x) for x in calibration.values())):
        raise ValueError(
            "int8 measures the ranges of all values on real inputs: give calibration, arrays by "
            "input name, a hundred examples or more; dynamic_int8 needs none"
        )


def _shares_as_much(with_channels: tuple[bytes, Report], without: tuple[bytes, Report]) -> bool:
    """Whether int8 with a scale a channel stores no more constants than with one a tensor."""
    first, second = (inspect_tflite(data).stored_bytes for data, _ in (with_channels, without))
    return first <= 1.01 * second


def _check(
    name: str, precision: str, error: float, bound: float, scores: tuple[float, float] | None
) -> None:
    if not error <= bound:
        raise ValueError(
            f"the {precision} file of {name!r} differs from Keras by {error:.2g} of the largest "
            f"output; the bound is {bound:.2g}. Nothing was written"
        )
    if scores is not None and not abs(scores[1] - scores[0]) <= METRIC_BOUND:
        raise ValueError(
            f"the metric of {name!r} is {scores[0]:.4f} in Keras and {scores[1]:.4f} in the "
            f"{precision} file; the bound is {METRIC_BOUND}. Nothing was written"
        )


def stored_bytes(model: Any, precision: str) -> int:
    """Bytes of the model's float weights, each once, at a precision; other weights as they are."""
    total = 0
    for variable in {id(v): v for v in model.weights}.values():
        total += prod(variable.shape) * (BYTES[precision] if "float" in variable.dtype else 4)
    return total
