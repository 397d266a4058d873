"""How far a `.tflite` file is from its Keras model, and what it costs the task's metric."""

from collections.abc import Mapping
from dataclasses import dataclass
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

    Errors are over all of them; the rest is of the first. Inputs are as Keras takes them.
    """

    built: Built
    inputs: Arrays
    keras: Arrays
    file: Arrays
    max_error: float
    mean_error: float
    notes: tuple[str, ...] = ()

    def scores(self, metric: gate.Metric, max_loss: float) -> gate.Paired:
        """The metric of both. Raises `ValueError` where it loses more than `max_loss`."""
        examples = max((len(x) for x in self.inputs.values() if np.ndim(x)), default=1)
        scores = gate.paired(metric, self.keras, self.file, examples, max_loss)
        gate.check_loss(self.built.given.name, self.built.spelling.precision, scores, max_loss)
        return scores


def compare(built: Built, inputs: Arrays | None, bound: float) -> Comparison:
    """Runs the file and the model that it was made of on `inputs`, random ones by default.

    Raises `ValueError` where Keras itself cannot run on them or gives NaN, and where the two differ
    by more than `bound`.
    """
    model, given, batch = built.model, built.given, built.batch
    trials = of_file = _trials(model, batch) if inputs is None else [inputs]
    if built.spelling.uint8:
        span = parity.input_range(model)
        of_file = [parity.as_bytes(trial, span) for trial in trials]
        trials = [parity.as_floats(trial, span) for trial in trials]
    chosen = inputs is not None
    wanted = [parity.keras_side(model, trial, chosen=chosen, batch=batch) for trial in trials]
    with standard_error_caught():  # the runtime says that it has begun
        got = [parity.run(built.data, trial, batch=batch) for trial in of_file]
    pairs = list(zip(got, wanted, strict=True))
    worst = max(parity.relative_error(*pair) for pair in pairs)
    for outputs in wanted:
        file = f"the {built.spelling.precision} file of {given.name!r}"
        gate.check_difference(file, outputs, worst, bound)
    mean = max(parity.mean_error(*pair) for pair in pairs)
    if model is given:
        return Comparison(built, trials[0], wanted[0], got[0], worst, mean)
    outputs = parity.keras_side(given, trials[0], chosen=chosen, batch=batch)
    original = {name: value.astype(got[0][name].dtype) for name, value in outputs.items()}
    note = rebuilt_note(given, parity.relative_error(got[0], original))
    return Comparison(built, trials[0], original, got[0], worst, mean, (note,))


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
