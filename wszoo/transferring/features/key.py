"""What features depend on, as a hash: the backbone's graph and weights, functions, inputs."""

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from wszoo.data.streams import Images
from wszoo.fingerprints import add_array, of_graph
from wszoo.fingerprints import digest as fingerprint_of

if TYPE_CHECKING:
    import keras

FEW = 8  # inputs on which a function shows what it does


class Digest(Protocol):
    """A hash that is being made, as hashlib's."""

    def update(self, data: bytes, /) -> None: ...
    def hexdigest(self) -> str: ...
    def copy(self) -> "Digest": ...


def digest_of(backbone: "keras.Model", x: np.ndarray) -> Digest:
    """sha256 of graph, dtypes, weights and inputs, to be continued."""
    import keras

    digest = hashlib.sha256(of_graph(backbone).encode())
    about = (keras.__version__, keras.config.floatx(), keras.backend.backend())
    digest.update(" ".join(about).encode())
    for array in (*map(keras.ops.convert_to_numpy, backbone.weights), x):
        add_array(digest, array)
    return digest


def add_function(
    digest: Digest, function: Callable | None, x: Images, seed: int | None = None
) -> None:
    """Adds a function of inputs by its code and by what it gives for a few of them.

    Raises `ValueError` for a function whose code cannot be told, see `wszoo.fingerprints`.
    """
    if function is None:
        return
    few = x[np.linspace(0, len(x) - 1, min(FEW, len(x))).astype(int)]
    arguments = () if seed is None else (seed,)
    digest.update(f"{fingerprint_of(function)}{arguments}".encode())
    add_array(digest, np.asarray(function(few, *arguments)))
