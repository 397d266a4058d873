"""Local connections whose kernels are shared by all, some or none of the positions.

Keras 2 had LocallyConnected1D and 2D, Keras 3 has none (keras#20830). These take the same
arguments and weights; `tiles` says how far the positions share, from none of them (the layer of
Keras 2) to all (a convolution).
"""

from math import prod

import keras
from keras import ops

from wszoo.arguments import OF_LAYERS, checked, one_word
from wszoo.layers.connections import Connections
from wszoo.layers.inner import InnerSharing
from wszoo.layers.local_common import (
    channels_last,
    check_tiles,
    connected,
    known_sizes,
    padded,
    per_group,
    positions_of,
)
from wszoo.layers.positions import PADDINGS, output_size, padded_sizes, sizes
from wszoo.layers.settings import Activation, Constraint, Initializer, Regularizer, Shape


class _LocallyConnected(keras.layers.Layer):
    """What the layers of one and of two dimensions have in common; see those."""

    grid_rank = 0

    @checked(also=OF_LAYERS, padding=one_word(*PADDINGS))
    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        activation: Activation = None,
        use_bias: bool = True,
        kernel_initializer: Initializer = "glorot_uniform",
        bias_initializer: Initializer = "zeros",
        kernel_regularizer: Regularizer = None,
        bias_regularizer: Regularizer = None,
        activity_regularizer: Regularizer = None,
        kernel_constraint: Constraint = None,
        bias_constraint: Constraint = None,
        implementation: int | None = None,
        *,
        tiles: int | tuple[int, ...] | None = None,
        **kwargs: object,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.data_format = channels_last(type(self).__name__, data_format)
        (self.filters,) = sizes("filters", filters, 1)
        self.kernel_size = sizes("kernel_size", kernel_size, self.grid_rank)
        self.strides = sizes("strides", strides, self.grid_rank)
        self.padding = padding
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.tiles = None if tiles is None else sizes("tiles", tiles, self.grid_rank)

    def build(self, input_shape: Shape) -> None:
        *grid, channels = known_sizes(self, input_shape)
        self.positions = positions_of(self, tuple(grid))
        self.tile_grid = self.positions if self.tiles is None else self.tiles
        check_tiles(self)
        taps, tiles = prod(self.kernel_size), prod(self.tile_grid)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(tiles, taps * channels, self.filters),
            initializer=per_group(self.kernel_initializer, taps, channels, self.filters),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                name="bias",
                shape=(*self.tile_grid, self.filters),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )
        if tiles > 1:
            whole = padded_sizes(tuple(grid), self.kernel_size, self.strides, self.padding)
            self.connections = Connections(
                whole, self.kernel_size, self.strides, self.tile_grid, channels
            )
        fixed = dict(enumerate((*grid, channels), start=1))
        self.input_spec = keras.InputSpec(ndim=self.grid_rank + 2, axes=fixed)

    def call(self, inputs: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        if prod(self.tile_grid) == 1:
            return self.activation(self._convolve(inputs))
        shape = (prod(self.tile_grid), -1, self.filters)
        weights = [ops.reshape(w, shape) for w in (self.kernel, self.bias) if w is not None]
        return connected(self, inputs, *weights, training=bool(training))

    def _convolve(self, x: keras.KerasTensor) -> keras.KerasTensor:
        kernel = ops.reshape(self.kernel, (*self.kernel_size, x.shape[-1], self.filters))
        padding = self.padding
        if padding == "circular":
            padding, x = "valid", padded(x, self.kernel_size, self.strides, padding)
        y = ops.conv(x, kernel, self.strides, padding, data_format="channels_last")
        return y if self.bias is None else y + ops.reshape(self.bias, (self.filters,))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        grid = [
            output_size(n, k, s, self.padding)
            for n, k, s in zip(input_shape[1:-1], self.kernel_size, self.strides, strict=True)
        ]
        return (input_shape[0], *grid, self.filters)

    def compute_output_spec(
        self, inputs: keras.KerasTensor, training: bool | None = None
    ) -> keras.KerasTensor:
        return keras.KerasTensor(self.compute_output_shape(inputs.shape), dtype=self.compute_dtype)

    def inner_sharing(self) -> InnerSharing | None:
        """Positions that share by tiles; `None` before the layer is built."""
        if not self.built:
            return None
        positions, tiles = prod(self.positions), prod(self.tile_grid)
        stored = sum(prod(w.shape) for w in self.weights)
        return InnerSharing("positions", positions, tiles, stored, stored // tiles * positions)

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "activity_regularizer": keras.regularizers.serialize(self.activity_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
            "tiles": self.tiles,
        }


@keras.saving.register_keras_serializable("wszoo")
class LocallyConnected1D(_LocallyConnected):
    """Local connections along a sequence; `tiles` runs of positions share a kernel each.

    Maps `(batch, steps, channels)` to `(batch, positions, filters)`. Everything else is as in
    `LocallyConnected2D`, with one axis: `tiles=4` is four runs, kernels have the shape
    `(tiles, kernel_size × channels, filters)` and biases `(tiles, filters)`.
    """

    grid_rank = 1


@keras.saving.register_keras_serializable("wszoo")
class LocallyConnected2D(_LocallyConnected):
    """A convolution whose kernel is shared within tiles of positions, or not at all.

    Maps `(batch, rows, columns, channels)` to `(batch, rows', columns', filters)`, as
    `keras.layers.Conv2D` does. `tiles=(r, c)` cuts the output positions into r × c equal
    rectangles, each with a kernel and a bias of its own: `(1, 1)` is the convolution, `None` as
    many tiles as positions. The counts must divide the positions.

    The kernel has the shape `(tiles, kernel rows × kernel columns × channels, filters)`, tiles
    row by row, and the bias `(tile rows, tile columns, filters)`. Without `tiles` those are the
    weights of Keras 2's layer (implementation 1): `layer.set_weights(old.get_weights())`. With
    one tile, `Conv2D`'s kernel reshaped. Initializers that scale by fan-in and fan-out take those
    of a convolution, so every tiling starts alike.

    Args:
        filters to bias_constraint: as in Keras 2, in its order. `padding` may also be
            `"circular"` (the image's ends meet; the size of `"same"`). `"same"` is `Conv2D`'s;
            Keras 2's local layers put the first kernel's centre on the first pixel instead,
            which differs for strides above 1 and for even kernels. Data format: channels last.
        implementation: taken so that old code runs, and not used.
        tiles: rows and columns of tiles; an integer for both; `None`: every position its own.

    Raises:
        ValueError: for sizes below 1, tiles that do not divide the positions (the error lists
            those that do), inputs of another rank or unknown size, a kernel larger than the
            image it must fit into, and `data_format="channels_first"`.

    Source: LeCun 1989, "Generalization and Network Design Strategies", compares the two ends.
    (In Le et al. 2010, "Tiled Convolutional Neural Networks", kernels alternate instead.)
    """

    grid_rank = 2
