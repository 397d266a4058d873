"""One model that is trained again and again: compiled once, set back for each run."""

from collections.abc import Sequence

import keras
import numpy as np

from wszoo import checks
from wszoo.arguments import checked, each, loss, of_class
from wszoo.training import check_finite

Values = Sequence[np.ndarray]


def _numbers(name: str, value: object) -> object:
    if np.asarray(value).dtype.kind in "OUSMm":
        raise ValueError(f"{name} must be an array of numbers; received {checks.shown(value)}")
    return value


class Trainer:
    """Trains a model as often as wanted; runs do not touch each other.

    `reset` sets variables and optimizer back, so that a run is that of a new model, and the
    training step is traced once. Compiles the model: set `trainable` flags before. `options` are
    of `keras.Model.compile`.
    """

    @checked(loss=loss)
    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss: keras.losses.Loss | str,
        **options: object,
    ):
        self.model = model
        model.compile(optimizer, loss=loss, **options)
        optimizer.build(model.trainable_variables)
        self._fresh = [keras.ops.convert_to_numpy(v) for v in optimizer.variables]

    @checked(start=each(_numbers, least=0))
    def reset(self, start: Values) -> None:
        """Sets the model's variables to `start`, see `values_of`, and makes the optimizer new."""
        wanted = [tuple(variable.shape) for variable in self.model.variables]
        if [np.shape(value) for value in start] != wanted:
            raise ValueError(
                f"start must hold a value for each of the model's {len(wanted)} variables, see "
                f"values_of; received {checks.shown(start)}"
            )
        for variable, value in zip(self.model.variables, start, strict=True):
            variable.assign(value)
        for variable, value in zip(self.model.optimizer.variables, self._fresh, strict=True):
            variable.assign(value)

    @checked(callbacks=each(of_class("Callback"), least=0))
    def fit(
        self,
        x: np.ndarray,
        y: np.ndarray,
        batch_size: int,
        *,
        callbacks: Sequence[keras.callbacks.Callback] = (),
        may_diverge: bool = False,
    ) -> None:
        """Trains on all examples once, in their order.

        Raises `ValueError` for a loss that is no number, unless it `may_diverge`.
        """
        logs = self.model.fit(
            x, y, batch_size=batch_size, shuffle=False, verbose=0, callbacks=list(callbacks)
        ).history
        if not may_diverge:
            check_finite("this training", {name: value[-1] for name, value in logs.items()})


@checked()
def values_of(model: keras.Model) -> list[np.ndarray]:
    """Copies of all variables, in the order of `model.variables`: weights and random states."""
    return [np.array(keras.ops.convert_to_numpy(v)) for v in model.variables]


@checked()
def outputs(model: keras.Model, x: np.ndarray, *, batch_size: int = 500) -> np.ndarray:
    """As `model.predict`, which would build a data set each time."""
    parts = [x[i : i + batch_size] for i in range(0, len(x), batch_size)]
    return np.concatenate([np.asarray(model.predict_on_batch(part)) for part in parts])


@checked()
def accuracy(model: keras.Model, x: np.ndarray, y: np.ndarray) -> float:
    """Share of examples whose largest logit is the label's."""
    return float(np.mean(outputs(model, x).argmax(1) == y))
