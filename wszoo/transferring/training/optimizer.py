"""The optimizer of a run: the one that is asked for, and what else the run wants of it."""

import keras

from wszoo.transferring.freezing.rates import layer_rates, with_rates
from wszoo.transferring.options import Freezing, Training
from wszoo.transferring.training.precision import policy_name


def make_optimizer(
    model: keras.Model, freezing: Freezing, training: Training, pattern: str | None = None
) -> keras.optimizers.Optimizer:
    """A copy of the optimizer that is asked for (Adam by default) with what else a run wants of it:
    layer-wise rates, by stages of that `pattern`, accumulation, and loss scaling for float16.

    Raises `ValueError` for an optimizer that has begun to train.
    """
    if training.optimizer is not None and training.optimizer.built:
        raise ValueError("the optimizer has variables already; give a new one")
    asked = training.optimizer or keras.optimizers.Adam(training.learning_rate)
    many = training.accumulate
    steps = {} if many == 1 else {"gradient_accumulation_steps": many}
    optimizer = type(asked).from_config(asked.get_config() | steps)
    decay, multipliers = freezing.lr_decay, freezing.multipliers
    if decay != 1.0 or multipliers:
        rates = layer_rates(model, decay=decay, multipliers=multipliers, pattern=pattern)
        optimizer = with_rates(optimizer, rates)
    if training.mixed_precision and policy_name(training.mixed_precision) == "mixed_float16":
        return keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def rate_of(model: keras.Model) -> float | None:
    """The optimizer's learning rate, `None` if it has a schedule of its own."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    rate = optimizer.get_config()["learning_rate"]
    return None if isinstance(rate, dict) else float(rate)
