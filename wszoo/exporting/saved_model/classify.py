"""The signature `classify` of a SavedModel: class names and scores, best first."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from wszoo.exporting.facts import gives_scores, scores_of
from wszoo.exporting.names import output_names
from wszoo.exporting.saved_model.agreement import Arrays, Wanted

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def classifier(
    model: "keras.Model",
    serve: "tf.types.experimental.PolymorphicFunction",
    labels: Sequence[str],
    outputs: Sequence[Arrays],
) -> tuple["tf.types.experimental.PolymorphicFunction", Wanted]:
    """The signature as a `tf.function` over `serve`, and what it should give.

    `outputs` are those of Keras on a few examples: what is no score yet becomes one.
    """
    import keras
    import tensorflow as tf

    (name,) = output_names(model)
    names = tf.constant(list(labels))
    squash = None if gives_scores(model, *outputs) else scores_of(model)

    def classify(*inputs: "tf.Tensor") -> "Mapping[str, tf.Tensor]":
        scores = serve(*inputs)[name]
        best, order = tf.math.top_k(squash(scores) if squash else scores, len(labels))
        return {"classes": tf.gather(names, order), "scores": best}

    ranked = []
    for output in outputs:
        scores = np.asarray(output[name])
        if squash:
            scores = keras.ops.convert_to_numpy(squash(keras.ops.convert_to_tensor(scores)))
        ranked.append(_ranked(scores, labels))
    function = tf.function(classify, input_signature=serve.input_signature, autograph=False)
    return function, Wanted(ranked, _in_order_of_labels)


def _ranked(scores: np.ndarray, labels: Sequence[str]) -> dict[str, np.ndarray]:
    """What `classify` should give for scores `(batch, classes)`."""
    order = np.argsort(-scores, axis=-1)
    names = np.char.encode(np.array(list(labels)), "utf-8")
    return {"classes": names[order], "scores": np.take_along_axis(scores, order, -1)}


def _in_order_of_labels(ranked: Arrays) -> dict[str, np.ndarray]:
    """A ranking by label, in which scores that are nearly equal cannot change places."""
    order = np.lexsort((-ranked["scores"], ranked["classes"]))
    return {name: np.take_along_axis(values, order, -1) for name, values in ranked.items()}
