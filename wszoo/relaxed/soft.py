"""Soft tying: weights of a group that draw closer while they train, until they are one."""

import keras
import numpy as np
from keras import ops

from wszoo.arguments import checked
from wszoo.sharing import graph
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.state import check_mean
from wszoo.sharing.surgery.retie import retie


class SoftTying(keras.callbacks.Callback):
    """Pulls the weights of each group of a plan to their mean, a little harder after each batch.

    The model stays untied; give the callback to `fit`. After the optimizer's step `t` every weight
    goes the share `(t / steps) ** power` of its way to the mean over its group: the proximal step
    of a penalty on the squared distance, whose strength grows without bound, apart from the loss as
    AdamW's decay is (Loshchilov & Hutter 2019). From step `steps` on the group is one, so
    `wszoo.retie(model, plan, weights="mean")` ties it and changes no output. The steps are those
    that the optimizer has counted; `history` gets `spread` (see `spread`) for each epoch.

    Args:
        plan: of sites of the model, as in `wszoo.retie`.
        steps: optimizer steps until the groups are tied.
        power: how late the pull sets in.

    Raises:
        ValueError: for less than one step, a power that is not positive, and, when training
            begins, what `retie` refuses.

    Source: weights tied softly by a penalty, Nowlan & Hinton 1992, "Simplifying Neural Networks by
    Soft Weight-Sharing".
    """

    @checked()
    def __init__(self, plan: SharingPlan | str, *, steps: int, power: float = 3.0):
        super().__init__()
        self.plan, self.steps, self.power = plan, steps, power
        self._groups: list[list[keras.Variable]] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._groups = groups_of_variables(self.model, self.plan)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        if hasattr(self.model, "jax_state_sync"):  # JAX trains copies until it is asked for them
            self.model.jax_state_sync()
        done = int(ops.convert_to_numpy(self.model.optimizer.iterations))
        left = 1.0 - min(1.0, done / self.steps) ** self.power
        for variables in self._groups:
            mean = sum(ops.convert_to_tensor(v) for v in variables) / len(variables)
            for variable in variables:
                # Each its own array: JAX gives the memory of a variable away at every step.
                variable.assign(mean + left * (ops.convert_to_tensor(variable) - mean))

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        if logs is not None:
            logs["spread"] = _spread(self._groups)


@checked()
def spread(model: keras.Model, plan: SharingPlan | str) -> float:
    """How far the groups of a plan are from being tied: 0 where they are.

    The root mean square distance of weights to their group's mean, over that of the weights.
    """
    return _spread(groups_of_variables(model, plan))


def groups_of_variables(model: keras.Model, plan: SharingPlan | str) -> list[list[keras.Variable]]:
    """For each group and each weight of its layer, the variables that are to become one.

    Raises `ValueError` for what `wszoo.retie` refuses under `weights="mean"`.
    """
    whole = graph.plan_of(retie(model, plan))  # checks that the sites can share
    layer_of = dict(
        zip(whole.sites, (n.operation for n in graph.weighted_calls(model)), strict=True)
    )
    groups = []
    for group in whole.groups.values():
        layers = list({id(layer_of[site]): layer_of[site] for site in group}.values())
        if len(layers) > 1:
            check_mean({site: layer_of[site] for site in group})
        for variables in zip(*(layer.weights for layer in layers), strict=True):
            if len(variables) > 1 and keras.backend.is_float_dtype(variables[0].dtype):
                groups.append(list(variables))
    return groups


def _spread(groups: list[list[keras.Variable]]) -> float:
    apart = total = 0.0
    for variables in groups:
        values = np.array([ops.convert_to_numpy(v) for v in variables], "float64")
        apart += float(np.square(values - values.mean(0)).sum())
        total += float(np.square(values).sum())
    return (apart / total) ** 0.5 if total else 0.0
