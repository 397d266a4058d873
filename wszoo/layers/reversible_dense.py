"""A dense kernel that runs forward and, transposed, backward."""

import keras
from keras import ops

from wszoo.arguments import OF_LAYERS, checked
from wszoo.layers.settings import Constraint, Initializer, Regularizer, Shape


@keras.saving.register_keras_serializable("wszoo")
class ReversibleDense(keras.layers.Layer):
    """`x @ kernel`, or with `reverse=True` `x @ transpose(kernel)`: one kernel, two roles.

    The kernel has the shape `(input_dim, units)`. Forward maps `(..., input_dim)` to
    `(..., units)`; reverse maps `(..., units)` to `(..., input_dim)`. There is no bias and no
    activation: what the two roles do not share stays outside (see `wszoo.layers.Bias`).
    The role is a call argument, as in `keras.layers.ReversibleEmbedding`.

    Args:
        units: width of the forward output.
        input_dim: width of the forward input; may be left out where the first call is forward.
        kernel_initializer, kernel_regularizer, kernel_constraint: as in `keras.layers.Dense`.

    Raises:
        ValueError: for sizes below 1, an input whose last axis does not fit the role, and a first
            call in reverse without `input_dim`.

    Source: weight tying of autoencoders, Vincent et al. 2010, "Stacked Denoising Autoencoders".
    """

    @checked(also=OF_LAYERS)
    def __init__(
        self,
        units: int,
        *,
        input_dim: int | None = None,
        kernel_initializer: Initializer = "glorot_uniform",
        kernel_regularizer: Regularizer = None,
        kernel_constraint: Constraint = None,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.supports_masking = True
        self.units = units
        self.input_dim = input_dim
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)

    def __call__(
        self, inputs: keras.KerasTensor, *args: object, reverse: bool = False, **kwargs: object
    ) -> keras.KerasTensor:
        if reverse and not self.built and self.input_dim is None:
            raise ValueError(
                f"{self.name!r} is first called in reverse, so its kernel's width is unknown: "
                f"give ReversibleDense({self.units}, input_dim=…)"
            )
        return super().__call__(inputs, *args, reverse=reverse, **kwargs)

    def build(self, input_shape: Shape) -> None:
        if self.input_dim is None:
            self.input_dim = input_shape[-1]
        self.kernel = self.add_weight(
            name="kernel",
            shape=(self.input_dim, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )

    def call(self, inputs: keras.KerasTensor, reverse: bool = False) -> keras.KerasTensor:
        self._check(inputs, reverse)
        kernel = ops.transpose(self.kernel) if reverse else self.kernel
        return ops.matmul(inputs, kernel)

    def compute_output_spec(
        self, inputs: keras.KerasTensor, reverse: bool = False
    ) -> keras.KerasTensor:
        self._check(inputs, reverse)
        width = self.input_dim if reverse else self.units
        return keras.KerasTensor((*inputs.shape[:-1], width), dtype=self.compute_dtype)

    def _check(self, inputs: keras.KerasTensor, reverse: bool) -> None:
        wanted = self.units if reverse else self.input_dim
        if inputs.shape[-1] != wanted:
            role = "reverse" if reverse else "forward"
            raise ValueError(
                f"{self.name!r} called {role} wants a last axis of {wanted}; received the shape "
                f"{tuple(inputs.shape)} (kernel {self.input_dim} × {self.units})"
            )

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "units": self.units,
            "input_dim": self.input_dim,
            "kernel_initializer": keras.initializers.serialize(self.kernel_initializer),
            "kernel_regularizer": keras.regularizers.serialize(self.kernel_regularizer),
            "kernel_constraint": keras.constraints.serialize(self.kernel_constraint),
        }
