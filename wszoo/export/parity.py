"""Runs a `.tflite` file and compares it with the Keras model that it came from."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def run(
    data: bytes, inputs: Mapping[str, Any], *, threads: int = 1, batch: int | None = None
) -> dict[str, np.ndarray]:
    """Outputs of a `.tflite` file by name, in an interpreter of its own.

    `inputs` are arrays by the names of the file's one signature, batch first; they are run in
    parts of 64, or of `batch` where the file's batch dimension is fixed. XNNPACK is on, as it is
    by default. Raises `ValueError` if the inputs do not make up whole batches of a fixed size.
    """
    from ai_edge_litert.interpreter import Interpreter

    examples, size = len(next(iter(inputs.values()))), batch or 64
    if batch and examples % batch:
        raise ValueError(f"the file takes {batch} examples at a time; received {examples}")
    runner = Interpreter(model_content=data, num_threads=threads).get_signature_runner()
    parts = []
    for start in range(0, examples, size):
        part = {name: value[start : start + size] for name, value in inputs.items()}
        # A copy: what the runner gives back lies in the interpreter's own memory.
        parts.append({name: np.array(value) for name, value in runner(**part).items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def as_bytes(inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Images in [0, 1] as uint8; uint8 ones as they are."""
    return {
        name: value if value.dtype == np.uint8 else np.round(255 * value).astype(np.uint8)
        for name, value in ((name, np.asarray(value)) for name, value in inputs.items())
    }


def as_floats(inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """What a file that takes uint8 images makes of them: float32 in steps of 1/255."""
    return {name: (value / 255).astype("float32") for name, value in as_bytes(inputs).items()}


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

    arrays = [np.asarray(inputs[tensor._keras_history.operation.name]) for tensor in model.inputs]
    whole = keras.Model(model.inputs, model.outputs)
    parts = []
    for start in range(0, len(arrays[0]), 256):
        part = [keras.ops.convert_to_tensor(array[start : start + 256]) for array in arrays]
        values = keras.tree.flatten(whole(part, training=False))
        parts.append([keras.ops.convert_to_numpy(value) for value in values])
    joined = [np.concatenate(values) for values in zip(*parts, strict=True)]
    return dict(zip(output_names(model), joined, strict=True))


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


def mean_error(got: Mapping[str, Any], wanted: Mapping[str, Any]) -> float:
    """The mean difference, in the same units, of the output in which it is largest."""
    errors = [0.0]
    for name, want in wanted.items():
        want = np.asarray(want, float)
        scale = max(float(np.abs(want).max(initial=0.0)), 1e-30)
        errors.append(float(np.abs(want - np.asarray(got[name], float)).mean()) / scale)
    return max(errors)


def _is_table(layer: Any) -> bool:
    import keras

    return isinstance(layer, keras.layers.Embedding) and layer.input_dim is not None
