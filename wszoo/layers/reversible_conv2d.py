"""A convolution kernel that runs forward and, transposed, backward."""

import keras
from keras import ops

from wszoo.arguments import OF_LAYERS, checked, count, one_word
from wszoo.layers.settings import Constraint, Initializer, Regularizer, Shape


@keras.saving.register_keras_serializable("wszoo")
class ReversibleConv2D(keras.layers.Layer):
    """A convolution, or with `reverse=True` its transpose: the same kernel, strides and padding.

    The kernel has the shape `(height, width, input_channels, filters)`. Forward maps
    `(batch, rows, columns, input_channels)` to `(batch, rows', columns', filters)`; reverse is the
    adjoint of that linear map, so `<forward(x), z> == <x, reverse(z)>`. Several input sizes lead
    to one output size when strides skip; `output_size=(rows, columns)` in a reverse call says
    which one to give back, odd sizes included. Without it, reverse gives `rows' × stride`
    (`"same"`) or the smallest size that fits (`"valid"`). No bias and no activation, as in
    `ReversibleDense`. Data format: channels last.

    Args:
        filters: channels of the forward output.
        kernel_size: rows and columns of the kernel; an integer for both.
        strides: steps in pixels; an integer for both.
        padding: `"same"` or `"valid"`.
        input_channels: channels of the forward input; may be left out where the first call is
            forward.
        kernel_initializer, kernel_regularizer, kernel_constraint: as in `keras.layers.Conv2D`.

    Raises:
        ValueError: for sizes below 1, an unknown padding, an input that is not
            `(batch, rows, columns, channels)` with the role's channels, an `output_size` that
            forward would not map to the input's size, and a first call in reverse without
            `input_channels`.

    Source: Masci et al. 2011, "Stacked Convolutional Auto-Encoders".
    """

    shares_over_positions = True  # for the audit: one kernel at every position, in either role

    @checked(also=OF_LAYERS, padding=one_word("same", "valid"))
    def __init__(
        self,
        filters: int,
        kernel_size: int | tuple[int, int],
        *,
        strides: int | tuple[int, int] = 1,
        padding: str = "same",
        input_channels: int | None = None,
        kernel_initializer: Initializer = "glorot_uniform",
        kernel_regularizer: Regularizer = None,
        kernel_constraint: Constraint = None,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = _pair("kernel_size", kernel_size)
        self.strides = _pair("strides", strides)
        self.padding = padding
        self.input_channels = input_channels
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)

    def __call__(
        self, inputs: keras.KerasTensor, *args: object, reverse: bool = False, **kwargs: object
    ) -> keras.KerasTensor:
        if reverse and not self.built and self.input_channels is None:
            raise ValueError(
                f"{self.name!r} is first called in reverse, so its kernel's depth is unknown: give "
                f"ReversibleConv2D({self.filters}, {self.kernel_size}, input_channels=…)"
            )
        return super().__call__(inputs, *args, reverse=reverse, **kwargs)

    def build(self, input_shape: Shape) -> None:
        if self.input_channels is None:
            self.input_channels = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(*self.kernel_size, self.input_channels, self.filters),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )

    def call(
        self,
        inputs: keras.KerasTensor,
        reverse: bool = False,
        output_size: tuple[int, int] | None = None,
    ) -> keras.KerasTensor:
        self._check(inputs, reverse, output_size)
        common = {
            "strides": self.strides,
            "padding": self.padding,
            "data_format": "channels_last",
        }
        if not reverse:
            return ops.conv(inputs, self.kernel, **common)
        extra = self._output_padding(tuple(inputs.shape[1:3]), output_size)
        return ops.conv_transpose(inputs, self.kernel, output_padding=extra, **common)

    def compute_output_spec(
        self,
        inputs: keras.KerasTensor,
        reverse: bool = False,
        output_size: tuple[int, int] | None = None,
    ) -> keras.KerasTensor:
        # Keras would otherwise trace `call` with output_size as a tensor (JAX).
        self._check(inputs, reverse, output_size)
        same = self.padding == "same"
        sizes: list[int | None] = []
        pads = self._output_padding(tuple(inputs.shape[1:3]), output_size) if reverse else (0, 0)
        for n, k, s, pad in zip(
            inputs.shape[1:3], self.kernel_size, self.strides, pads, strict=True
        ):
            if n is None:
                sizes.append(None)
            elif reverse:
                sizes.append((n - 1) * s + k - (2 * (k // 2) if same else 0) + pad)
            else:
                sizes.append(-(-n // s) if same else (n - k) // s + 1)
        channels = self.input_channels if reverse else self.filters
        shape = (inputs.shape[0], *sizes, channels)
        return keras.KerasTensor(shape, dtype=self.compute_dtype)

    def _check(
        self, inputs: keras.KerasTensor, reverse: bool, output_size: tuple[int, int] | None
    ) -> None:
        wanted = self.filters if reverse else self.input_channels
        if len(inputs.shape) != 4 or inputs.shape[-1] != wanted:
            role = "reverse" if reverse else "forward"
            raise ValueError(
                f"{self.name!r} called {role} wants (batch, rows, columns, {wanted}); received the "
                f"shape {tuple(inputs.shape)}"
            )
        if output_size is not None and not reverse:
            raise ValueError("output_size is an argument of a reverse call alone")

    def _output_padding(
        self, rows_columns: tuple[int | None, ...], output_size: tuple[int, int] | None
    ) -> tuple[int, ...]:
        """Pixels that Keras is to add to its base size, `(n - 1) × stride + kernel - 2 × pad`."""
        if output_size is not None:
            output_size = _pair("output_size", output_size)
        extra = []
        for axis, (n, k, s) in enumerate(
            zip(rows_columns, self.kernel_size, self.strides, strict=True)
        ):
            same = self.padding == "same"
            if output_size is None:
                extra.append(s - k + 2 * (k // 2) if same else max(s - k, 0))
                continue
            size = output_size[axis]
            forward = -(-size // s) if same else (size - k) // s + 1
            if n is not None and forward != n:  # None: a size known when the model runs
                raise ValueError(
                    f"{self.name!r} cannot give back output_size={output_size}: forward maps "
                    f"{size} to {forward} along axis {axis + 1}, and the input has {n} there"
                )
            extra.append(size - ((forward - 1) * s + k - (2 * (k // 2) if same else 0)))
        return tuple(extra)

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "input_channels": self.input_channels,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
        }


def _pair(name: str, value: object) -> tuple[int, int]:
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(pair) != 2:
        raise ValueError(f"{name} must be one or two whole numbers; received {value!r}")
    return count(name, pair[0]), count(name, pair[1])
