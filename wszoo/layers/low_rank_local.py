"""A few shared kernels, mixed anew at every position: between a convolution and local kernels."""

from math import prod

import keras
from keras import ops

from wszoo.arguments import OF_LAYERS, checked, one_word
from wszoo.layers.connections import Connections
from wszoo.layers.inner import InnerSharing
from wszoo.layers.local_common import (
    channels_last,
    connected,
    known_sizes,
    padded,
    per_group,
    positions_of,
)
from wszoo.layers.positions import PADDINGS, output_size, padded_sizes, sizes
from wszoo.layers.settings import Activation, Initializer, Regularizer, Shape


@keras.saving.register_keras_serializable("wszoo")
class LowRankLocallyConnected2D(keras.layers.Layer):
    """Each position's kernel is a mixture of `rank` basis kernels, with learnt weights.

    Maps `(batch, rows, columns, channels)` to `(batch, rows', columns', filters)`. The kernel at
    (i, j) is `sum_k w[i, j, k] × kernel[k]` with `w[i, j] = softmax(row_logits[i] +
    column_logits[j])`, and the bias is `bias + row_bias[i] + column_bias[j]`. Logits start at
    zero, so the layer starts as a convolution; `rank=1` stays one (but for the biases).

    Weights: `kernel (rank, kernel rows × kernel columns × channels, filters)`, `row_logits (rows',
    rank)`, `column_logits (columns', rank)`, `bias (filters,)`, `row_bias (rows', 1)`,
    `column_bias (columns', 1)`.

    Args:
        filters, kernel_size, strides, activation, use_bias, initializers, regularizers: as in
            `keras.layers.Conv2D`; `kernel_` is of the basis kernels.
        rank: number of basis kernels.
        padding: `"valid"`, `"same"` or `"circular"`.
        logits_regularizer: of the row and column logits.

    Raises:
        ValueError: for sizes below 1, an unknown padding, inputs of another rank or unknown
            size, a kernel larger than the image, and `data_format="channels_first"`.

    Source: Elsayed et al. 2020, "Revisiting Spatial Invariance with Low-Rank Local Connectivity".
    """

    grid_rank = 2

    @checked(also=OF_LAYERS, padding=one_word(*PADDINGS))
    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        rank: int = 2,  # enough to beat a convolution on most of the paper's data sets
        strides: int | tuple[int, int] = 1,
        padding: str = "valid",
        data_format: str | None = None,
        activation: Activation = None,
        use_bias: bool = True,
        kernel_initializer: Initializer = "glorot_uniform",
        bias_initializer: Initializer = "zeros",
        kernel_regularizer: Regularizer = None,
        bias_regularizer: Regularizer = None,
        logits_regularizer: Regularizer = None,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.data_format = channels_last(type(self).__name__, data_format)
        (self.filters,) = sizes("filters", filters, 1)
        (self.rank,) = sizes("rank", rank, 1)
        self.kernel_size = sizes("kernel_size", kernel_size, 2)
        self.strides = sizes("strides", strides, 2)
        self.padding = padding
        self.activation = keras.activations.get(activation)
        self.use_bias = use_bias
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.logits_regularizer = keras.regularizers.get(logits_regularizer)

    def build(self, input_shape: Shape) -> None:
        *grid, channels = known_sizes(self, input_shape)
        self.positions = positions_of(self, tuple(grid))
        rows, columns = self.positions
        taps = prod(self.kernel_size)
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.rank, taps * channels, self.filters),
            initializer=per_group(self.kernel_initializer, taps, channels, self.filters),
            regularizer=self.kernel_regularizer,
        )
        logits = {"initializer": "zeros", "regularizer": self.logits_regularizer}
        self.row_logits = self.add_weight(name="row_logits", shape=(rows, self.rank), **logits)
        self.column_logits = self.add_weight(
            name="column_logits", shape=(columns, self.rank), **logits
        )
        if self.use_bias:
            self.bias, self.row_bias, self.column_bias = (
                self.add_weight(
                    name=name,
                    shape=shape,
                    initializer=self.bias_initializer,
                    regularizer=self.bias_regularizer,
                )
                for name, shape in (
                    ("bias", (self.filters,)),
                    ("row_bias", (rows, 1)),
                    ("column_bias", (columns, 1)),
                )
            )
        whole = padded_sizes(tuple(grid), self.kernel_size, self.strides, self.padding)
        self.connections = Connections(
            whole, self.kernel_size, self.strides, self.positions, channels
        )
        fixed = dict(enumerate((*grid, channels), start=1))
        self.input_spec = keras.InputSpec(ndim=4, axes=fixed)

    def mixture(self) -> keras.KerasTensor:
        """`(rows', columns', rank)`: what each position takes of each basis kernel; sums to 1."""
        logits = self.row_logits[:, None] + self.column_logits[None]
        # Not ops.softmax, which warns of an axis of one: rank 1 is a case, not a mistake.
        return ops.exp(logits - ops.logsumexp(logits, axis=-1, keepdims=True))

    def call(self, inputs: keras.KerasTensor, training: bool | None = None) -> keras.KerasTensor:
        """In training one kernel a position is mixed first: about half the time at rank 4, a little
        less at rank 2. A file holds a convolution, mixed after it."""
        if training and self.rank > 1:
            return self._connect(inputs)
        x, padding = inputs, self.padding
        if padding == "circular":
            padding, x = "valid", padded(x, self.kernel_size, self.strides, padding)
        kernel = ops.reshape(
            ops.transpose(self.kernel, (1, 0, 2)),
            (*self.kernel_size, x.shape[-1], self.rank * self.filters),
        )
        y = ops.conv(x, kernel, self.strides, padding, data_format="channels_last")
        count = prod(self.positions)
        y = ops.reshape(y, (-1, count, self.rank, self.filters))
        y = ops.sum(y * ops.reshape(self.mixture(), (count, self.rank, 1)), axis=2)
        y = ops.reshape(y, (-1, *self.positions, self.filters))
        if self.use_bias:
            # One by one: a sum of the three would be stored for each position in a LiteRT file.
            y = ((y + self.bias) + self.row_bias[:, None]) + self.column_bias[None]
        return self.activation(y)

    def _connect(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        count = prod(self.positions)
        mixture = ops.reshape(self.mixture(), (count, self.rank))
        kernel = ops.matmul(mixture, ops.reshape(self.kernel, (self.rank, -1)))
        weights = [ops.reshape(kernel, (count, -1, self.filters))]
        if self.use_bias:
            bias = self.bias + self.row_bias[:, None] + self.column_bias[None]
            weights.append(ops.reshape(bias, (count, 1, self.filters)))
        return connected(self, inputs, *weights, training=True)

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
        """Positions that share the basis kernels; `None` before the layer is built."""
        if not self.built:
            return None
        positions = prod(self.positions)
        stored = sum(prod(w.shape) for w in self.weights)
        own = prod(self.kernel.shape[1:]) + self.filters * self.use_bias
        return InnerSharing("positions", positions, self.rank, stored, positions * own)

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "rank": self.rank,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "bias_initializer": keras.initializers.serialize(self.bias_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "logits_regularizer": keras.regularizers.serialize(self.logits_regularizer),
        }
