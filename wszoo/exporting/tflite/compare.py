"""How far a `.tflite` file is from its Keras model, and what it costs the task's metric."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting import gate, parity
from wszoo.exporting.float32 import rebuilt_note
from wszoo.exporting.refusals import standard_error_caught
from wszoo.exporting.tflite.build import Built

if TYPE_CHECKING:
    import keras

Arrays = Mapping[str, np.ndarray]  # by input or output name


@dataclass(frozen=True)
class Comparison:
    """Keras and a file on the same inputs, of which there may be two kinds, such as two lengths.

    Errors are over all of them; the rest is of the first.
    """

    inputs: Arrays
    keras: Arrays
    file: Arrays
    max_error: float
    mean_error: float


def compare(
    model: "keras.Model",
    built: Built,
    inputs: Arrays | None,
    *,
    uint8: bool,
    file: str,
    bound: float,
) -> Comparison:
    """Runs the file and the model that it was made of on `inputs`, random ones by default.

    Raises `ValueError`, which calls the file `file`, where Keras itself cannot run on them or
    gives NaN, and where the two differ by more than `bound`.
    """
    trials = _trials(model, built.batch) if inputs is None else [inputs]
    wanted = [
        parity.keras_side(
            model,
            parity.as_floats(trial) if uint8 else trial,
            chosen=inputs is not None,
            batch=built.batch,
        )
        for trial in trials
    ]
    with standard_error_caught():  # the runtime says that it has begun
        got = [
            parity.run(built.data, parity.as_bytes(trial) if uint8 else trial, batch=built.batch)
            for trial in trials
        ]
    pairs = list(zip(got, wanted, strict=True))
    worst = max(parity.relative_error(*pair) for pair in pairs)
    for outputs in wanted:
        gate.check_difference(file, outputs, worst, bound)
    mean = max(parity.mean_error(*pair) for pair in pairs)
    return Comparison(trials[0], wanted[0], got[0], worst, mean)


def with_original(
    given: "keras.Model", compared: Comparison, built: Built, *, chosen: bool, uint8: bool
) -> tuple[Comparison, str]:
    """The same with the outputs of the model that was rebuilt in float32, and a note on how far
    they are from the file's. `chosen` says whether the inputs are the caller's."""
    inputs = parity.as_floats(compared.inputs) if uint8 else compared.inputs
    outputs = parity.keras_side(given, inputs, chosen=chosen, batch=built.batch)
    wanted = {name: value.astype(compared.file[name].dtype) for name, value in outputs.items()}
    note = rebuilt_note(given, parity.relative_error(compared.file, wanted))
    return replace(compared, keras=wanted), note


def _trials(model: "keras.Model", batch: int | None) -> list[dict[str, np.ndarray]]:
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
