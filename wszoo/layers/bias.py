"""A bias of its own, for the sites of a layer that shares its kernel and nothing else."""

from typing import Any

import keras

from wszoo.arguments import OF_LAYERS, checked


@keras.saving.register_keras_serializable("wszoo")
class Bias(keras.layers.Layer):
    """Adds a learnt vector along the last axis: `(..., channels)` to the same shape.

    Args:
        initializer, regularizer: as in Keras; zeros by default.
    """

    @checked(also=OF_LAYERS)
    def __init__(
        self,
        *,
        initializer: keras.initializers.Initializer = "zeros",
        regularizer: Any = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.initializer = keras.initializers.get(initializer)
        self.regularizer = keras.regularizers.get(regularizer)

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        self.bias = self.add_weight(
            name="bias",
            shape=(input_shape[-1],),
            initializer=self.initializer,
            regularizer=self.regularizer,
        )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs + self.bias

    def get_config(self) -> dict:
        return super().get_config() | {
            "initializer": keras.initializers.serialize(self.initializer),
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }
