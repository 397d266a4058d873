"""Multi-head self-attention in few operations, all of which an int8 file can hold."""

import keras
from keras import ops

from wszoo.arguments import OF_LAYERS, checked
from wszoo.layers.settings import Initializer, Shape

# Added to the logits of positions that must not be attended to. Their weight is e⁻³² ≈ 10⁻¹⁴ of
# the others', which float32 rounds away; a larger number would leave int8, which spreads 256 steps
# over the range of its values, no step for the logits that matter.
FORBIDDEN = -32.0


def attend(
    x: keras.KerasTensor, heads: int, causal: bool, allowed: keras.KerasTensor | None
) -> keras.KerasTensor:
    """Heads of queries, keys and values `(batch, positions, 3 · width)` to `(…, width)`."""
    _, positions, width = x.shape
    size = width // 3 // heads
    x = ops.reshape(x, (-1, positions, 3 * heads, size))
    query, key, value = ops.split(ops.transpose(x, (0, 2, 1, 3)), 3, axis=1)
    logits = ops.matmul(query * size**-0.5, ops.transpose(key, (0, 1, 3, 2)))
    if causal:
        place = ops.arange(positions)  # a table would be most of a small model's graph
        later = ops.cast(place[None, :] > place[:, None], logits.dtype)
        logits = logits + later * FORBIDDEN
    if allowed is not None:
        mask = (1.0 - ops.cast(allowed, logits.dtype)) * FORBIDDEN
        logits = logits + ops.reshape(mask, (-1, 1, 1, positions))
    x = ops.matmul(ops.softmax(logits), value)
    return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, positions, heads * size))


@keras.saving.register_keras_serializable("wszoo")
class Attend(keras.layers.Layer):
    """`SelfAttention` without its kernels, for the sites that share those in part.

    Maps queries, keys and values side by side, `(batch, positions, 3 · width)`, to
    `(batch, positions, width)`. It has no weights.

    Args:
        heads: must divide the width.
        causal: a position attends to itself and those before it.

    Call arguments:
        inputs: `(batch, positions, 3 · width)`; positions and width must be known.
        allowed: `(batch, positions)`, true or 1 where a position may be attended to.
    """

    @checked(also=OF_LAYERS)
    def __init__(self, heads: int, *, causal: bool = False, **kwargs: object):
        super().__init__(**kwargs)
        self.heads, self.causal = heads, causal

    def call(
        self, inputs: keras.KerasTensor, allowed: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        return attend(inputs, self.heads, self.causal, allowed)

    def compute_output_shape(
        self, inputs_shape: tuple[int, ...], allowed_shape: tuple[int, ...] | None = None
    ) -> Shape:
        return (*inputs_shape[:-1], inputs_shape[-1] // 3)

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "heads": self.heads, "causal": self.causal}


@keras.saving.register_keras_serializable("wszoo")
class SelfAttention(keras.layers.Layer):
    """Scaled dot-product self-attention: `(batch, positions, width)` to the same shape.

    Computes what `keras.layers.MultiHeadAttention(heads, width // heads)(x, x)` does, with one
    kernel for queries, keys and values: a third of its operations in a SavedModel.

    Args:
        heads: must divide the width.
        causal: a position attends to itself and those before it.
        kernel_initializer: as in Keras.

    Call arguments:
        inputs: `(batch, positions, width)`; positions and width must be known.
        allowed: `(batch, positions)`, true or 1 where a position may be attended to.

    Raises:
        ValueError: for heads that do not divide the width, and an input of another rank.

    Source: Vaswani et al. 2017, "Attention Is All You Need".
    """

    @checked(also=OF_LAYERS)
    def __init__(
        self,
        heads: int,
        *,
        causal: bool = False,
        kernel_initializer: Initializer = "glorot_uniform",
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.heads, self.causal = heads, causal
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(
        self, inputs_shape: tuple[int, ...], allowed_shape: tuple[int, ...] | None = None
    ) -> None:
        if len(inputs_shape) != 3 or None in inputs_shape[1:]:
            raise ValueError(
                f"{self.name!r} wants (batch, positions, width), positions and width known; "
                f"received the shape {tuple(inputs_shape)}"
            )
        width = inputs_shape[-1]
        if width % self.heads:
            raise ValueError(
                f"heads must divide the width; received heads={self.heads} for width {width}"
            )
        # A copy: one initializer object with a seed would give all four the same values.
        copy = keras.initializers.serialize(self.kernel_initializer)
        self.qkv_kernel, self.out_kernel = (
            self.add_weight(name=name, shape=shape, initializer=keras.initializers.get(copy))
            for name, shape in (("qkv_kernel", (width, 3 * width)), ("out_kernel", (width, width)))
        )
        self.qkv_bias, self.out_bias = (
            self.add_weight(name=name, shape=shape, initializer="zeros")
            for name, shape in (("qkv_bias", (3 * width,)), ("out_bias", (width,)))
        )

    def call(
        self, inputs: keras.KerasTensor, allowed: keras.KerasTensor | None = None
    ) -> keras.KerasTensor:
        x = ops.einsum("btw,wu->btu", inputs, self.qkv_kernel) + self.qkv_bias
        x = attend(x, self.heads, self.causal, allowed)
        return ops.einsum("btw,wu->btu", x, self.out_kernel) + self.out_bias

    def compute_output_shape(
        self, inputs_shape: tuple[int, ...], allowed_shape: tuple[int, ...] | None = None
    ) -> Shape:
        return tuple(inputs_shape)

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "heads": self.heads,
            "causal": self.causal,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
        }
