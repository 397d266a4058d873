"""A layer whose frozen kernels carry low-rank adapters, the same for every role it is called in."""

from math import prod
from typing import Any

import keras
from keras import ops

from wszoo import checks, private
from wszoo.arguments import OF_LAYERS, checked, layer


@keras.saving.register_keras_serializable("wszoo")
class Adapted(keras.layers.Layer):
    """Calls `layer` with each kernel W replaced by W + alpha / rank · A B; A and B train alone.

    The replacement happens where the layer reads its variables, so any layer of Keras, of wszoo
    or of a user may be adapted, and a shared kernel is adapted in all its roles: what runs
    forward with W + AB runs in reverse with its transpose. A kernel is a trainable weight of two
    axes or more that is no bias; its axes are cut where that leaves the most room for rank:
    A has the shape `(product of the first, rank)`, B `(rank, product of the rest)`. A is drawn
    as in Keras (He), B is zero, so nothing changes at first. The wrapped layer stays frozen
    whatever is said to `trainable`.

    (Keras' own `enable_lora` folds the adapters into the file at every save and loads zeros for A
    and for B, which then have no gradient: a run cannot be resumed. Keras 3.15.1.)

    Args:
        layer: built, with a kernel that has room (see `room`), not quantized.
        rank: of A B; `rank × (rows + columns)` must be below `rows × columns`.
        alpha: the adapters' scale is alpha / rank; `None` is `rank`, as in Keras.
        adapters: how many A and B a kernel has.

    Call arguments:
        adapter: which of them counts in this call; `None` for the kernel as it is.
        others: as in the layer.

    Raises:
        ValueError: for numbers below 1, a layer that is not built, and one without a kernel that
            has room for the rank.

    Source: Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models"; several adapters
    on one shared kernel: Bae et al. 2024, "Relaxed Recursive Transformers".
    """

    @checked(also=OF_LAYERS, layer=layer)
    def __init__(
        self,
        layer: keras.Layer,
        *,
        rank: int,
        alpha: float | None = None,
        adapters: int = 1,
        **kwargs: object,
    ):
        super().__init__(**{"dtype": layer.dtype_policy, "autocast": layer.autocast} | kwargs)
        self.rank, self.alpha, self.adapters = rank, float(alpha or rank), adapters
        self.supports_masking = layer.supports_masking
        self.adapted = layer
        if refusal := why_not(layer, rank):
            raise ValueError(f"{layer.name!r} cannot be adapted at rank {rank}: {refusal}")
        # Places, not variables: Keras would take those for this layer's own and save them twice.
        chosen = {id(v) for v in kernels_of(layer) if rank < room(v)}
        learnt = {id(v) for v in _learnt(layer)}
        self._places = [i for i, v in enumerate(layer.variables) if id(v) in chosen]
        self._states = [i for i, v in enumerate(layer.variables) if id(v) not in learnt]
        self.factors = [self._add_factors(v, i) for i in range(adapters) for v in self.kernels]
        layer.trainable = False
        self.built = True

    def _add_factors(
        self, kernel: keras.Variable, adapter: int
    ) -> tuple[keras.Variable, keras.Variable]:
        rows, columns = matrix(kernel.shape)
        inside = kernel.path.removeprefix(f"{self.adapted.name}/").replace("/", "_")
        name = f"{inside}_lora_{adapter}"
        return (
            self.add_weight(name=f"{name}_a", shape=(rows, self.rank), initializer="he_uniform"),
            self.add_weight(name=f"{name}_b", shape=(self.rank, columns), initializer="zeros"),
        )

    @property
    def kernels(self) -> list[keras.Variable]:
        """The wrapped layer's weights that are adapted."""
        return [self.adapted.variables[i] for i in self._places]

    @property
    def trainable(self) -> bool:
        """Whether the adapters train; the wrapped layer never does."""
        return private.flag_of(self)

    @trainable.setter
    def trainable(self, value: bool) -> None:
        keras.layers.Layer.trainable.fset(self, value)
        self.adapted.trainable = False

    def values(self, adapter: int | None = 0) -> list[keras.KerasTensor]:
        """Values of `adapted.variables`, the kernels as calls with that adapter see them.

        Raises `ValueError` for an adapter that is not there.
        """
        variables = self.adapted.variables
        values = [v.value for v in variables]
        if adapter is None:
            return values
        adapter = checks.whole("adapter", adapter, least=0, most=self.adapters - 1)
        number, scale = len(self._places), self.alpha / self.rank
        factors = self.factors[adapter * number : (adapter + 1) * number]
        for i, (a, b) in zip(self._places, factors, strict=True):
            part = ops.reshape(scale * ops.matmul(a, b), variables[i].shape)
            values[i] = values[i] + ops.cast(part, values[i].dtype)
        return values

    def call(self, *args: object, adapter: int | None = 0, **kwargs: object) -> keras.KerasTensor:
        variables = self.adapted.variables
        pairs = list(zip(variables, self.values(adapter), strict=True))
        scope = keras.StatelessScope(pairs, collect_losses=True)
        before = [scope.get_current_value(variables[i]) for i in self._states]
        with scope:
            outputs = self.adapted(*args, **kwargs)
        for i, old in zip(self._states, before, strict=True):  # of random generators, inside
            if (now := scope.get_current_value(variables[i])) is not old:
                variables[i].assign(now)
        for loss in scope.losses:
            self.add_loss(loss)
        return outputs

    def compute_output_spec(
        self, *args: object, adapter: int | None = 0, **kwargs: object
    ) -> keras.KerasTensor:
        if adapter is not None and adapter not in range(self.adapters):
            raise ValueError(f"{self.name!r} has {self.adapters} adapters; received {adapter=}")
        return self.adapted.compute_output_spec(*args, **kwargs)

    def compute_mask(
        self, inputs: keras.KerasTensor, previous_mask: keras.KerasTensor | None
    ) -> keras.KerasTensor | None:
        return self.adapted.compute_mask(inputs, previous_mask)

    def get_config(self) -> dict[str, object]:
        return {
            **super().get_config(),
            "layer": keras.saving.serialize_keras_object(self.adapted),
            "rank": self.rank,
            "alpha": self.alpha,
            "adapters": self.adapters,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Adapted":
        layer = keras.saving.deserialize_keras_object(config["layer"])  # built, as it was
        return cls(layer, **{key: value for key, value in config.items() if key != "layer"})


def kernels_of(layer: keras.Layer) -> list[keras.Variable]:
    """The weights that a low-rank part may be added to, trainable at this moment or not."""
    return [
        v
        for v in _learnt(layer)
        if len(v.shape) > 1
        and v.name != "bias"
        and v.constraint is None
        and keras.backend.is_float_dtype(v.dtype)
    ]


def _learnt(layer: keras.Layer) -> list[keras.Variable]:
    """Weights that train where the layer's flag says so: not statistics, nor states."""
    return [v for part in private.parts_of(layer) for v in private.own_trainable(part)]


def matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """`(rows, columns)` of a kernel as a matrix: its axes cut where the smaller side is largest."""
    cuts = [(prod(shape[:i]), prod(shape[i:])) for i in range(1, len(shape))]
    return max(reversed(cuts), key=min)


def room(kernel: keras.Variable) -> float:
    """The rank at which the adapter of a kernel is as large as the kernel."""
    rows, columns = matrix(kernel.shape)
    return rows * columns / (rows + columns)


def why_not(layer: keras.Layer, rank: int) -> str:
    """Why a layer cannot be adapted at that rank; empty if it can."""
    if isinstance(layer, keras.Model):
        return "it is a whole model; put its layers into one graph"
    if isinstance(layer, Adapted) or getattr(layer, "lora_enabled", False):
        return "it has adapters already"
    if not layer.built:
        return "it is not built"
    kernels = kernels_of(layer)
    if not kernels:
        return "it has no kernel (a trainable weight of two axes or more without a constraint)"
    most = max(kernels, key=room)
    if rank < room(most):
        return ""
    shape = "×".join(map(str, most.shape))
    return f"its kernel {shape} has room for ranks below {room(most):.3g}"
