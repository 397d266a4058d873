"""What merging sites adds to the loss, by the squared gradients of their weights."""

import keras
import numpy as np

from wszoo import batches, private
from wszoo.sharing import graph
from wszoo.sharing.surgery.retie import untied_twin
from wszoo.tuner.pricing.costs import Additive, Group, flat
from wszoo.tuner.pricing.examples import Examples, Loss, LossWeights, count, take


def fisher(
    model: keras.Model,
    x: Examples,
    y: Examples,
    loss: Loss,
    loss_weights: LossWeights = None,
) -> Additive:
    """Distance of the weights to their mean, both weighted by the squared gradients of the loss.

    The diagonal of the empirical Fisher matrix, from batches of 4 examples; to second order, what
    merging adds to the loss (Matena & Raffel 2022, "Merging Models with Fisher-Weighted
    Averaging"). Over all weights that training can move, whether or not they are frozen now; the
    model runs as in use. The price of a site without any raises `ValueError`.
    """
    of_site = _squared_gradients(model, x, y, loss, loss_weights)
    values = {site: value for site, (value, _) in of_site.items()}
    squares = {site: square for site, (_, square) in of_site.items()}

    def price(group: Group) -> float:
        if without := [site for site in group if site not in squares]:
            raise ValueError(
                f"fisher cannot price {', '.join(without)}, which have no weights that train; use "
                "the method 'weights' or 'loss', or leave them out of sites="
            )
        rows = np.stack([values[site] for site in group])
        worth = np.stack([squares[site] for site in group]) + 1e-12
        mean = np.sum(worth * rows, axis=0) / np.sum(worth, axis=0)
        return float(0.5 * np.sum(worth * (rows - mean) ** 2))

    return Additive(price)


def _squared_gradients(
    model: keras.Model,
    x: Examples,
    y: Examples,
    loss: Loss,
    loss_weights: LossWeights,
    batch: int = 4,
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Site → its weights that train, flat, and the mean squared gradients of them, an example."""
    twin = untied_twin(model)  # flags and compiling must not touch the user's model
    twin.trainable = True
    if not twin.trainable_variables:
        return {}
    running = _InUse(twin.input, twin.output, name="in_use")
    optimizer = SquaredGradients(learning_rate=1.0)
    running.compile(optimizer, loss=loss, loss_weights=loss_weights)
    steps = count(x) // batch
    if not steps:
        raise ValueError(f"squared gradients need {batch} examples or more, not {count(x)}")
    rows = batches.order(count(x), 0)[: steps * batch]
    running.fit(take(x, rows), take(y, rows), batch_size=batch, shuffle=False, verbose=0)
    pairs = zip(running.trainable_variables, optimizer.sums, strict=True)
    sums = {id(v): keras.ops.convert_to_numpy(total) * batch / steps for v, total in pairs}
    of_site = {site: layer.trainable_weights for site, layer in graph.layers_of(twin).items()}
    return {
        site: (flat([_value(v) for v in weights]), flat([sums[id(v)] for v in weights]))
        for site, weights in of_site.items()
        if weights
    }


class SquaredGradients(keras.optimizers.Optimizer):
    """Adds up squared gradients and leaves the weights as they are."""

    def build(self, variables: list[keras.Variable]) -> None:
        super().build(variables)
        self.sums = self.add_optimizer_variables(variables, "sum")

    def update_step(
        self,
        gradient: keras.KerasTensor,
        variable: keras.Variable,
        learning_rate: keras.KerasTensor,
    ) -> None:
        if hasattr(gradient, "indices"):  # an embedding's: rows of it, some of them twice
            rows = variable.shape[0]
            gradient = keras.ops.segment_sum(gradient.values, gradient.indices, rows)
        self.assign_add(self.sums[private.place_of(self, variable)], gradient**2)


class _InUse(keras.Model):
    """A functional model that runs as in use while it is fitted: norms keep their statistics."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        return super().__call__(*args, **{**kwargs, "training": False})


def _value(variable: keras.Variable) -> np.ndarray:
    return keras.ops.convert_to_numpy(variable)
