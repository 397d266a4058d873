"""A SavedModel for TF Serving in which every weight stands once.

`keras.Model.export` tracks each variable twice and writes it twice (keras#23553). A plain
`tf.Module` that holds the variables and one `tf.function` writes it once.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras


def saved_model(model: "keras.Model", folder: str | os.PathLike) -> Path:
    """Writes a SavedModel with the signature `serving_default` and a free batch dimension.

    The signature's inputs bear the names of the model's inputs, its outputs those of the output
    layers. The folder appears whole or not at all; one that stands is replaced. Needs Keras'
    TensorFlow backend. Raises `ValueError` for another backend and for a model without a graph.
    """
    import keras
    import tensorflow as tf

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"a SavedModel is written with KERAS_BACKEND=tensorflow, not {keras.backend.backend()}"
        )
    module = serving_module(model)
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        tf.saved_model.save(module, str(part), signatures={"serving_default": module.serve})
        part.chmod(0o755)
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder


def serving_module(
    model: Any, extra: Mapping[str, Any] | None = None, batch: int | None = None
) -> Any:
    """A `tf.Module` that holds the model's variables and `serve`, the function to export.

    `extra` are further tensors of the model's graph to give out, by name; `batch` is the batch
    dimension, free by default.
    """
    import keras
    import tensorflow as tf

    from wszoo.sharing.graph import as_functional

    model = as_functional(model)
    extra = dict(extra or {})
    specs = [
        tf.TensorSpec(
            (batch, *tensor.shape[1:]), tensor.dtype, tensor._keras_history.operation.name
        )
        for tensor in model.inputs
    ]
    names = [*output_names(model), *extra]
    whole = keras.Model(model.inputs, [*model.outputs, *extra.values()])

    def serve(*inputs: Any) -> dict[str, Any]:
        outputs = keras.tree.flatten(whole(list(inputs), training=False))
        return dict(zip(names, outputs, strict=True))

    module = tf.Module()
    module.model_variables = [variable.value for variable in model.variables]
    module.serve = tf.function(serve, input_signature=specs, autograph=False)
    return module


def output_names(model: Any) -> list[str]:
    """Names of the signature's outputs: those of the layers that give them, numbered apart."""
    names = [tensor._keras_history.operation.name for tensor in model.outputs]
    return [
        name if names.count(name) == 1 else f"{name}_{names[:i].count(name)}"
        for i, name in enumerate(names)
    ]
