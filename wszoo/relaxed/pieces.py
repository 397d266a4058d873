"""Which layers can be relaxed, and how each is taken apart and put together again.

A layer is one or two *pieces*, each a kernel between inputs and outputs with, perhaps, a bias and
an activation. A piece is relaxed as a *bare* layer, its kernel alone, and a `LowRankPart` for what
is private to a site.
"""

from string import ascii_lowercase
from typing import Any

import keras
import numpy as np

from wszoo.layers import Attend, LowRankPart, ReversibleDense, SelfAttention

CONVOLUTIONS = (keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D)
RELAXABLE = (keras.layers.Dense, keras.layers.EinsumDense, *CONVOLUTIONS, ReversibleDense)
VALID = ", ".join(kind.__name__ for kind in (*RELAXABLE, SelfAttention))


def why_not(layer: keras.Layer, rank: int = 2) -> str | None:
    """Why a built layer cannot be relaxed, or `None` where it can."""
    if type(layer) is SelfAttention:
        return None
    if type(layer) not in RELAXABLE:
        return f"a {type(layer).__name__} is none of {VALID}"
    if getattr(layer, "kernel_constraint", None) is not None:
        return "its kernel has a constraint, which a sum of two kernels would not keep"
    if getattr(layer, "lora_enabled", False) or getattr(layer, "quantization_mode", None):
        return "it is quantized or has a LoRA of its own"
    if isinstance(layer, CONVOLUTIONS):
        if layer.groups != 1:
            return f"it is a convolution of {layer.groups} groups"
        if layer.data_format != "channels_last" or layer.padding == "causal":
            return f"it is a convolution with {layer.data_format} and padding {layer.padding!r}"
    try:
        low_rank_part(layer, "part", rank, axes=rank, reverse=False)
    except ValueError as error:
        return str(error)
    return None


def pieces_of(layer: keras.Layer, positions: int | None) -> dict[str, keras.Layer]:
    """Suffix of the site's name → built layer with the values of that piece.

    `positions` are those of an attention's input.
    """
    if type(layer) is not SelfAttention:
        return {"": layer}
    parts = {}
    for part, factor in (("qkv", 3), ("out", 1)):
        kernel, bias = (getattr(layer, f"{part}_{weight}") for weight in ("kernel", "bias"))
        width = kernel.shape[0]
        parts[f"_{part}"] = piece = keras.layers.EinsumDense(
            "btw,wu->btu",
            (positions, factor * width),
            bias_axes="u",
            kernel_initializer=layer.kernel_initializer,
            dtype=layer.dtype_policy,
            name=f"{layer.name}_{part}",
        )
        piece.build((None, positions, width))
        piece.trainable = layer.trainable
        for old, new in ((kernel, piece.kernel), (bias, piece.bias)):
            new.assign(keras.ops.copy(old))
            new.trainable = old.trainable
    return parts


def bare(piece: keras.Layer, name: str) -> keras.Layer:
    """A new layer with the kernel of a piece and nothing else; values are not copied."""
    config = piece.get_config() | {"name": name}
    if type(piece) is not ReversibleDense:
        config |= {"activation": "linear", "bias_regularizer": None, "bias_constraint": None}
        config |= {"activity_regularizer": None}
        config |= {"bias_axes": None} if "bias_axes" in config else {"use_bias": False}
    return type(piece).from_config(config)


def low_rank_part(
    piece: keras.Layer, name: str, rank: int, *, axes: int, reverse: bool
) -> LowRankPart:
    """What is private to one site of a piece; `axes` are those of its input, `reverse` its role."""
    kernel_shape = tuple(piece.kernel.shape)
    settings: dict[str, Any] = {"name": name, "dtype": piece.dtype_policy}
    if type(piece) is ReversibleDense:
        ends = "zy" if reverse else "yz"
        return _part(rank, kernel_shape=kernel_shape, equation=_dense(axes, *ends), **settings)
    for key in ("bias_initializer", "bias_regularizer", "bias_constraint", "activity_regularizer"):
        settings[key] = getattr(piece, key)
    settings |= {"activation": piece.activation, "kernel_shape": kernel_shape}
    if isinstance(piece, keras.layers.EinsumDense):
        return _part(rank, equation=piece.equation, bias_axes=piece.bias_axes, **settings)
    settings["bias_axes"] = "z" if piece.use_bias else None
    if isinstance(piece, keras.layers.Dense):
        return _part(rank, equation=_dense(axes, "y", "z"), **settings)
    how = {key: getattr(piece, key) for key in ("strides", "padding", "dilation_rate")}
    return _part(rank, convolution=how, **settings)


def _part(rank: int, **settings: Any) -> LowRankPart:
    """A part of this rank, or of the full one where that is less."""
    part = LowRankPart(rank, **settings)
    return part if rank <= part.full_rank else LowRankPart(part.full_rank, **settings)


def whole(shared: keras.Layer, part: LowRankPart, name: str) -> keras.Layer:
    """The plain layer of a site, not built: what `bare` and `low_rank_part` took apart."""
    config = shared.get_config() | {"name": name}
    if type(shared) is not ReversibleDense:
        mine = part.get_config()
        for key in ("activation", "bias_initializer", "bias_regularizer", "bias_constraint"):
            config[key] = mine[key]
        config["activity_regularizer"] = mine.get("activity_regularizer")
        if "bias_axes" in config:
            config["bias_axes"] = part.bias_axes
        else:
            config["use_bias"] = part.bias is not None
    return type(shared).from_config(config)


def fill(layer: keras.Layer, kernel: np.ndarray, part: LowRankPart) -> None:
    """Gives a whole layer, once it is built, its kernel, and the bias and the flags of a part."""
    layer.kernel.assign(kernel)
    layer.trainable = part.trainable
    if part.bias is not None:
        layer.bias.assign(keras.ops.copy(part.bias))
        layer.bias.trainable = part.bias.trainable


def joined(qkv: keras.Layer, attend: Attend, name: str) -> SelfAttention:
    """The attention of whose two pieces one is `qkv`, around an `Attend`; not built."""
    return SelfAttention(
        attend.heads,
        causal=attend.causal,
        kernel_initializer=qkv.kernel_initializer,
        dtype=qkv.dtype_policy,
        name=name,
    )


def fill_joined(layer: SelfAttention, qkv: keras.Layer, out: keras.Layer) -> None:
    """Gives an attention, once it is built, the values and flags of its pieces."""
    layer.trainable = qkv.trainable
    for new, old in zip(layer.weights, (qkv.kernel, out.kernel, qkv.bias, out.bias), strict=True):
        new.assign(keras.ops.copy(old))
        new.trainable = old.trainable


def _dense(axes: int, first: str, last: str) -> str:
    kept = ascii_lowercase[: axes - 1]
    return f"{kept}{first},yz->{kept}{last}"
