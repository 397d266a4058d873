"""Metrics of ordinal targets; registered with Keras, so that a saved model finds them."""

from collections.abc import Sequence

import keras


def _rank(levels: keras.KerasTensor, above: float) -> keras.KerasTensor:
    return keras.ops.sum(keras.ops.cast(levels > above, "float32"), axis=-1)


@keras.saving.register_keras_serializable("wszoo")
def rank_accuracy(y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
    """Share of right ranks `(batch,)`, of targets in {0, 1} and logits `(batch, ranks - 1)`."""
    return keras.ops.cast(_rank(y_true, 0.5) == _rank(y_pred, 0.0), "float32")


@keras.saving.register_keras_serializable("wszoo")
def rank_error(
    y_true: keras.KerasTensor, y_pred: keras.KerasTensor, values: Sequence[float] | None = None
) -> keras.KerasTensor:
    """By how much a prediction is off, `(batch,)`: in ranks, or in the values of the ranks."""
    true, predicted = _rank(y_true, 0.5), _rank(y_pred, 0.0)
    if values is not None:
        scale = keras.ops.convert_to_tensor(values, "float32")
        true, predicted = (
            keras.ops.take(scale, keras.ops.cast(rank, "int32")) for rank in (true, predicted)
        )
    return keras.ops.abs(true - predicted)
