"""The precisions of a `.tflite` file: bytes of a weight, and how far outputs may be from Keras."""

from collections.abc import Mapping
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting import parity

if TYPE_CHECKING:
    import keras

BYTES = {"float32": 4, "float16": 2, "dynamic_int8": 1, "int8": 1}  # a weight
# Largest difference to Keras in units of an output's largest magnitude. For int8 it is a guard
# against nonsense; what int8 costs shows in the task's own metric.
BOUNDS = {"float32": 1e-5, "float16": 1e-2, "dynamic_int8": 0.25, "int8": 0.25}


def check_precision(precision: str, calibration: Mapping[str, np.ndarray] | None) -> None:
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


def check_calibration(
    model: "keras.Model", calibration: Mapping[str, np.ndarray], *, uint8: bool
) -> None:
    """Raises `ValueError` where the model makes NaN of it, at which the converter would abort."""
    inputs = calibration
    if uint8:
        inputs = parity.as_floats(calibration, parity.input_range(model))
    batch = parity.fixed_batch(model)
    outputs = parity.keras_outputs(model, inputs, batch=batch)
    bad = [name for name, value in outputs.items() if not np.isfinite(value.astype(float)).all()]
    if bad:
        raise ValueError(
            f"{model.name!r} gives NaN or infinity in the outputs {', '.join(bad)} on calibration; "
            "int8 has no numbers for these. Look at its weights, and at the range of calibration"
        )


def stored_bytes(model: "keras.Model", precision: str) -> int:
    """Bytes of the model's float weights, each once, at a precision; other weights as they are."""
    total = 0
    for variable in {id(v): v for v in model.weights}.values():
        total += prod(variable.shape) * (BYTES[precision] if "float" in variable.dtype else 4)
    return total
