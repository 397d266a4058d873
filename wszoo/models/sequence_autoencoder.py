"""An autoencoder of sequences whose decoder runs the encoder's kernels as transposed ones.

Convolutions along time, each of which halves the steps; the sites and their mirror plan are those
of `wszoo.models.autoencoders`. Masci et al. 2011, "Stacked Convolutional Auto-Encoders".
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from wszoo import layers
from wszoo.models.autoencoders import conv_sites, mirrored
from wszoo.registry import register

if TYPE_CHECKING:
    import keras

    from wszoo.sharing.bank import Bank


@register(
    sites=conv_sites,
    sharing=mirrored,
    task="reconstruction",
    family="autoencoder",
    default_tag="nab",
)
def tied_seq_ae(
    bank: "Bank",
    *,
    input_shape: tuple[int, int] = (64, 1),
    filters: Sequence[int] = (32, 32, 32, 4),
    kernel_size: int = 7,
    activation: str = "relu",
) -> "keras.Model":
    """Autoencoder of sequences; the decoder's kernels are the encoder's, transposed.

    Maps `(batch, steps, channels)`, standardised, to the same shape. Every layer halves the steps
    (rounding up; the decoder gives odd numbers back); layer `code` and the output are linear.
    """
    import keras

    inputs = keras.Input(input_shape, name="input")
    # A sequence is an image of one column: the kernels are those of ReversibleConv2D.
    x = keras.layers.Reshape((input_shape[0], 1, input_shape[1]), name="column")(inputs)
    channels = [input_shape[-1], *filters]
    sizes = [input_shape[0]]
    spec = {"strides": (2, 1), "padding": "same"}
    for i, (before, width) in enumerate(pairwise(channels)):
        conv = bank(
            f"encoder_{i}",
            layers.ReversibleConv2D,
            width,
            (kernel_size, 1),
            input_channels=before,
            **spec,
        )
        x = layers.Bias(name=f"encoder_bias_{i}")(conv(x))
        last = i == len(filters) - 1
        x = keras.layers.Activation(
            "linear" if last else activation, name="code" if last else f"encoder_act_{i}"
        )(x)
        sizes.append(x.shape[1])
    for i in reversed(range(len(filters))):
        conv = bank(
            f"decoder_{i}",
            layers.ReversibleConv2D,
            channels[i + 1],
            (kernel_size, 1),
            input_channels=channels[i],
            **spec,
        )
        x = conv(x, reverse=True, output_size=(sizes[i], 1))
        x = layers.Bias(name=f"decoder_bias_{i}")(x)
        if i:
            x = keras.layers.Activation(activation, name=f"decoder_act_{i}")(x)
    outputs = keras.layers.Reshape(input_shape, name="output")(x)
    return keras.Model(inputs, outputs, name="tied_seq_ae")
