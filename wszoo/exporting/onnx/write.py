"""An ONNX file in which every shared weight stands once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wszoo.arguments import checked
from wszoo.checksums import sealed
from wszoo.exporting import gate, parity
from wszoo.exporting.names import by_input, output_names
from wszoo.exporting.onnx.convert import convert
from wszoo.exporting.onnx.file import SUM, run, share_initializers
from wszoo.exporting.refusals import does_not_run, standard_error_caught

if TYPE_CHECKING:
    import keras

BOUND = 1e-5  # largest difference to Keras, relative to the largest output


@dataclass(frozen=True)
class Onnx:
    """A file that was written: sizes in bytes, and its distance from the Keras model."""

    path: Path
    stored_bytes: int
    file_bytes: int
    max_error: float
    mean_error: float
    notes: tuple[str, ...] = ()


@checked()
def onnx_file(
    model: "keras.Model",
    path: str | os.PathLike,
    *,
    inputs: Mapping[str, np.ndarray] | None = None,
    bound: float | None = None,
) -> Onnx:
    """Writes `path`, in float32 with a free batch dimension. It appears whole and checked, or not.

    A model that computes in other floats is rebuilt in float32 (`wszoo.exporting.float32`). Inputs
    and outputs bear the names of `wszoo.exporting.names`. The file is run by ONNX Runtime on
    `inputs` (arrays by input name; random ones by default) and compared with Keras.

    Raises:
        ImportError: without the extra `onnx`.
        ValueError: for another backend than TensorFlow, a model that was not built, and a
            difference to Keras above `bound` (1e-5 by default) or outputs that are no numbers, and
            where the converter fails or ONNX Runtime does not run what it made: the error names a
            file with the log.
    """
    from wszoo.exporting.float32 import in_float32, rebuilt_note
    from wszoo.exporting.tflite.precisions import stored_bytes
    from wszoo.exporting.whole import exportable
    from wszoo.files import written_whole

    given = exportable(model)
    model = in_float32(given)
    chosen = inputs is not None
    inputs = by_input(model, inputs) if inputs is not None else parity.random_inputs(model)
    wanted = parity.keras_side(model, inputs, chosen=chosen)
    data = share_initializers(convert(model))
    got = dict(zip(output_names(model), _run_checked(model, data, inputs), strict=True))
    error = parity.relative_error(got, wanted)
    bound = BOUND if bound is None else bound
    gate.check_difference(f"the ONNX file of {given.name!r}", wanted, error, bound)
    notes: tuple[str, ...] = ()
    if model is not given:
        own = parity.keras_side(given, inputs, chosen=chosen)
        notes = (rebuilt_note(given, parity.relative_error(got, own)),)
    path = Path(path)
    with written_whole(path) as part:
        part.write_bytes(sealed(data, SUM, b""))
    mean = parity.mean_error(got, wanted)
    return Onnx(path, stored_bytes(model, "float32"), path.stat().st_size, error, mean, notes)


def _run_checked(
    model: "keras.Model", data: bytes, inputs: Mapping[str, np.ndarray]
) -> list[np.ndarray]:
    """Outputs of the file in ONNX Runtime, or one sentence that it does not run there."""
    with standard_error_caught() as caught:
        try:
            return list(run(data, inputs).values())
        except ImportError:
            raise
        except Exception as error:  # ONNX Runtime's classes of errors have no common one
            raise does_not_run(model, "ONNX Runtime", "tf2onnx", error, caught()) from None
