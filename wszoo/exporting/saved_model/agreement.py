"""Whether a SavedModel gives what its Keras model gives, in a process that knows neither."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wszoo import private
from wszoo.exporting import gate, parity
from wszoo.exporting.names import by_input
from wszoo.exporting.saved_model import checker

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

# Largest difference to Keras, in units of an output's largest magnitude, by the coarsest numbers
# that the model computes in: TensorFlow fuses operators of a graph, and so rounds elsewhere.
BOUNDS = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 1e-1, "quantized": 1e-1}
EXAMPLES = 4

Arrays = Mapping[str, np.ndarray]  # by input or output name


@dataclass(frozen=True)
class Wanted:
    """What a signature should give, call by call; both sides are compared after `view`."""

    outputs: Sequence[Arrays]
    view: Callable[[Arrays], Arrays] = dict


def examples(model: "keras.Model", inputs: Arrays | None) -> list[dict[str, np.ndarray]]:
    """Arrays by input name at two batch sizes, at one where the model fixes it.

    They are the first of `inputs`, repeated where there are too few, or random.
    """
    given = parity.random_inputs(model, EXAMPLES) if inputs is None else by_input(model, inputs)
    given = {name: np.asarray(value) for name, value in given.items()}
    number = max((len(value) for value in given.values() if value.ndim), default=1)
    fixed = parity.fixed_batch(model)
    sizes = [fixed] if fixed else [min(number, EXAMPLES), 2 if number == 1 else 1]
    return [
        {
            name: np.resize(value, (size, *value.shape[1:]))
            if value.ndim and len(value) == number
            else value
            for name, value in given.items()
        }
        for size in sizes
    ]


class KerasCalls:
    """Calls of a Keras model on a few examples, as the file that is made of it is called too."""

    def __init__(
        self, model: "keras.Model", module: "tf.Module", inputs: Arrays | None, *, uint8: bool
    ) -> None:
        """`module` is what is saved; with `uint8` the file takes images as bytes."""
        self.model = model
        self.chosen = inputs is not None
        self.uint8 = uint8
        self.calls, self.range = examples(model, inputs), parity.input_range(model)
        if uint8:
            self.calls = [parity.as_floats(call, self.range) for call in self.calls]
        held = {id(variable.value) for variable in model.variables}
        used = module.serve.get_concrete_function().variables
        self.states = [variable for variable in used if id(variable) not in held]

    @property
    def for_the_file(self) -> list[Arrays]:
        """The inputs of every call, as the file takes them: arrays by input name."""
        return [parity.as_bytes(call, self.range) if self.uint8 else call for call in self.calls]

    def run(self) -> list[dict[str, np.ndarray]]:
        """Outputs of each call, one after the other; the model is left in the state it had.

        A second batch size that Keras itself cannot take is left out from then on. Raises
        `ValueError` where Keras cannot run the first.
        """
        import keras

        before = [variable.numpy() for variable in self.states]  # of those that Keras cannot hold
        scope, outputs = keras.StatelessScope(), []
        try:
            for call in self.calls:
                outputs.append(parity.keras_outputs(self.model, call, scope))
        except Exception as error:  # of any kind: it comes from within a layer
            if not outputs:
                which = "the inputs given" if self.chosen else "random inputs"
                raise ValueError(
                    f"{self.model.name!r} cannot run on {which}, so that no file of it can be "
                    f"checked. Give `inputs`, arrays by input name that it takes: {error}"
                ) from error
            self.calls = self.calls[: len(outputs)]
        finally:
            for variable, value in zip(self.states, before, strict=True):
                variable.assign(value)
        return outputs

    def repeats(self, outputs: Sequence[Arrays], bound: float) -> bool:
        """Whether Keras gives these outputs again. A model that draws at random does not."""
        pairs = zip(self.run(), outputs, strict=True)
        return all(parity.relative_error(again, first) <= bound for again, first in pairs)


def check(
    keras_calls: KerasCalls,
    folder: str | os.PathLike,
    signatures: Mapping[str, Wanted],
    bound: float | None = None,
) -> tuple[float | None, float | None]:
    """The largest and the mean difference of a SavedModel to Keras, over all calls and signatures.

    `None` each for a model that does not give the same twice in Keras either. Raises `ValueError`
    where the SavedModel cannot be loaded, has other outputs, or differs by more than `bound`, by
    default that of `BOUNDS`.
    """
    model = keras_calls.model
    bound = BOUNDS[_coarsest(model)] if bound is None else bound
    for given in (outputs for wanted in signatures.values() for outputs in wanted.outputs):
        gate.check_some_numbers(f"the SavedModel of {model.name!r}", given)
    worst = mean = 0.0
    for signature, wanted in signatures.items():
        try:
            runs = checker.outputs(folder, signature, keras_calls.for_the_file)
        except checker.Refused as error:
            raise ValueError(
                f"the SavedModel of {model.name!r} cannot be used: {error}. Nothing was written; "
                "a layer that runs Python or files of this process has to do without them"
            ) from error
        for loader, outputs in runs.items():
            where = f"the signature {signature!r} of {model.name!r}, loaded by {loader},"
            for got, want in zip(outputs, wanted.outputs, strict=True):
                if words := parity.outputs_that_differ(got, want):
                    raise ValueError(
                        f"{where} has {words}. Nothing was written; a layer computes something "
                        "else in a graph than in Keras"
                    )
                pair = wanted.view(got), wanted.view(want)
                worst = max(worst, parity.relative_error(*pair))
                mean = max(mean, parity.mean_error(*pair))
            if not worst <= bound:
                if not keras_calls.repeats(signatures["serving_default"].outputs, bound):
                    return None, None
                raise ValueError(
                    f"{where} differs from Keras by {worst:.2g} of the largest output, more than "
                    f"bound={bound:.2g}. Nothing was written"
                )
    return worst, mean


def _coarsest(model: "keras.Model") -> str:
    """The numbers that the model computes in, the coarsest: a key of `BOUNDS`."""
    kinds = {"float32"}
    for layer in private.parts_of(model):
        quantized = getattr(layer.dtype_policy, "quantization_mode", None)
        kinds |= {layer.compute_dtype, "quantized" if quantized else "float32"}
    return max(kinds & set(BOUNDS), key=lambda kind: BOUNDS[kind])
