"""The signature `classify` of a SavedModel: class names and scores, best first."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import private
from wszoo.exporting.names import output_names
from wszoo.exporting.saved_model.agreement import Arrays, Wanted

if TYPE_CHECKING:
    import keras


def check_labels(model: "keras.Model", labels: Sequence[str]) -> None:
    """Raises `ValueError` unless the model has one output `(batch, number of labels)`."""
    shapes = [tuple(tensor.shape) for tensor in model.outputs]
    if len(shapes) != 1 or len(shapes[0]) != 2 or shapes[0][1] != len(labels):
        raise ValueError(
            f"{len(labels)} labels need one output (batch, {len(labels)}); {model.name!r} gives "
            f"{shapes}"
        )


def classifier(
    model: "keras.Model", serve: Any, labels: Sequence[str], outputs: Sequence[Arrays]
) -> tuple[Any, Wanted]:
    """The signature as a `tf.function` over `serve`, and what it should give.

    `outputs` are those of Keras on a few examples: scores that are no probabilities go through a
    softmax.
    """
    import tensorflow as tf

    (name,) = output_names(model)
    names = tf.constant(list(labels))
    ready = _are_probabilities(model, outputs)

    def classify(*inputs: Any) -> dict[str, Any]:
        scores = serve(*inputs)[name]
        best, order = tf.math.top_k(scores if ready else tf.nn.softmax(scores), len(labels))
        return {"classes": tf.gather(names, order), "scores": best}

    ranked = [_ranked(output[name], labels, ready) for output in outputs]
    function = tf.function(classify, input_signature=serve.input_signature, autograph=False)
    return function, Wanted(ranked, _in_order_of_labels)


def _are_probabilities(model: "keras.Model", outputs: Sequence[Arrays]) -> bool:
    """Whether the scores need no softmax: they add up to 1, or a sigmoid gives them."""
    import keras

    last = private.maker_of(model.outputs[0])
    if getattr(last, "activation", None) is keras.activations.sigmoid:
        return True
    scores = np.concatenate([values for output in outputs for values in output.values()])
    scores = scores.astype(float)
    return bool((scores >= 0).all() and np.allclose(scores.sum(axis=-1), 1, atol=1e-2))


def _ranked(scores: np.ndarray, labels: Sequence[str], ready: bool) -> dict[str, np.ndarray]:
    """What `classify` should give for scores `(batch, classes)`."""
    scores = scores.astype(float)
    if not ready:
        scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
        scores /= scores.sum(axis=-1, keepdims=True)
    order = np.argsort(-scores, axis=-1)
    names = np.char.encode(np.array(list(labels)), "utf-8")
    return {"classes": names[order], "scores": np.take_along_axis(scores, order, -1)}


def _in_order_of_labels(ranked: Arrays) -> dict[str, np.ndarray]:
    """A ranking by label, in which scores that are nearly equal cannot change places."""
    order = np.lexsort((-ranked["scores"], ranked["classes"]))
    return {name: np.take_along_axis(values, order, -1) for name, values in ranked.items()}
