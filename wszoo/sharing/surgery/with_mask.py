"""A mask that a call states, where its value comes from a tensor without one."""

import keras


@keras.saving.register_keras_serializable("wszoo")
class WithMask(keras.layers.Layer):
    """Its input, of any shape, with `mask` for the layers that follow.

    A nested model that is called as `model(x, mask=mask)` gives the mask to its own layers; in
    one graph this layer stands for that.
    """

    def call(
        self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        return keras.ops.copy(inputs)  # Keras leaves a mask as it is on the same tensor

    def compute_mask(
        self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None
    ) -> keras.KerasTensor | None:
        return mask

    def compute_output_spec(
        self, inputs: keras.KerasTensor, mask: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        return keras.KerasTensor(inputs.shape, inputs.dtype)
