"""The loss of a model right after some of its sites were given one layer."""

import keras

from wszoo import private
from wszoo.sharing import graph
from wszoo.sharing.flags import flags_of, set_flags
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.surgery.retie import untied_twin
from wszoo.tuner.pricing.examples import Examples, Loss, LossWeights, count, take
from wszoo.tuner.twin_trainer import equalise


class MergedLoss:
    """Plan → mean loss on `(x, y)` with each group's weights at their mean.

    The statistics of normalisations, which stay private, are estimated anew on x, since merged
    layers give other outputs (Jordan et al. 2023, "REPAIR"). No plan builds or traces anything.
    """

    def __init__(
        self,
        model: keras.Model,
        x: Examples,
        y: Examples,
        loss: Loss,
        loss_weights: LossWeights = None,
    ):
        self._twin = untied_twin(model)
        # Without the steps of a class of its own, which may measure something else.
        self._running = keras.Model(self._twin.input, self._twin.output)
        self._running.compile(loss=loss, loss_weights=loss_weights)
        self._layers, self._weights = graph.layers_of(self._twin), self._twin.get_weights()
        self._x, self._y = x, y
        self._losses: dict[SharingPlan, float] = {}

    def __call__(self, plan: SharingPlan) -> float:
        if plan not in self._losses:
            self._twin.set_weights(self._weights)
            equalise(self._layers, plan)
            if any(len(group) > 1 for group in plan.groups.values()):
                recalibrate(self._twin, self._x)
            logs = self._running.evaluate(
                self._x, self._y, batch_size=128, verbose=0, return_dict=True
            )
            self._losses[plan] = float(logs["loss"])  # of all outputs together
        return self._losses[plan]


def recalibrate(model: keras.Model, x: Examples, *, batch_size: int = 128) -> None:
    """Estimates the statistics of all BatchNormalization layers anew, on inputs x.

    Layer after layer would be exact; here all take their mean over batches in one pass, each
    seeing what the layers before it give in training mode.
    """
    norms = [
        layer
        for layer in private.parts_of(model)
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    if not norms:
        return
    before = [(norm.momentum, flags_of(norm)) for norm in norms]
    try:
        for norm in norms:
            norm.trainable = True  # a frozen one would not update
        for batch, start in enumerate(range(0, count(x), batch_size)):
            for norm in norms:
                norm.momentum = batch / (batch + 1)  # the plain mean over batches
            model(take(x, slice(start, start + batch_size)), training=True)
    finally:
        for norm, (momentum, flags) in zip(norms, before, strict=True):
            norm.momentum = momentum
            set_flags(norm, flags)
