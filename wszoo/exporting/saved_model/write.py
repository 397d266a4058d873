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
from wszoo.exporting.facts import facts_of
from wszoo.exporting.saved_model import agreement, checker
from wszoo.exporting.saved_model.agreement import Wanted
from wszoo.exporting.saved_model.classify import classifier
from wszoo.exporting.saved_model.module import assets, serving_module
from wszoo.exporting.saved_model.serving import write_warmup
from wszoo.exporting.stored import SUMS

if TYPE_CHECKING:
    import keras

Arrays = Mapping[str, np.ndarray]  # by input or output name


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

    What the model means goes with it: `assets/wszoo.json` (`wszoo.exporting.facts`), and of a
    classifier with class names `assets/labels.txt` and the signature `classify`, which gives
    `classes` (names) and `scores` (probabilities), best first, both `(batch, classes)`. Loaded with
    TensorFlow they are `loaded.assets["wszoo"].asset_path` and `["labels"]`.

    Names of inputs and outputs are those of `wszoo.exporting.names`; a batch that the model's
    inputs fix stays fixed. It computes as `model.predict` does (`training=False`, also where a
    layer was called with `training=True`). Lookup tables, assets and states that the model updates
    are written too. The folder appears whole and checked or not at all; one that stands is
    replaced. Needs Keras' TensorFlow backend.

    Another process loads the SavedModel with `tf.saved_model.load` and in a graph session, and
    runs every signature at two batch sizes; what it gives is compared with Keras.

    Args:
        labels: class names of a classifier with outputs `(batch, classes)`, by default those that
            it knows of itself.
        uint8: inputs are uint8 images, brought to the range that the model takes in the graph.
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
    facts = facts_of(model, labels, uint8=uint8)
    checker.start()  # it takes seconds, in which the model is traced
    module = serving_module(model, uint8=uint8)
    keras_calls = agreement.KerasCalls(model, module, inputs, uint8=uint8)
    outputs = keras_calls.run()
    signatures, wanted = {"serving_default": module.serve}, {"serving_default": Wanted(outputs)}
    if facts.labels is not None:
        module.classify, wanted["classify"] = classifier(model, module.serve, facts.labels, outputs)
        signatures["classify"] = module.classify
    folder = Path(folder)
    with folder_written_whole(folder) as part:
        with assets(facts.files) as module.assets:
            tf.saved_model.save(module, str(part), signatures=signatures)
        errors = agreement.check(keras_calls, part, wanted, bound)
        if warmup is not None:
            write_warmup(part, folder.parent.name, warmup)
        seal_folder(part, SUMS)
    weights = {id(weight): weight.value for weight in model.weights}.values()
    stored = sum(int(np.prod(weight.shape)) * weight.dtype.size for weight in weights)
    return SavedModel(folder, stored, *errors)
