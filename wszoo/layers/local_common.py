"""What layers with weights for each position have in common: shapes, fans, a wrapped border."""

import keras
from keras import ops

from wszoo.layers.positions import pads
from wszoo.layers.settings import Shape

# Activations that do not care in which order values lie; others wait for the batch to be first.
_NAMES = ("elu", "gelu", "leaky_relu", "linear", "relu", "selu", "sigmoid", "silu", "tanh")
ELEMENTWISE = {getattr(keras.activations, name) for name in _NAMES}


def channels_last(name: str, data_format: str | None) -> str:
    """`"channels_last"`. Raises `ValueError` for channels first, also where that is the default."""
    order = data_format or keras.config.image_data_format()
    if order != "channels_last":
        raise ValueError(
            f"{name} knows data_format='channels_last' alone; received {order!r}. Put a "
            "keras.layers.Permute before and after it"
        )
    return order


def known_sizes(layer: keras.Layer, shape: Shape) -> tuple[int, ...]:
    """Sizes and channels of an input shape, all known. Raises `ValueError`."""
    names = ("steps",) if layer.grid_rank == 1 else ("rows", "columns")
    if len(shape) != layer.grid_rank + 2 or None in tuple(shape)[1:]:
        raise ValueError(
            f"{layer.name!r} has weights for each position, so it wants (batch, "
            f"{', '.join(names)}, channels) with known sizes; received the shape {tuple(shape)}"
        )
    return tuple(size for size in shape[1:] if size is not None)


def positions_of(layer: keras.Layer, grid: tuple[int, ...]) -> tuple[int, ...]:
    """Output positions along each axis. Raises `ValueError` for a kernel that does not fit."""
    fits = all(k <= n for n, k in zip(grid, layer.kernel_size, strict=True))
    if not fits and layer.padding != "same":
        raise ValueError(
            f"{layer.name!r}: a kernel of {layer.kernel_size} does not fit into an input of {grid} "
            f"with padding={layer.padding!r}"
        )
    return tuple(layer.compute_output_shape((None, *grid, 1))[1:-1])


def check_tiles(layer: keras.Layer) -> None:
    """Raises `ValueError` unless the tiles divide the positions along each axis."""
    for axis, (n, t) in enumerate(zip(layer.positions, layer.tile_grid, strict=True)):
        if n % t:
            fit = ", ".join(str(d) for d in range(1, n + 1) if n % d == 0)
            raise ValueError(
                f"{layer.name!r}: tiles={layer.tiles} do not divide the {layer.positions} output "
                f"positions: along axis {axis + 1}, {n} positions can be cut into {fit} tiles"
            )


def per_group(
    initializer: keras.initializers.Initializer, taps: int, channels: int, filters: int
) -> keras.initializers.Initializer:
    """The initializer for kernels `(groups, taps × channels, filters)`, each as a convolution's."""
    if not isinstance(initializer, keras.initializers.VarianceScaling) or initializer.input_axes:
        return initializer
    fan_in, fan_out = taps * channels, taps * filters
    fan = {"fan_in": fan_in, "fan_out": fan_out}.get(initializer.mode, (fan_in + fan_out) / 2)
    return keras.initializers.VarianceScaling(
        initializer.scale * fan_in / fan,
        mode="fan_in",
        distribution=initializer.distribution,
        seed=initializer.seed,
        input_axes=(1,),
        output_axes=(2,),
    )


def connected(
    layer: keras.Layer,
    inputs: keras.KerasTensor,
    kernel: keras.KerasTensor,
    *bias: keras.KerasTensor,
    training: bool,
) -> keras.KerasTensor:
    """The outputs of a local layer, by its `connections`; see `Connections` for the tensors."""
    rank = layer.grid_rank
    x = ops.transpose(inputs, (*range(1, rank + 2), 0))
    x = padded(x, layer.kernel_size, layer.strides, layer.padding, axis=0)
    y = layer.connections(x, kernel, *bias, training=training)
    if not training:
        return layer.activation(y)
    batch_first = (rank + 1, *range(rank + 1))
    if layer.activation in ELEMENTWISE:  # TensorFlow drops this transposition and the next layer's
        return ops.transpose(layer.activation(y), batch_first)
    return layer.activation(ops.transpose(y, batch_first))


def padded(
    x: keras.KerasTensor,
    kernel: tuple[int, ...],
    strides: tuple[int, ...],
    padding: str,
    axis: int = 1,
) -> keras.KerasTensor:
    """`x` with zeros around its grid (same), or its other end (circular).

    The grid's first axis is `axis`; there are two more axes, of the batch and of channels.
    """
    sizes = enumerate(zip(kernel, strides, strict=True), start=axis)
    around = {i: pads(x.shape[i], k, s, padding) for i, (k, s) in sizes}
    if not any(sum(pair) for pair in around.values()):
        return x
    if padding == "same":
        return ops.pad(x, [around.get(i, (0, 0)) for i in range(len(x.shape))])
    for i, (before, after) in around.items():
        n = x.shape[i]
        first, last = (_slice(x, i, *ends) for ends in ((n - before, n), (0, after)))
        parts = [first] * (before > 0) + [x] + [last] * (after > 0)
        x = ops.concatenate(parts, i)
    return x


def _slice(x: keras.KerasTensor, axis: int, start: int, end: int) -> keras.KerasTensor:
    return x[(slice(None),) * axis + (slice(start, end),)]
