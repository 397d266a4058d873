"""Metrics of ordinal targets; registered with Keras, so that a saved model finds them."""

from typing import Any

import keras


def _rank(levels: Any, above: float) -> Any:
    return keras.ops.sum(keras.ops.cast(levels > above, "float32"), axis=-1)


@keras.saving.register_keras_serializable("wszoo")
def rank_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Share of right ranks `(batch,)`, of targets in {0, 1} and logits `(batch, ranks - 1)`."""
    return keras.ops.cast(_rank(y_true, 0.5) == _rank(y_pred, 0.0), "float32")


@keras.saving.register_keras_serializable("wszoo")
def rank_error(y_true: Any, y_pred: Any) -> Any:
    """By how many ranks a prediction is off, `(batch,)`."""
    return keras.ops.abs(_rank(y_true, 0.5) - _rank(y_pred, 0.0))
