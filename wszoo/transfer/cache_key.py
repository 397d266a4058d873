"""What features depend on, as a hash: the backbone's graph and weights, functions, inputs."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

PIECE = 2**23  # bytes of an array that are hashed as one; pieces in parallel
FEW = 8  # inputs on which a function shows what it does
# Where a functional model's config refers to a layer by its name.
_REFERENCES = ("keras_history", "input_layers", "output_layers")


def digest_of(backbone: "keras.Model", x: np.ndarray) -> Any:
    """sha256 of graph, dtypes, weights and inputs, to be continued.

    Names of layers and `trainable` flags do not count: inference does not depend on them, and
    Keras gives a model that is made again other names.
    """
    import keras

    digest = hashlib.sha256(graph_text(backbone.get_config()).encode())
    about = (keras.__version__, keras.config.floatx(), keras.backend.backend())
    digest.update(" ".join(about).encode())
    for array in (*map(keras.ops.convert_to_numpy, backbone.weights), x):
        add_array(digest, array)
    return digest


def graph_text(config: dict) -> str:
    """A model's config as text in which a layer is called by its place."""
    order: dict[str, str] = {}

    def place(name: Any) -> Any:
        return order.setdefault(name, f"#{len(order)}") if isinstance(name, str) else name

    def first_placed(value: Any) -> Any:
        if isinstance(value, list | tuple) and value and isinstance(value[0], str):
            return [place(value[0]), *value[1:]]
        return [first_placed(v) for v in value] if isinstance(value, list | tuple) else value

    def without_names(value: Any) -> Any:
        if isinstance(value, list | tuple):
            return [without_names(v) for v in value]
        if not isinstance(value, dict):
            return value
        kept = {}
        for word, inner in value.items():
            if word == "name":
                kept[word] = place(inner)
            elif word in _REFERENCES:
                kept[word] = first_placed(inner)
            elif word != "trainable":
                kept[word] = without_names(inner)
        return kept

    return json.dumps(without_names(config), sort_keys=True, default=str)


def add_function(
    digest: Any, function: Callable | None, x: np.ndarray, seed: int | None = None
) -> None:
    """Adds a function of inputs by its name and by what it gives for a few of them."""
    if function is None:
        return
    few = x[np.linspace(0, len(x) - 1, min(FEW, len(x))).astype(int)]
    arguments = () if seed is None else (seed,)
    name = getattr(function, "__qualname__", type(function).__qualname__)
    digest.update(f"{getattr(function, '__module__', '')}.{name}{arguments}".encode())
    add_array(digest, np.asarray(function(few, *arguments)))


def add_array(digest: Any, array: np.ndarray) -> None:
    digest.update(f"{array.dtype.str}{array.shape}".encode())
    given = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    if len(given) <= PIECE:
        digest.update(given.data)
        return
    with ThreadPoolExecutor() as pool:  # hashing does not hold Python's lock
        for part in pool.map(hashlib.sha256, np.split(given, range(PIECE, len(given), PIECE))):
            digest.update(part.digest())
