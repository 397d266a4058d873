"""What a layer holds: its variables in one order, and its state as it writes it itself.

Keras' layers write themselves by `save_own_variables` and `save_assets`. That includes what `adapt`
learnt (vocabularies, document frequencies), which no variable holds, and their readers derive again
what a layer keeps beside its variables.
"""

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from wszoo import private


@dataclass(frozen=True)
class OwnState:
    """The state of one layer without its sublayers, as the layer writes it."""

    values: dict[str, np.ndarray]
    assets: dict[str, bytes]  # path in the layer's folder → what is in the file

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, OwnState) or set(self.values) != set(other.values):
            return False
        same = (identical(value, other.values[key]) for key, value in self.values.items())
        return self.assets == other.assets and all(same)


def parts(layer: keras.Layer) -> list[keras.Layer]:
    """The layer and all its sublayers, in an order that its configuration decides."""
    return list(private.parts_of(layer))


def own_variables(layer: keras.Layer) -> list[keras.Variable]:
    """The variables of a layer without its sublayers, by name, random states included.

    By name, for their places differ: a layer that was quantised after it was built has its bias
    before its scales, and one that was built as quantised after them.
    """
    inner = {id(variable) for part in parts(layer)[1:] for variable in part.variables}
    return sorted(
        (v for v in layer.variables if id(v) not in inner), key=lambda v: _natural(v.name)
    )


def uncounted_variables(layer: keras.Layer) -> list[keras.Variable]:
    """Variables that a layer keeps but Keras does not count among its `variables`.

    Such are the states of a recurrent layer with `stateful=True`. No file of Keras holds them.
    """
    counted = {id(variable) for variable in layer.variables}
    held = [v for v in vars(layer).values() if isinstance(v, keras.Variable | list | tuple)]
    variables = {id(v): v for v in keras.tree.flatten(held) if isinstance(v, keras.Variable)}
    return [variable for key, variable in variables.items() if key not in counted]


def all_variables(layer: keras.Layer) -> list[keras.Variable]:
    """The own variables of the layer and of all its sublayers, in an order of their names."""
    return [variable for part in parts(layer) for variable in own_variables(part)]


def own_state(layer: keras.Layer) -> OwnState:
    """What a built layer would write into a file, its sublayers aside."""
    values: dict[str, np.ndarray] = {}
    layer.save_own_variables(values)
    assets = {}
    if hasattr(layer, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            layer.save_assets(folder)
            files = [path for path in Path(folder).rglob("*") if path.is_file()]
            assets = {str(path.relative_to(folder)): path.read_bytes() for path in files}
    return OwnState({key: np.array(value) for key, value in values.items()}, assets)


def give(layer: keras.Layer, state: OwnState) -> None:
    """Has a built layer read the state of another of its class."""
    layer.load_own_variables(dict(state.values))
    if hasattr(layer, "load_assets"):
        with tempfile.TemporaryDirectory() as folder:
            for name, data in state.assets.items():
                path = Path(folder, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            layer.load_assets(folder)


def why_no_mean(layer: keras.Layer) -> str:
    """Why values of layers like this one cannot be averaged; empty where they can.

    Integers that are single numbers are counters: they do not count here.
    """
    for part in parts(layer):
        if (mode := getattr(part, "quantization_mode", None)) is not None:
            return f"quantised values ({mode}) have no mean: tie the model before it is quantised"
        if getattr(part, "lora_enabled", False):
            return "the mean of LoRA factors is not that of their products: merge them first"
    if any(len(v.shape) and not keras.backend.is_float_dtype(v.dtype) for v in layer.weights):
        return "weights that are no floats have no mean"
    return ""


def check_mean(layer_of: dict[str, keras.Layer]) -> None:
    """Raises `ValueError` naming the first of these sites whose values cannot be averaged."""
    for site, layer in layer_of.items():
        if reason := why_no_mean(layer):
            raise ValueError(f"site {site!r} cannot be averaged with others: {reason}")


def identical(one: np.ndarray, other: np.ndarray) -> bool:
    """Bit for bit, so that NaN equals NaN."""
    return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())


def _natural(name: str) -> list[str | int]:
    """`variable_9` before `variable_10`: names that Keras counted stay as they were made."""
    return [int(word) if word.isdigit() else word for word in re.split(r"(\d+)", name)]
