"""Runs a `.tflite` file and compares it with the Keras model that it came from."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def run(data: bytes, inputs: Mapping[str, Any], threads: int = 1) -> dict[str, np.ndarray]:
    """Outputs of a `.tflite` file by name, in a fresh interpreter.

    `inputs` are arrays by the names of the file's one signature, batch first. XNNPACK is on, as it
    is by default.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=data, num_threads=threads)
    runner = interpreter.get_signature_runner()
    # A copy: what the runner gives back lies in the interpreter's own memory.
    return {name: np.array(value) for name, value in runner(**inputs).items()}


def random_inputs(model: Any, batch: int = 4, seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs for a functional model by name: floats in [0, 1), token ids below every vocabulary.

    Axes of unknown length get the length 8.
    """
    rng = np.random.default_rng(seed)
    vocabularies = [layer.input_dim for layer in model.layers if _is_table(layer)]
    inputs: dict[str, np.ndarray] = {}
    for tensor in model.inputs:
        shape = (batch, *(8 if n is None else n for n in tensor.shape[1:]))
        name = tensor._keras_history.operation.name
        if "int" in tensor.dtype:
            inputs[name] = rng.integers(0, min(vocabularies, default=2), shape).astype(tensor.dtype)
        else:
            inputs[name] = rng.random(shape).astype(tensor.dtype)
    return inputs


def keras_outputs(model: Any, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Outputs of a functional model by the names that an exported signature gives them."""
    import keras

    from wszoo.export.saved_model import output_names

    arrays = [inputs[tensor._keras_history.operation.name] for tensor in model.inputs]
    whole = keras.Model(model.inputs, model.outputs)
    values = whole([keras.ops.convert_to_tensor(array) for array in arrays], training=False)
    values = keras.tree.flatten(values)
    return {
        name: keras.ops.convert_to_numpy(value)
        for name, value in zip(output_names(model), values, strict=True)
    }


def relative_error(got: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    """The largest difference, over all outputs, in units of that output's largest magnitude.

    Infinite where a name or a shape differs, or a value is not finite where it should be.
    """
    if set(got) != set(wanted):
        return float("inf")
    errors = []
    for name, want in wanted.items():
        want, have = np.asarray(want, float), np.asarray(got[name], float)
        if want.shape != have.shape or not np.isfinite(have).all():
            return float("inf")
        scale = max(float(np.abs(want).max(initial=0.0)), 1e-30)
        errors.append(float(np.abs(want - have).max(initial=0.0)) / scale)
    return max(errors, default=0.0)


def _is_table(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.layers.Embedding) and layer.input_dim is not None
