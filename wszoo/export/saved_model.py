"""A SavedModel for TF Serving in which every weight stands once.

`keras.Model.export` tracks each variable twice and writes it twice (keras#23553). A plain
`tf.Module` that holds the variables and one `tf.function` writes it once.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wszoo.export.serving import write_warmup
from wszoo.export.slim import slim_graph

if TYPE_CHECKING:
    import keras


def saved_model(
    model: "keras.Model",
    folder: str | os.PathLike,
    *,
    labels: Sequence[str] | None = None,
    uint8: bool = False,
    warmup: Mapping[str, Any] | None = None,
) -> Path:
    """Writes a SavedModel with the signature `serving_default` and a free batch dimension.

    The signature's inputs bear the names of the model's inputs, its outputs those of the output
    layers. The folder appears whole or not at all; one that stands is replaced. Needs Keras'
    TensorFlow backend.

    Args:
        labels: class names of a classifier with outputs `(batch, classes)`; adds the signature
            `classify` with `classes` (names) and `scores` (probabilities), best first, both
            `(batch, classes)`.
        uint8: inputs are uint8, and are divided by 255 in the graph.
        warmup: arrays by input name that TF Serving runs before it serves (see
            `wszoo.export.serving.write_warmup`).

    Raises:
        ValueError: for another backend, a model without a graph, and labels that do not fit the
            model's output.
    """
    import keras
    import tensorflow as tf

    from wszoo.sharing.files import folder_written_whole

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"a SavedModel is written with KERAS_BACKEND=tensorflow, not {keras.backend.backend()}"
        )
    module = serving_module(model, uint8=uint8)
    signatures = {"serving_default": module.serve}
    if labels is not None:
        module.classify = signatures["classify"] = _classify(model, module.serve, labels)
    folder = Path(folder)
    with folder_written_whole(folder) as part:
        tf.saved_model.save(module, str(part), signatures=signatures)
        slim_graph(part)
        if warmup is not None:
            write_warmup(part, folder.parent.name, warmup)
    return folder


def check_labels(model: Any, labels: Sequence[str]) -> None:
    """Raises `ValueError` unless the model has one output `(batch, number of labels)`."""
    shapes = [tuple(tensor.shape) for tensor in model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][1] != len(labels):
        raise ValueError(
            f"{len(labels)} labels need one output (batch, {len(labels)}); {model.name!r} gives "
            f"{shapes}"
        )


def _classify(model: Any, serve: Any, labels: Sequence[str]) -> Any:
    import keras
    import tensorflow as tf

    check_labels(model, labels)
    (name,) = output_names(model)
    last = model.outputs[0]._keras_history.operation
    ready = getattr(last, "activation", None) is keras.activations.softmax
    names = tf.constant(list(labels))

    def classify(*inputs: Any) -> dict[str, Any]:
        scores = serve(*inputs)[name]
        best, order = tf.math.top_k(scores if ready else tf.nn.softmax(scores), len(labels))
        return {"classes": tf.gather(names, order), "scores": best}

    return tf.function(classify, input_signature=serve.input_signature, autograph=False)


def serving_module(
    model: Any,
    extra: Mapping[str, Any] | None = None,
    batch: int | None = None,
    *,
    uint8: bool = False,
) -> Any:
    """A `tf.Module` that holds the model's variables and `serve`, the function to export.

    `extra` are further tensors of the model's graph to give out, by name; `batch` is the batch
    dimension, free by default; with `uint8` inputs are uint8 and divided by 255 in the graph.
    """
    import keras
    import tensorflow as tf

    from wszoo.sharing.graph import as_functional

    model = as_functional(model)
    extra = dict(extra or {})
    specs = [
        tf.TensorSpec(
            (batch, *tensor.shape[1:]),
            "uint8" if uint8 else tensor.dtype,
            tensor._keras_history.operation.name,
        )
        for tensor in model.inputs
    ]
    names = [*output_names(model), *extra]
    whole = keras.Model(model.inputs, [*model.outputs, *extra.values()])

    def serve(*inputs: Any) -> dict[str, Any]:
        if uint8:
            inputs = tuple(
                tf.cast(value, tensor.dtype) / 255
                for value, tensor in zip(inputs, model.inputs, strict=True)
            )
        outputs = keras.tree.flatten(whole(list(inputs), training=False))
        return dict(zip(names, outputs, strict=True))

    module = tf.Module()
    unique = {id(variable): variable.value for variable in model.variables}
    module.model_variables = list(unique.values())
    module.serve = tf.function(serve, input_signature=specs, autograph=False)
    return module


def output_names(model: Any) -> list[str]:
    """Names of the signature's outputs: those of the layers that give them, numbered apart."""
    names = [tensor._keras_history.operation.name for tensor in model.outputs]
    return [
        name if names.count(name) == 1 else f"{name}_{names[:i].count(name)}"
        for i, name in enumerate(names)
    ]
