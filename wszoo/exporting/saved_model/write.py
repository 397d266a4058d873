"""A SavedModel for TF Serving in which every weight stands once.

`keras.Model.export` tracks each variable twice and writes it twice (keras#23553). A plain
`tf.Module` that holds the variables and one `tf.function` writes it once.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo.arguments import arrays, checked
from wszoo.checksums import seal_folder
from wszoo.exporting import parity
from wszoo.exporting.names import input_names, output_names
from wszoo.exporting.saved_model import agreement, checker
from wszoo.exporting.saved_model.agreement import Wanted
from wszoo.exporting.saved_model.classify import check_labels, classifier
from wszoo.exporting.saved_model.resources import resources
from wszoo.exporting.saved_model.serving import write_warmup
from wszoo.exporting.stored import SUMS

if TYPE_CHECKING:
    import keras

Arrays = Mapping[str, Any]  # by input or output name


@dataclass(frozen=True)
class SavedModel:
    """A folder that was written, and how far its outputs are from Keras at most and on average.

    `stored_bytes` are the model's weights, each once, in the dtypes that they have. Errors are
    relative to the largest magnitude of an output; `None` for a model that gives something else
    each time it is called in Keras.
    """

    path: Path
    stored_bytes: int
    max_error: float | None
    mean_error: float | None


@checked()
def saved_model(model: "keras.Model", folder: str | os.PathLike, **options: Any) -> Path:
    """Writes a SavedModel, see `write_saved_model`, and returns its folder."""
    return write_saved_model(model, folder, **options).path


@checked(warmup=arrays)
def write_saved_model(
    model: "keras.Model",
    folder: str | os.PathLike,
    *,
    labels: Sequence[str] | None = None,
    uint8: bool = False,
    warmup: Arrays | None = None,
    inputs: Arrays | None = None,
    bound: float | None = None,
) -> SavedModel:
    """Writes a SavedModel with the signature `serving_default` and a free batch dimension.

    Names of inputs and outputs are those of `wszoo.exporting.names`; a batch that the model's
    inputs fix stays fixed. It computes as `model.predict` does (`training=False`, also where a
    layer was called with `training=True`). Lookup tables, assets and states that the model updates
    are written too. The folder appears whole and checked or not at all; one that stands is
    replaced. Needs Keras' TensorFlow backend.

    Another process loads the SavedModel with `tf.saved_model.load` and in a graph session, and
    runs every signature at two batch sizes; what it gives is compared with Keras.

    Args:
        labels: class names of a classifier with outputs `(batch, classes)`; adds the signature
            `classify` with `classes` (names) and `scores` (probabilities), best first, both
            `(batch, classes)`.
        uint8: inputs are uint8, and are divided by 255 in the graph.
        warmup: arrays by input name that TF Serving runs before it serves (see
            `wszoo.exporting.saved_model.serving.write_warmup`).
        inputs: what it is compared on, arrays by input name; the first examples of them are taken.
            Random ones by default.
        bound: the largest difference allowed, relative to the largest magnitude of an output; by
            default that of `wszoo.exporting.saved_model.agreement`.

    Raises:
        ValueError: for another backend, a model that was not built, labels that do not fit the
            model's output, uint8 for inputs that are no floats, and a SavedModel that cannot be
            loaded or differs from Keras; it says how.
    """
    import keras
    import tensorflow as tf

    from wszoo.exporting.whole import exportable
    from wszoo.files import folder_written_whole

    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"a SavedModel is written with KERAS_BACKEND=tensorflow, not {keras.backend.backend()}"
        )
    model = exportable(model)
    if labels is not None:
        check_labels(model, labels)
    checker.start()  # it takes seconds, in which the model is traced
    module = serving_module(model, uint8=uint8)
    keras_calls = agreement.KerasCalls(model, module, inputs, uint8=uint8)
    outputs = keras_calls.run()
    signatures, wanted = {"serving_default": module.serve}, {"serving_default": Wanted(outputs)}
    if labels is not None:
        module.classify, wanted["classify"] = classifier(model, module.serve, labels, outputs)
        signatures["classify"] = module.classify
    folder = Path(folder)
    with folder_written_whole(folder) as part:
        tf.saved_model.save(module, str(part), signatures=signatures)
        errors = agreement.check(keras_calls, part, wanted, bound)
        if warmup is not None:
            write_warmup(part, folder.parent.name, warmup)
        seal_folder(part, SUMS)
    weights = {id(weight): weight.value for weight in model.weights}.values()
    stored = sum(int(np.prod(weight.shape)) * weight.dtype.size for weight in weights)
    return SavedModel(folder, stored, *errors)


def serving_module(
    model: "keras.Model",
    extra: Mapping[str, Any] | None = None,
    batch: int | None = None,
    *,
    uint8: bool = False,
) -> Any:
    """A `tf.Module` that holds what the model does and `serve`, the function to export.

    `extra` are further tensors of the model's graph to give out, by name; `batch` is the batch
    dimension, by default the model's own, mostly a free one; with `uint8` inputs are uint8 and
    divided by 255 in the graph. Raises `ValueError` for uint8 where inputs are no floats.
    """
    import keras
    import tensorflow as tf

    from wszoo.exporting.whole import exportable

    model = exportable(model)
    extra = dict(extra or {})
    batch = parity.fixed_batch(model, batch)
    inputs = dict(zip(input_names(model), model.inputs, strict=True))
    for name, tensor in inputs.items():
        if uint8 and "float" not in tensor.dtype:
            raise ValueError(
                f"uint8 inputs are images, divided by 255; the input {name!r} of {model.name!r} "
                f"takes {tensor.dtype}. Export it without uint8"
            )
    specs = [
        tf.TensorSpec(
            (tensor.shape[0] or batch, *tensor.shape[1:]) if tensor.shape else (),
            "uint8" if uint8 else tensor.dtype,
            name,
        )
        for name, tensor in inputs.items()
    ]
    names = [*output_names(model), *extra]
    # The name stands before that of each node, so a long one makes the file larger.
    whole = keras.Model(model.inputs, [*model.outputs, *extra.values()], name="m")

    def serve(*values: Any) -> dict[str, Any]:
        if uint8:
            values = tuple(
                tf.cast(value, tensor.dtype) / 255
                for value, tensor in zip(values, model.inputs, strict=True)
            )
        outputs = keras.tree.flatten(whole(list(values), training=False))
        return dict(zip(names, outputs, strict=True))

    module = tf.Module()
    module.serve = tf.function(serve, input_signature=specs, autograph=False)
    module.resources = resources(model, module.serve.get_concrete_function())
    return module
