"""A recurrent layer in which a plan over time steps says which steps share a cell."""

import re
from itertools import groupby

import keras
from keras import ops

from wszoo import checks
from wszoo.arguments import OF_LAYERS, checked, count, one_word
from wszoo.layers.inner import InnerSharing
from wszoo.layers.settings import Activation, Initializer, Regularizer, Shape

CELLS = {"simple": keras.layers.SimpleRNN, "gru": keras.layers.GRU, "lstm": keras.layers.LSTM}
_LABEL = re.compile(r"[A-Z][a-z]*")
States = list[keras.KerasTensor]


def _steps(name: str, value: object) -> object:
    """Raises `ValueError` for what is neither a number of groups nor a row of labels."""
    if not isinstance(value, int | str) or isinstance(value, bool) or value in (0, ""):
        raise ValueError(
            f"{name} must be None (one group), a positive number of groups, or a label a step such "
            f"as 'AABB'; received {checks.shown(value)}"
        )
    return _labels(value) if isinstance(value, str) else count(name, value)


@keras.saving.register_keras_serializable("wszoo")
class TimeSharedRNN(keras.layers.Layer):
    """SimpleRNN, GRU or LSTM whose weights at each time step are those of the step's group.

    Maps `(batch, steps, features)` to the last output `(batch, units)`, or to all of them,
    `(batch, steps, units)`, with `return_sequences=True`. With one group this is Keras' own layer,
    over any number of steps. With a group a step every step has weights of its own: the untied
    twin, which can be called on no more steps than it has weights for. The state runs through all
    steps either way.

    Each group is a layer of Keras with its weights. Neighbouring steps of one group are one call
    of it: one loop, as in Keras (on a GPU its fused kernels). A step that stands alone is called
    without a loop, so the graph grows with the number of changes between groups.
    Masks are not supported.

    Args:
        units: width of the output and the state.
        cell: `"simple"`, `"gru"` or `"lstm"`.
        steps: which steps share, in the order in which they run: a label a step, `"AABB"`, spelled
            as a plan (past 26 groups `"Aa"`, `"Ab"`, …; a shorter input uses the first labels); or
            an integer, so many groups of neighbours in each input; `None` for one group.
        activation, recurrent_activation, use_bias, kernel_initializer, recurrent_initializer,
        bias_initializer, kernel_regularizer, recurrent_regularizer, bias_regularizer, reset_after:
            as in Keras; those that a cell does not have are left unused. An initializer with a seed
            of its own gives all groups the same values to start from.
        return_sequences: give the output of every step.
        go_backwards: run from the last step to the first; outputs come in that order.
        unroll: no loops. LiteRT needs it for a free batch dimension.

    Raises:
        ValueError: for sizes below 1, an unknown cell, a malformed plan, an input that is not
            `(batch, steps, features)`, and one with more steps than the plan has labels, fewer
            steps than groups are asked for, or (with a plan) an unknown number of steps.

    Source: recurrent networks are tied over time since Elman 1990, "Finding Structure in Time";
    weights that change with the step: Oh, Wang & Wiens 2019, "Relaxed Parameter Sharing".
    """

    @checked(also=OF_LAYERS, cell=one_word(*CELLS), steps=_steps)
    def __init__(
        self,
        units: int,
        *,
        cell: str = "gru",
        steps: str | int | None = None,
        activation: Activation = "tanh",
        recurrent_activation: Activation = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Initializer = "glorot_uniform",
        recurrent_initializer: Initializer = "orthogonal",
        bias_initializer: Initializer = "zeros",
        kernel_regularizer: Regularizer = None,
        recurrent_regularizer: Regularizer = None,
        bias_regularizer: Regularizer = None,
        reset_after: bool = True,
        return_sequences: bool = False,
        go_backwards: bool = False,
        unroll: bool = False,
        **kwargs: object,
    ):
        super().__init__(**kwargs)
        self.units, self.cell, self.steps = units, cell, steps
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.use_bias, self.reset_after = use_bias, reset_after
        self.initializers = {
            "kernel_initializer": keras.initializers.get(kernel_initializer),
            "recurrent_initializer": keras.initializers.get(recurrent_initializer),
            "bias_initializer": keras.initializers.get(bias_initializer),
        }
        self.regularizers = {
            "kernel_regularizer": keras.regularizers.get(kernel_regularizer),
            "recurrent_regularizer": keras.regularizers.get(recurrent_regularizer),
            "bias_regularizer": keras.regularizers.get(bias_regularizer),
        }
        self.return_sequences, self.go_backwards, self.unroll = (
            return_sequences,
            go_backwards,
            unroll,
        )
        self._known_steps: int | None = None
        self.groups = [self._group(i) for i in range(_number_of_groups(steps))]

    def _group(self, index: int) -> keras.layers.RNN:
        settings = {
            "activation": self.activation,
            "use_bias": self.use_bias,
            # Serialised, for a copy each: one initializer object gives the same values every time.
            **{k: keras.initializers.serialize(v) for k, v in self.initializers.items()},
            **self.regularizers,
            "return_sequences": self.return_sequences,
            "return_state": True,
            "unroll": self.unroll,
            "dtype": self.dtype_policy,
            "name": f"group_{index}",
        }
        if self.cell != "simple":
            settings["recurrent_activation"] = self.recurrent_activation
        if self.cell == "gru":
            settings["reset_after"] = self.reset_after
        return CELLS[self.cell](self.units, **settings)

    def build(self, input_shape: Shape) -> None:
        self._plan(input_shape)  # refuses what does not fit before any weight is made
        self._known_steps = input_shape[1]
        for group in self.groups:
            group.build((input_shape[0], None, input_shape[-1]))

    def call(self, inputs: keras.KerasTensor) -> keras.KerasTensor:
        plan = self._plan(inputs.shape)
        if self.go_backwards:
            inputs = ops.flip(inputs, axis=1)
        if plan is None:
            return self.groups[0](inputs)[0]
        states: States = self.groups[0].get_initial_state(ops.shape(inputs)[0])
        outputs: list[keras.KerasTensor] = []
        start = 0
        for index, run in groupby(plan):
            stop = start + len(list(run))
            output, states = self._run(self.groups[index], inputs[:, start:stop], states)
            outputs, start = [*outputs, output], stop
        if not self.return_sequences:
            return outputs[-1]
        return ops.concatenate(outputs, axis=1)

    def _run(
        self, group: keras.layers.RNN, inputs: keras.KerasTensor, states: States
    ) -> tuple[keras.KerasTensor, States]:
        """Neighbouring steps of one group: its outputs, as Keras' layer gives them, and states."""
        if inputs.shape[1] > 1:
            output, *states = group(inputs, initial_state=states)
            return output, states
        output, states = group.cell(inputs[:, 0], states)
        return output[:, None] if self.return_sequences else output, states

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._plan(input_shape)
        batch, steps, _ = input_shape
        return (batch, steps, self.units) if self.return_sequences else (batch, self.units)

    def inner_sharing(self) -> InnerSharing | None:
        """Time steps and their groups; None while the number of steps is unknown."""
        sites = len(_labels(self.steps)) if isinstance(self.steps, str) else self._known_steps
        if not self.built or sites is None:
            return None
        stored = self.count_params()
        each, groups = stored // len(self.groups), len(self.groups)
        return InnerSharing("time", sites, groups, stored, each * sites)

    def _plan(self, shape: Shape) -> list[int] | None:
        """The group of each step of an input of that shape; None for Keras' layer as it is."""
        if len(shape) != 3 or shape[-1] is None:
            raise ValueError(
                f"{self.name!r} wants (batch, steps, features); received the shape {tuple(shape)}"
            )
        steps = shape[1]
        if self.steps is None:
            return None
        if steps is None:
            raise ValueError(
                f"{self.name!r} has a plan over time, steps={self.steps!r}, and needs an input of "
                f"a known number of steps; received the shape {tuple(shape)}"
            )
        if isinstance(self.steps, int):
            if steps < self.steps:
                raise ValueError(
                    f"{self.name!r} is to have {self.steps} groups and has {steps} steps in the "
                    f"input {tuple(shape)}"
                )
            return [i * self.steps // steps for i in range(steps)]
        labels = _labels(self.steps)
        if steps > len(labels):
            raise ValueError(
                f"{self.name!r} has a plan of {len(labels)} steps, {self.steps!r}; the input "
                f"{tuple(shape)} has {steps}"
            )
        return labels[:steps]

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "units": self.units,
            "cell": self.cell,
            "steps": self.steps,
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "use_bias": self.use_bias,
            "reset_after": self.reset_after,
            "return_sequences": self.return_sequences,
            "go_backwards": self.go_backwards,
            "unroll": self.unroll,
            **{k: keras.initializers.serialize(v) for k, v in self.initializers.items()},
            **{k: keras.regularizers.serialize(v) for k, v in self.regularizers.items()},
        }


def _number_of_groups(steps: str | int | None) -> int:
    if steps is None:
        return 1
    if isinstance(steps, str):
        return max(_labels(steps)) + 1
    return steps


def _labels(pattern: str) -> list[int]:
    """Numbers of the groups, by first appearance: `"AABA"` → `[0, 0, 1, 0]`."""
    labels = _LABEL.findall(pattern)
    if not labels or "".join(labels) != pattern:
        raise ValueError(
            f"steps={pattern!r} is not a row of labels, one a step; a label is a capital letter, "
            "past 26 groups followed by small ones: 'AABB', 'ABAB', 'AAbAc'"
        )
    number: dict[str, int] = {}
    return [number.setdefault(label, len(number)) for label in labels]
