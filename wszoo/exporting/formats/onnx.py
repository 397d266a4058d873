"""ONNX, which ONNX Runtime and many others read."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting.formats.format import exported, register
from wszoo.exporting.onnx.file import inspect_onnx
from wszoo.exporting.report import Exported

if TYPE_CHECKING:
    import keras


@register(suffix=".onnx", inspect=inspect_onnx)
def onnx(
    model: "keras.Model",
    folder: Path,
    *,
    inputs: Mapping[str, np.ndarray] | None = None,
    bound: float | None = None,
) -> Exported:
    """An .onnx file for ONNX Runtime, in float32; needs the extra onnx."""
    from wszoo.exporting.onnx.write import onnx_file

    written = onnx_file(model, folder / f"{model.name}.onnx", inputs=inputs, bound=bound)
    return exported("onnx", written, notes=written.notes)
