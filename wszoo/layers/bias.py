"""A bias of its own, for the sites of a layer that shares its kernel and nothing else."""

import keras

from wszoo.arguments import OF_LAYERS, checked
from wszoo.layers.settings import Initializer, Regularizer, Shape


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
        initializer: Initializer = "zeros",
        regularizer: Regularizer = None,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.initializer = keras.initializers.get(initializer)
        self.regularizer = keras.regularizers.get(regularizer)

    def build(self, input_shape: Shape) -> None:
        self.bias = self.add_weight(
            name="bias",
            shape=(input_shape[-1],),
            initializer=self.initializer,
            regularizer=self.regularizer,
        )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs + self.bias

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "initializer": keras.initializers.serialize(self.initializer),
            "regularizer": keras.regularizers.serialize(self.regularizer),
        }
