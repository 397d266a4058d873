"""What one site adds to a kernel that it shares: a low-rank part, a bias and an activation."""

import re
from math import prod
from string import ascii_lowercase

import keras
import numpy as np
from keras import ops

from wszoo.arguments import OF_LAYERS, checked, count, each, mapping
from wszoo.layers.settings import Activation, Constraint, Initializer, Regularizer, Shape

# Singular values below this share of the largest are rounding, and their directions start anew.
NOTHING = 1e-6


def small() -> keras.initializers.Initializer:
    """An initializer of small values, for a part that starts near nothing."""
    return keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")


_EQUATION = re.compile(r"([a-zA-Z.]+),([a-zA-Z]+)->([a-zA-Z.]+)")


@keras.saving.register_keras_serializable("wszoo")
class LowRankPart(keras.layers.Layer):
    """`activation(outputs + x · down · up + bias)`: the private part of a relaxed site.

    `outputs` is what a shared layer without bias and activation makes of `x`, so together they
    compute with the kernel `shared + down · up`. As it is built, `up` is zero: the site starts as
    the shared layer alone.

    Args:
        rank: width between `down` and `up`.
        kernel_shape: shape of the shared kernel.
        equation: how the shared kernel is applied, as in `keras.layers.EinsumDense`:
            `"ab,bc->ac"` for a dense layer. `None` with `convolution`.
        convolution: `strides`, `padding` and `dilation_rate` of the shared convolution, whose
            kernel is (rows, columns, …, input channels, filters); channels last.
        bias_axes: axes of the output that have a bias, as in `EinsumDense`; for a convolution
            anything but `None` is a bias a filter.
        activation: applied to the sum.
        down_initializer: uniform within ± 1 / √inputs by default, as in the code of LoRA.
        up_initializer, bias_initializer, bias_regularizer, bias_constraint: as in Keras.

    Call arguments:
        outputs: of the shared layer; the result has its shape, and its mask.
        inputs: of the shared layer.

    Raises:
        ValueError: for a rank below 1, and a kernel that has no matrix from inputs to outputs.

    Source: Hu et al. 2022, "LoRA"; relaxed tying, Bae et al. 2024, arXiv 2410.20672.
    """

    @checked(also=OF_LAYERS, kernel_shape=each(count), convolution=mapping)
    def __init__(
        self,
        rank: int,
        *,
        kernel_shape: tuple[int, ...],
        equation: str | None = None,
        convolution: dict[str, object] | None = None,
        bias_axes: str | None = None,
        activation: Activation = None,
        down_initializer: Initializer | None = None,
        up_initializer: Initializer = "zeros",
        bias_initializer: Initializer = "zeros",
        bias_regularizer: Regularizer = None,
        bias_constraint: Constraint = None,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        if (equation is None) == (convolution is None):
            raise ValueError("give either an equation or a convolution")
        self.supports_masking = True
        self.rank, self.kernel_shape = rank, tuple(kernel_shape)
        self.equation, self.convolution, self.bias_axes = equation, convolution, bias_axes
        self.activation = keras.activations.get(activation)
        self.down_initializer = keras.initializers.get(down_initializer or small())
        self.up_initializer = keras.initializers.get(up_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self._parse(equation)

    def _parse(self, equation: str | None) -> None:
        """Reads which axes of the kernel are summed over and which it makes."""
        if equation is None:
            inputs, kernel, output = "", ascii_lowercase[: len(self.kernel_shape)], ""
            output = kernel[-1]
        else:
            parts = _EQUATION.fullmatch(equation.replace(" ", ""))
            if parts is None:
                raise ValueError(f"equation must be such as 'ab,bc->ac'; received {equation!r}")
            inputs, kernel, output = parts.groups()
        if set(self.bias_axes or "") - set(output) and equation is not None:
            raise ValueError(
                f"bias_axes must be axes of the output {output!r}; received {self.bias_axes!r}"
            )
        summed = "".join(a for a in kernel if a not in output)
        produced = "".join(a for a in kernel if a in output)
        unread = any(a not in inputs for a in summed) and equation is not None
        if not summed or not produced or unread or any(a in inputs for a in produced):
            raise ValueError(
                f"a low-rank part needs a kernel that is a matrix from inputs to outputs; the one "
                f"of {equation!r} is not"
            )
        if len(kernel) != len(self.kernel_shape):
            raise ValueError(f"{equation!r} does not fit a kernel of shape {self.kernel_shape}")
        r = next(a for a in ascii_lowercase if a not in f"{equation}{kernel}")
        self._kernel, self._summed, self._produced = kernel, summed, produced
        # r stands where the first axis is that is summed over: "abc,bcd->ad" goes through "ar".
        between = "".join("" if a in summed[1:] else a for a in inputs).replace(summed[0], r)
        self._down_equation = f"{inputs},{summed}{r}->{between}"
        self._up_equation = f"{between},{r}{produced}->{output}"
        self._out_axes, self._product = output, f"{summed}{r},{r}{produced}->{kernel}"

    @property
    def full_rank(self) -> int:
        """The rank from which on every kernel can be reached."""
        size = dict(zip(self._kernel, self.kernel_shape, strict=True))
        return min(prod(size[a] for a in axes) for axes in (self._summed, self._produced))

    def build(self, outputs_shape: Shape, inputs_shape: Shape) -> None:
        size = dict(zip(self._kernel, self.kernel_shape, strict=True))
        summed, produced = ([size[a] for a in axes] for axes in (self._summed, self._produced))
        self.down = self.add_weight(
            name="down", shape=(*summed, self.rank), initializer=self.down_initializer
        )
        self.up = self.add_weight(
            name="up", shape=(self.rank, *produced), initializer=self.up_initializer
        )
        self.bias = None
        if self.bias_axes is not None:
            self.bias = self.add_weight(
                name="bias",
                shape=self._bias_shape(outputs_shape),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def _bias_shape(self, outputs_shape: Shape) -> Shape:
        if self.equation is None or self.bias_axes is None:
            return (self.kernel_shape[-1],)
        named = self._out_axes.replace("...", "")
        axes = self._out_axes.replace("...", "." * (len(outputs_shape) - len(named)))
        has = [axis in (self.bias_axes or "") for axis in axes]
        first = has.index(True)
        return tuple(n if h else 1 for n, h in zip(outputs_shape[first:], has[first:], strict=True))

    def call(self, outputs: keras.KerasTensor, inputs: keras.KerasTensor) -> keras.KerasTensor:
        if self.convolution is None:
            x = ops.einsum(self._down_equation, inputs, self.down)
            x = ops.einsum(self._up_equation, x, self.up)
        else:
            x = ops.conv(inputs, self.down, data_format="channels_last", **self.convolution)
            ones = (1,) * (len(self.kernel_shape) - 2)
            up = ops.reshape(self.up, (*ones, *self.up.shape))
            x = ops.conv(x, up, data_format="channels_last", padding="valid")
        x = outputs + x
        if self.bias is not None:
            x = x + self.bias
        return self.activation(x)

    def compute_output_shape(self, outputs_shape: Shape, inputs_shape: Shape) -> Shape:
        return tuple(outputs_shape)

    def kernel(self) -> np.ndarray:
        """`down · up` in the shape of the shared kernel, in float64."""
        down, up = (np.asarray(ops.convert_to_numpy(w), "float64") for w in (self.down, self.up))
        product: np.ndarray = np.einsum(self._product, down, up)
        return product

    @checked()
    def approximate(self, kernel: np.ndarray) -> None:
        """Sets `down · up` to the nearest kernel of this rank (truncated SVD).

        Where less than `rank` directions are needed, the others keep `down` and get a zero `up`.
        """
        order = [self._kernel.index(a) for a in self._summed + self._produced]
        rows = int(np.prod(self.down.shape[:-1]))
        matrix = np.asarray(kernel, "float64").transpose(order).reshape(rows, -1)
        left, values, right = np.linalg.svd(matrix, full_matrices=False)
        kept = min(self.rank, int(np.sum(values > NOTHING * max(values[0], np.finfo("f4").tiny))))
        root = np.sqrt(values[:kept])
        down = np.array(ops.convert_to_numpy(self.down)).reshape(rows, self.rank)
        up = np.zeros((self.rank, matrix.shape[1]), down.dtype)
        down[:, :kept], up[:kept] = left[:, :kept] * root, root[:, None] * right[:kept]
        self.down.assign(down.reshape(self.down.shape))
        self.up.assign(up.reshape(self.up.shape))

    def get_config(self) -> dict[str, object]:
        config: dict[str, object] = {
            "rank": self.rank,
            "kernel_shape": self.kernel_shape,
            "equation": self.equation,
            "convolution": self.convolution,
            "bias_axes": self.bias_axes,
            "activation": keras.activations.serialize(self.activation),
            "bias_regularizer": keras.regularizers.serialize(self.bias_regularizer),
            "bias_constraint": keras.constraints.serialize(self.bias_constraint),
        }
        for name in ("down_initializer", "up_initializer", "bias_initializer"):
            config[name] = keras.initializers.serialize(getattr(self, name))
        return {**super().get_config(), **config}
