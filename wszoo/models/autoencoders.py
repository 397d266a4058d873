"""Autoencoders whose decoder is the encoder transposed.

Each decoder site runs the kernel of its mirror image in reverse: `ABBA` for two layers a side.
Biases are private to each site. Vincent et al. 2010, "Stacked Denoising Autoencoders"; Masci et
al. 2011, "Stacked Convolutional Auto-Encoders".
"""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import TYPE_CHECKING

from wszoo import layers
from wszoo.registry import register
from wszoo.sharing.plan import SharingPlan

if TYPE_CHECKING:
    import keras

    from wszoo.sharing.bank import Bank


def mirrored(sites: Sequence[str]) -> SharingPlan:
    """The n-th site from the front shares with the n-th from the back: `"ABBA"`."""
    return SharingPlan.cycle_rev(sites, len(sites) // 2)


def dense_sites(*, widths: Sequence[int], **_: object) -> list[str]:
    """Sites of `tied_ae` in call order: the encoder's layers, then the decoder's."""
    return _both_sides(len(widths))


def conv_sites(*, filters: Sequence[int], **_: object) -> list[str]:
    """Sites of `tied_conv_ae` in call order: the encoder's layers, then the decoder's."""
    return _both_sides(len(filters))


@register(
    sites=dense_sites,
    sharing=mirrored,
    task="reconstruction",
    family="autoencoder",
    default_tag="fashion_mnist",
)
def tied_ae(
    bank: "Bank",
    *,
    input_shape: tuple[int, ...] = (28, 28, 1),
    widths: Sequence[int] = (128, 32),
    activation: str = "relu",
) -> "keras.Model":
    """Dense autoencoder; the decoder's kernels are the encoder's, transposed.

    Maps `(batch, *input_shape)` in [0, 1] to the same shape. `widths` are those of the encoder's
    layers; the last is the code, layer `code`, and is linear.
    """
    import keras

    inputs = keras.Input(input_shape, name="input")
    x = keras.layers.Flatten(name="flatten")(inputs)
    sizes = [prod(input_shape), *widths]
    for i, (before, width) in enumerate(pairwise(sizes)):
        x = bank(f"encoder_{i}", layers.ReversibleDense, width, input_dim=before)(x)
        x = layers.Bias(name=f"encoder_bias_{i}")(x)
        last = i == len(widths) - 1
        x = keras.layers.Activation(
            "linear" if last else activation, name="code" if last else f"encoder_act_{i}"
        )(x)
    for i in reversed(range(len(widths))):
        x = bank(f"decoder_{i}", layers.ReversibleDense, sizes[i + 1], input_dim=sizes[i])(
            x, reverse=True
        )
        x = layers.Bias(name=f"decoder_bias_{i}")(x)
        x = keras.layers.Activation(activation if i else "sigmoid", name=f"decoder_act_{i}")(x)
    outputs = keras.layers.Reshape(input_shape, name="output")(x)
    return keras.Model(inputs, outputs, name="tied_ae")


@register(
    sites=conv_sites,
    sharing=mirrored,
    task="reconstruction",
    family="autoencoder",
    default_tag="fashion_mnist",
)
def tied_conv_ae(
    bank: "Bank",
    *,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    filters: Sequence[int] = (16, 32, 32),
    kernel_size: int = 3,
    activation: str = "relu",
) -> "keras.Model":
    """Convolutional autoencoder; the decoder runs the encoder's kernels as transposed ones.

    Maps `(batch, rows, columns, channels)` in [0, 1] to the same shape. Every layer halves rows
    and columns (rounding up; the decoder gives odd sizes back); layer `code` is linear.
    """
    import keras

    inputs = x = keras.Input(input_shape, name="input")
    channels = [input_shape[-1], *filters]
    sizes = [tuple(input_shape[:2])]
    spec = {"strides": 2, "padding": "same"}
    for i, (before, width) in enumerate(pairwise(channels)):
        conv = bank(
            f"encoder_{i}",
            layers.ReversibleConv2D,
            width,
            kernel_size,
            input_channels=before,
            **spec,
        )
        x = layers.Bias(name=f"encoder_bias_{i}")(conv(x))
        last = i == len(filters) - 1
        x = keras.layers.Activation(
            "linear" if last else activation, name="code" if last else f"encoder_act_{i}"
        )(x)
        sizes.append(tuple(x.shape[1:3]))
    for i in reversed(range(len(filters))):
        conv = bank(
            f"decoder_{i}",
            layers.ReversibleConv2D,
            channels[i + 1],
            kernel_size,
            input_channels=channels[i],
            **spec,
        )
        x = conv(x, reverse=True, output_size=sizes[i])
        x = layers.Bias(name=f"decoder_bias_{i}")(x)
        x = keras.layers.Activation(activation if i else "sigmoid", name=f"decoder_act_{i}")(x)
    return keras.Model(inputs, x, name="tied_conv_ae")


def _both_sides(depth: int) -> list[str]:
    if depth < 1:
        raise ValueError("an autoencoder needs at least one layer a side; received no widths")
    return [f"encoder_{i}" for i in range(depth)] + [f"decoder_{i}" for i in reversed(range(depth))]
