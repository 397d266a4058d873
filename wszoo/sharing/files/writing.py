"""Keras' weights and model files, made in memory and then written as bytes.

HDF5 that runs out of disk while it closes a file ends Python by a segmentation fault. In memory it
cannot, and a full disk is an `OSError` like any other.
"""

from collections.abc import Mapping
from pathlib import Path

import h5py
import keras
import numpy as np

from wszoo import private


def write_weights(
    model: keras.Model, path: Path, notes: Mapping[str, np.ndarray] | None = None
) -> None:
    """Writes a `.weights.h5` file as `model.save_weights` does, with arrays beside its weights.

    Raises `OSError` where the disk does not take it; see `wszoo.files.written_whole` for one that
    appears whole.
    """
    memory = private.weights_in_memory(model)
    if notes:
        with h5py.File(memory, "a") as file:
            for name, values in notes.items():
                file.create_dataset(name, data=values)
    path.write_bytes(memory.getbuffer())


def write_model(model: keras.Model, path: Path) -> None:
    """Writes a `.keras` file as `keras.saving.save_model` does."""
    path.write_bytes(private.model_in_memory(model).getbuffer())
