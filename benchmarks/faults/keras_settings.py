"""Keras' global settings: shipped weights give their numbers, or are refused, under each of them.

A setting that must change nothing changes no bit. A dtype policy costs its rounding: at most so
much of the largest output, else the model is silently different.
"""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults import result

# Setting → (the call that makes it, the largest difference).
SETTINGS = {
    "image_data_format channels_first": ("set_image_data_format", "channels_first", 0.0),
    "floatx float16": ("set_floatx", "float16", 0.0),
    "floatx float64": ("set_floatx", "float64", 0.0),
    "epsilon 0.01": ("set_epsilon", 1e-2, 0.0),
    "policy float64": ("set_dtype_policy", "float64", 2e-6),
    "policy mixed_float16": ("set_dtype_policy", "mixed_float16", 5e-3),
    "policy mixed_bfloat16": ("set_dtype_policy", "mixed_bfloat16", 3e-2),
    "policy bfloat16": ("set_dtype_policy", "bfloat16", 3e-2),
    "policy int8_from_float32": ("set_dtype_policy", "int8_from_float32", 0.0),
}
SHORT = ("tied_ae.digits", "conv_net.mnist")


def run(folder: Path, *, seed: int, short: bool) -> dict:
    import keras

    from wszoo import registry, weights

    tags = [f"{name}.{tag}" for name in registry.list_models() for tag in weights.tags(name)]
    tags = [tag for tag in tags if not short or tag in SHORT]
    keras.config.set_dtype_policy("float32")
    examples = {tag: _numbers(tag, seed) for tag in tags}
    rows = [_under(setting, examples) for setting in SETTINGS]
    return result(
        sum(row["tried"] for row in rows), rows, different=sum(row["different"] for row in rows)
    )


def _under(setting: str, examples: dict[str, Any]) -> dict[str, Any]:
    import keras

    call, value, bound = SETTINGS[setting]
    row = {"setting": setting, "tried": len(examples), "equal": 0, "within rounding": 0}
    row |= {"refused": 0, "different": 0, "largest difference": 0.0}
    before = keras.config.dtype_policy()
    try:
        getattr(keras.config, call)(value)
        for tag, (x, wanted) in examples.items():
            error = _error(tag, x, wanted)
            if error is None:
                row["refused"] += 1
                continue
            row["largest difference"] = max(row["largest difference"], error)
            how = "equal" if error == 0 else "within rounding" if error <= bound else "different"
            row[how] += 1
    finally:
        keras.config.set_image_data_format("channels_last")
        keras.config.set_floatx("float32")
        keras.config.set_epsilon(1e-7)
        keras.config.set_dtype_policy(before)
    return row


def _error(tag: str, x: np.ndarray, wanted: np.ndarray) -> float | None:
    """The largest difference relative to the largest output; `None` where the model is refused."""
    import wszoo

    try:
        outputs = _outputs(wszoo.get(tag), x)
    except ValueError:
        return None
    return float(np.abs(outputs - wanted).max() / np.abs(wanted).max())


def _numbers(tag: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    import wszoo

    model = wszoo.get(tag)
    (given,) = model.inputs
    shape = (4, *(size or 8 for size in given.shape[1:]))
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 10, shape) if "int" in given.dtype else rng.random(shape, dtype="float32")
    return x, _outputs(model, x)


def _outputs(model: Any, x: np.ndarray) -> np.ndarray:
    import keras

    return np.asarray(keras.ops.convert_to_numpy(model(x)), "float64")
