"""RMSNorm, spelled so that the layer behind it keeps its own kernel in a LiteRT file."""

import keras
from keras import ops

from wszoo.arguments import OF_LAYERS, checked
from wszoo.layers.settings import Shape


@keras.saving.register_keras_serializable("wszoo")
class RMSNorm(keras.layers.Layer):
    """Divides by the root mean square over the last axis and scales: any shape to the same.

    Computes what `keras.layers.RMSNormalization` does. That multiplies by the learnt scale last,
    and the TFLite converter multiplies such a factor into the kernel of the dense layer behind it:
    a shared kernel with private norms then stands in the file once a norm.

    Args:
        epsilon: added to the mean square.

    Source: Zhang & Sennrich 2019, "Root Mean Square Layer Normalization".
    """

    @checked(also=OF_LAYERS)
    def __init__(self, epsilon: float = 1e-6, **kwargs: object):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.epsilon = epsilon

    def build(self, input_shape: Shape) -> None:
        self.scale = self.add_weight(name="scale", shape=(input_shape[-1],), initializer="ones")

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        mean_square = ops.mean(inputs * inputs, axis=-1, keepdims=True)
        return inputs * (ops.rsqrt(mean_square + self.epsilon) * self.scale)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "epsilon": self.epsilon}
