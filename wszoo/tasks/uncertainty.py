"""Losses of several tasks, weighted by what each task's noise turns out to be.

Kendall, Gal & Cipolla 2018, "Multi-Task Learning Using Uncertainty to Weigh Losses", arXiv
1705.07115: with s = log σ² a regression costs ½ e⁻ˢ · squared error + ½ s, a classification
e⁻ˢ · cross-entropy + ½ s.
"""

from collections.abc import Sequence

import keras
from keras import ops


@keras.saving.register_keras_serializable("wszoo")
class Uncertainty(keras.layers.Layer):
    """Gives its input back and holds a task's log variance s, so that it trains with the model."""

    def __init__(self, **kwargs: object):
        super().__init__(**kwargs)
        self.supports_masking = True

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.log_variance = self.add_weight(name="log_variance", shape=(), initializer="zeros")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return tuple(input_shape)


@keras.saving.register_keras_serializable("wszoo")
class Uncertain(keras.losses.Loss):
    """`factor · e⁻ˢ · loss + s / 2`, s from an `Uncertainty` layer of the model.

    The layer does not travel with the loss: a model that was loaded is compiled anew. Raises
    `ValueError` where that was not done.
    """

    def __init__(
        self,
        loss: str | keras.losses.Loss,
        *,
        factor: float,
        layer: Uncertainty | None = None,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.loss, self.factor, self.layer = keras.losses.get(loss), factor, layer

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        if self.layer is None:
            raise ValueError(
                f"the loss {self.name!r} was loaded without the layer that it learns with: compile "
                "the model again (wszoo.tasks.several.compile_heads)"
            )
        s = self.layer.log_variance
        return self.factor * ops.exp(-s) * self.loss.call(y_true, y_pred) + s / 2

    def get_config(self) -> dict[str, object]:
        own = {"loss": keras.losses.serialize(self.loss), "factor": self.factor}
        return {**super().get_config(), **own}


@keras.saving.register_keras_serializable("wszoo")
class ScaledError(keras.losses.Loss):
    """Mean squared error of values in units of `sd`, so that tasks of any unit are comparable.

    `sd` is a number, or one for each value.
    """

    def __init__(self, sd: float | Sequence[float], **kwargs: object):
        super().__init__(**kwargs)
        self.sd = sd

    def call(self, y_true: keras.KerasTensor, y_pred: keras.KerasTensor) -> keras.KerasTensor:
        sd = ops.convert_to_tensor(self.sd, y_pred.dtype)
        return ops.mean(ops.square((y_true - y_pred) / sd), axis=-1)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "sd": self.sd}
