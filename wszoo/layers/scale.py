"""A scale of its own, for what a shared layer adds at each depth."""

import keras

from wszoo.arguments import OF_LAYERS, checked
from wszoo.layers.settings import Shape


@keras.saving.register_keras_serializable("wszoo")
class Scale(keras.layers.Layer):
    """Multiplies by a learnt vector along the last axis: `(..., channels)` to the same shape.

    On a residual branch it lets every depth use a shared layer by as much as it needs.

    Args:
        initial: the value of all channels at the start.

    Source: LayerScale, Touvron et al. 2021, "Going deeper with Image Transformers".
    """

    @checked(also=OF_LAYERS)
    def __init__(self, initial: float = 1.0, **kwargs: object):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.initial = float(initial)

    def build(self, input_shape: Shape) -> None:
        self.scale = self.add_weight(
            name="scale",
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.initial),
        )

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        return inputs * self.scale

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "initial": self.initial}
