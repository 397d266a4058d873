"""Inputs at random that every layer of a model takes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wszoo import private
from wszoo.exporting.names import input_names
from wszoo.exporting.parity.runs import input_range

if TYPE_CHECKING:
    import keras


def random_inputs(model: "keras.Model", batch: int = 4, seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs for a functional model by name: floats in the range that it takes, [0, 1) by default,
    token ids below every vocabulary, words of the lookup layers that read them.

    Axes of unknown length get the least length, of some powers of two, at which every layer gives
    something: at least 8, of images 32. A batch that the model fixes stays.
    """
    rng = np.random.default_rng(seed)
    layers = private.parts_of(model)
    vocabularies = [layer.input_dim for layer in layers if _is_table(layer)]
    shapes = _shapes(model, batch)
    low, high = input_range(model)
    inputs: dict[str, np.ndarray] = {}
    for name, tensor, shape in zip(input_names(model), model.inputs, shapes, strict=True):
        words = _words(model, tensor)
        if words:
            chosen = rng.choice(np.array(words), shape)
            inputs[name] = chosen if tensor.dtype == "string" else chosen.astype(tensor.dtype)
        elif "int" in tensor.dtype:
            inputs[name] = rng.integers(0, min(vocabularies, default=2), shape).astype(tensor.dtype)
        elif tensor.dtype == "bool":
            inputs[name] = rng.random(shape) < 0.5
        else:
            inputs[name] = (low + rng.random(shape) * (high - low)).astype(_in_numpy(tensor.dtype))
    return inputs


def _shapes(model: "keras.Model", batch: int) -> list[tuple[int, ...]]:
    """A shape for each input."""
    rank = max((len(tensor.shape) for tensor in model.inputs), default=0)
    free = any(n is None for tensor in model.inputs for n in tensor.shape[1:])
    for length in (8, 16, 32, 64, 128, 256, 512) if free else (8,):
        shapes = [
            (tensor.shape[0] or batch, *(n or length for n in tensor.shape[1:]))
            if tensor.shape
            else ()
            for tensor in model.inputs
        ]
        large_enough = length >= (32 if rank > 3 else 8)
        if not free or (large_enough and _every_layer_gives(model, shapes)):
            break
    return shapes


def _every_layer_gives(model: "keras.Model", shapes: Sequence[tuple[int, ...]]) -> bool:
    """Whether no layer of the graph refuses these shapes, or is left without values."""
    import keras

    from wszoo.sharing.calls import all_calls

    tensors = [tensor for call in all_calls(model, nested=False) for tensor in call.outputs]
    given = [keras.KerasTensor(s, t.dtype) for s, t in zip(shapes, model.inputs, strict=True)]
    try:
        results = keras.Model(model.inputs, tensors, name="m").compute_output_spec(given)
    except Exception:  # of any kind: it comes from within a layer
        return False
    return all(n != 0 for result in keras.tree.flatten(results) for n in result.shape)


def _words(model: "keras.Model", tensor: "keras.KerasTensor") -> list[str] | list[int]:
    """What a lookup layer that reads this input knows; some words for another input of texts."""
    from wszoo.sharing.calls import all_calls

    texts = tensor.dtype == "string"
    for node in all_calls(model, nested=False):
        if any(tensor is read for read in node.input_tensors):
            layer = node.operation
            if hasattr(layer, "get_vocabulary") and not getattr(layer, "invert", False):
                words = list(layer.get_vocabulary(include_special_tokens=False))
                if words and isinstance(words[0], str) == texts:
                    return words[:100]
    return ["one", "two", "three", "one two"] if texts else []


def _in_numpy(dtype: str) -> str:
    return "float32" if dtype == "bfloat16" or dtype.startswith("float8") else dtype


def _is_table(layer: "keras.Layer") -> bool:
    import keras

    return isinstance(layer, keras.layers.Embedding) and layer.input_dim is not None
