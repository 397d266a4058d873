"""What a fine-tuning run adds to plain Keras: L2-SP, mixed precision, inference below the head."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np

from wszoo import checks, private
from wszoo.sharing import graph
from wszoo.sharing.about import about, describe
from wszoo.sharing.surgery.carrying import carry_over
from wszoo.sharing.surgery.copying import copy
from wszoo.transferring.freezing.rates import layer_rates, with_rates

_RANDOM = ("rate", "stddev", "dropout", "recurrent_dropout", "_dropout")  # of Keras' layers


class _L2SP(keras.regularizers.Regularizer):
    def __init__(self, strength: float, start: np.ndarray, other: Any):
        self.strength, self.start, self.other = strength, start, other

    def __call__(self, x: Any) -> Any:
        away = keras.ops.sum(keras.ops.square(x - self.start))
        penalty = 0.5 * self.strength * away
        return penalty if self.other is None else penalty + self.other(x)


@contextmanager
def l2_sp(layers: Iterable[keras.Layer], strength: float) -> Iterator[None]:
    """Within the block, weights are drawn to the values that they have now.

    Adds `strength / 2 · ‖w − w₀‖²` of each weight that trains to the loss of a model compiled in
    the block (Li et al. 2018, "Explicit Inductive Bias for Transfer Learning": L2-SP). Raises
    `ValueError` for a negative strength.
    """
    if not strength >= 0:
        raise ValueError(f"l2_sp must be 0 or more, received {strength!r}")
    held = {id(v): v for layer in layers for v in layer.weights} if strength else {}
    before = [(variable, variable.regularizer) for variable in held.values()]
    for variable, other in before:
        start = np.array(keras.ops.convert_to_numpy(variable))
        variable.regularizer = _L2SP(strength, start, other)
    try:
        yield
    finally:
        for variable, other in before:
            variable.regularizer = other


@contextmanager
def inference(layers: Iterable[keras.Layer]) -> Iterator[None]:
    """Within the block, dropout and noise of these layers are off, as when the model is used.

    A frozen backbone gives the same features in every epoch then, cached or not. Takes effect in
    models that are compiled in the block.
    """
    off = [
        (layer, name, vars(layer)[name])
        for outer in layers
        for layer in private.parts_of(outer)
        for name in _RANDOM
        if isinstance(vars(layer).get(name), float) and vars(layer)[name] > 0
    ]
    try:
        for layer, name, _ in off:
            setattr(layer, name, 0.0)
        yield
    finally:
        for layer, name, value in off:
            setattr(layer, name, value)


def policy_name(mixed_precision: bool | str) -> str | None:
    """Keras' dtype policy: of `True` float16 on a GPU, else bfloat16; `None` for none."""
    if not mixed_precision:
        return None
    if isinstance(mixed_precision, str):
        try:
            return keras.DTypePolicy(mixed_precision).name
        except (TypeError, ValueError) as error:
            raise ValueError(
                "mixed_precision must be True, False or the name of a dtype policy of Keras; "
                f"received {mixed_precision!r}"
            ) from error
    return "mixed_float16" if keras.distribution.list_devices("gpu") else "mixed_bfloat16"


def in_precision(model: keras.Model, policy: str) -> keras.Model:
    """A copy of a functional model that computes under a dtype policy; same weights and names."""

    def change(layer: keras.Layer) -> keras.Layer:
        return copy(layer, layer.name, dtype=policy)

    names = graph.names_of(model)
    clone = keras.models.clone_model(model, clone_function=change)
    carry_over([model], clone)
    graph.remember(clone, names.sites, names.declared)
    describe(clone, **about(model))
    return clone


def make_optimizer(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer | None,
    *,
    learning_rate: float,
    decay: float = 1.0,
    multipliers: Mapping[str, float] | None = None,
    pattern: str | None = None,
    accumulate: int = 1,
    policy: str | None = None,
) -> keras.optimizers.Optimizer:
    """A copy of `optimizer` (Adam by default) with what a run asks of it.

    `decay` and `multipliers` are layer-wise rates, see `wszoo.transferring.freezing.rates`;
    `accumulate` is how many batches one step sums up. Raises `ValueError` for an optimizer that
    has begun to train.
    """
    if optimizer is not None and optimizer.built:
        raise ValueError("the optimizer has variables already; give a new one")
    if not isinstance(accumulate, int) or accumulate < 1:
        raise ValueError(f"accumulate must be 1 or more batches, received {accumulate!r}")
    made = optimizer or keras.optimizers.Adam(learning_rate)
    steps = {} if accumulate == 1 else {"gradient_accumulation_steps": accumulate}
    made = type(made).from_config(made.get_config() | steps)
    if decay != 1.0 or multipliers:
        rates = layer_rates(model, decay=decay, multipliers=multipliers, pattern=pattern)
        made = with_rates(made, rates)
    return keras.optimizers.LossScaleOptimizer(made) if policy == "mixed_float16" else made


def class_weights(
    weights: str | Mapping[int, float] | None, y: np.ndarray, classes: int
) -> dict[int, float] | None:
    """Weights by class for `fit`: `"balanced"` gives all classes the same sum, mean weight 1.

    Raises `ValueError` for anything else than `"balanced"` or a weight ≥ 0 for each class.
    """
    if weights is None:
        return None
    if isinstance(weights, str) and weights == "balanced":
        counts = np.bincount(y, minlength=classes)
        return {label: float(len(y) / (classes * n)) for label, n in enumerate(counts)}
    if not isinstance(weights, Mapping) or set(weights) != set(range(classes)):
        raise ValueError(
            f"class_weight is 'balanced' or a weight for each class 0 to {classes - 1}; received "
            f"{weights!r}"
        )
    return {
        int(label): checks.number(f"class_weight[{label}]", weight, least=0)
        for label, weight in weights.items()
    }
