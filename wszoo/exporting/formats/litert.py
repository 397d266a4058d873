"""LiteRT, TensorFlow Lite's successor: a `.tflite` file."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting import gate
from wszoo.exporting.facts import labels_of
from wszoo.exporting.formats.format import exported, register
from wszoo.exporting.inspect import inspect_tflite
from wszoo.exporting.report import Exported
from wszoo.exporting.tflite.precisions import check_precision

if TYPE_CHECKING:
    import keras


def _check(
    model: "keras.Model",
    *,
    precision: str = "float32",
    calibration: Mapping[str, np.ndarray] | None = None,
    labels: Sequence[str] | None = None,
    **_: object,
) -> None:
    check_precision(precision, calibration)
    labels_of(model, labels)


@register(suffix=".tflite", inspect=inspect_tflite, check=_check)
def litert(
    model: "keras.Model",
    folder: Path,
    *,
    precision: str = "float32",
    inputs: Mapping[str, np.ndarray] | None = None,
    bound: float | None = None,
    metric: gate.Metric | None = None,
    max_loss: float = gate.MAX_LOSS,
    calibration: Mapping[str, np.ndarray] | None = None,
    signature_batch: int | str | None = None,
    prefer: str = "speed",
    labels: Sequence[str] | None = None,
    uint8: bool = False,
) -> Exported:
    """A .tflite file for phones, browsers and small machines."""
    from wszoo.exporting.tflite.write import litert as write

    written = write(
        model,
        folder / f"{model.name}.{precision}.tflite",
        precision,
        inputs=inputs,
        bound=bound,
        metric=metric,
        max_loss=max_loss,
        calibration=calibration,
        prefer=prefer,
        batch=signature_batch,
        labels=labels,
        uint8=uint8,
    )
    return replace(
        exported("litert", written, precision, written.notes),
        metric=written.metric,
        metric_error=written.metric_error,
        changed=written.changed,
        float_ops=written.float_ops,
    )
