"""A learnt vector a position."""

import keras

from wszoo.arguments import OF_LAYERS, checked
from wszoo.layers.settings import Initializer, Shape


@keras.saving.register_keras_serializable("wszoo")
class PositionEmbedding(keras.layers.Layer):
    """Adds a learnt vector to each position: `(batch, positions, channels)` to the same shape.

    Args:
        initializer: as in Keras.

    Raises:
        ValueError: for an input of another rank, or with an unknown number of positions.

    Source: Gehring et al. 2017, "Convolutional Sequence to Sequence Learning".
    """

    @checked(also=OF_LAYERS)
    def __init__(self, *, initializer: Initializer = "uniform", **kwargs: object):
        super().__init__(**kwargs)
        self.initializer = keras.initializers.get(initializer)

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) != 3 or None in input_shape[1:]:
            raise ValueError(
                f"{self.name!r} wants (batch, positions, channels), positions and channels known; "
                f"received the shape {tuple(input_shape)}"
            )
        self.embeddings = self.add_weight(
            name="embeddings", shape=tuple(input_shape[1:]), initializer=self.initializer
        )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs + self.embeddings

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "initializer": keras.initializers.serialize(self.initializer),
        }
