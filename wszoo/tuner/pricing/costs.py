"""What a trained model would lose if some of its sites shared one layer, estimated untrained.

Each method here prices a plan without training. None is more than a suggestion: similar layers
need not be those that can be trained to share (see docs/suggest.md for what each is worth).
"""

from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from wszoo import batches, private
from wszoo.sharing import graph
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.surgery.retie import untied_twin

Group = tuple[str, ...]
Values = list[np.ndarray]  # the weights of one layer, in Keras' order


class Additive:
    """A price of plans that is the sum of the prices of their groups; each is computed once."""

    def __init__(self, of_group: Callable[[Group], float]):
        self.of_group = of_group
        self._known: dict[Group, float] = {}

    def __call__(self, plan: SharingPlan) -> float:
        return sum(self._price(group) for group in plan.groups.values() if len(group) > 1)

    def _price(self, group: Group) -> float:
        if group not in self._known:
            self._known[group] = self.of_group(group)
        return self._known[group]


def weights(model: keras.Model) -> Additive:
    """Squared distance of the sites' weights to their mean, relative to their squared length."""
    layers = graph.layers_of(model)

    def price(group: Group) -> float:
        rows = np.stack([_flat(layers[site].get_weights()) for site in group])
        return float(np.sum((rows - rows.mean(axis=0)) ** 2) / np.mean(np.sum(rows**2, axis=1)))

    return Additive(price)


def fisher(model: keras.Model, x: Any, y: Any, loss: Any, loss_weights: Any = None) -> Additive:
    """Distance of the weights to their mean, both weighted by the squared gradients of the loss.

    The diagonal of the empirical Fisher matrix, from batches of 4 examples; to second order, what
    merging adds to the loss (Matena & Raffel 2022, "Merging Models with Fisher-Weighted
    Averaging"). Over all weights that training can move, whether or not they are frozen now; the
    model runs as in use. The price of a site without any raises `ValueError`.
    """
    found = _squared_gradients(model, x, y, loss, loss_weights)
    values = {site: value for site, (value, _) in found.items()}
    squares = {site: square for site, (_, square) in found.items()}

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


def cka(model: keras.Model, x: np.ndarray, sites: Sequence[str]) -> Additive:
    """One minus the linear CKA of the sites' outputs, mean over pairs, times the group's size.

    Outputs are averaged over positions (Kornblith et al. 2019, "Similarity of Neural Network
    Representations Revisited").
    """
    found = dict(zip(sites, _tensors(model, x, sites, outputs=True), strict=True))
    centred = {}
    for site, values in found.items():
        rows = values.reshape(len(values), -1, values.shape[-1]).mean(axis=1)
        rows = rows - rows.mean(axis=0)
        kernel = rows @ rows.T
        centred[site] = kernel / max(float(np.linalg.norm(kernel)), 1e-12)

    def price(group: Group) -> float:
        pairs = [(a, b) for i, a in enumerate(group) for b in group[:i]]
        return len(group) * float(np.mean([1 - np.sum(centred[a] * centred[b]) for a, b in pairs]))

    return Additive(price)


class Activations(Additive):
    """What the sites' outputs lose with the one kernel that fits all of them best.

    For inputs X_s of site s with kernel W_s that kernel W minimises the sum of
    |X_s (W - W_s)|² / |X_s W_s|², and that sum is the price (RegMean: Jin et al. 2023, "Dataless
    Knowledge Fusion by Merging Weights of Language Models"). `values(group)` has W, which is
    also a better start than the mean. For `Dense` and `Conv2D` layers without groups.
    """

    def __init__(self, model: keras.Model, x: np.ndarray, sites: Sequence[str]):
        super().__init__(lambda group: self._fit(group)[1])
        layers = graph.layers_of(model)
        self._layers = {site: layers[site] for site in sites}
        for site, layer in self._layers.items():
            if not fits(layer):
                raise ValueError(
                    f"site {site!r} is a {type(layer).__name__}; activations can price Dense and "
                    "Conv2D without groups alone. Use the method 'weights', 'cka' or 'loss'"
                )
        self._moments, self._kernels = {}, {}
        for site, inputs in zip(sites, _tensors(model, x, sites, outputs=False), strict=True):
            layer = self._layers[site]
            rows = _rows(layer, inputs)
            kernel = _matrix(layer)
            scale = max(float(np.mean(np.sum((rows @ kernel) ** 2, axis=1))), 1e-12)
            self._moments[site] = rows.T @ rows / len(rows) / scale
            self._kernels[site] = kernel

    def values(self, group: Group) -> Values:
        """The weights of the layer that would serve the group."""
        layer, kernel = self._layers[group[0]], self._fit(group)[0]
        if not layer.use_bias:
            return [kernel.reshape(layer.kernel.shape)]
        return [kernel[:-1].reshape(layer.kernel.shape), kernel[-1]]

    def _fit(self, group: Group) -> tuple[np.ndarray, float]:
        total = sum(self._moments[site] for site in group)
        ridge = (
            1e-4 * np.trace(total) / len(total)
        )  # keeps directions that the data lack at the mean
        mean = sum(self._kernels[site] for site in group) / len(group)
        right = sum(self._moments[s] @ (self._kernels[s] - mean) for s in group)
        kernel = mean + np.linalg.solve(total + ridge * np.eye(len(total)), right)
        gaps = {site: kernel - self._kernels[site] for site in group}
        return kernel, float(sum(np.sum(g * (self._moments[s] @ g)) for s, g in gaps.items()))


def fits(layer: keras.Layer) -> bool:
    """Whether `Activations` can price the layer."""
    if isinstance(layer, keras.layers.Conv2D):
        return layer.groups == 1 and layer.data_format == "channels_last"
    return isinstance(layer, keras.layers.Dense)


def _rows(layer: keras.Layer, x: np.ndarray, most: int = 20000) -> np.ndarray:
    """`(rows, inputs)` float64 such that rows times `_matrix(layer)` are the layer's outputs."""
    if isinstance(layer, keras.layers.Conv2D):
        patches = keras.ops.image.extract_patches(
            x,
            layer.kernel_size,
            strides=layer.strides,
            dilation_rate=layer.dilation_rate,
            padding=layer.padding,
            data_format="channels_last",
        )
        x = keras.ops.convert_to_numpy(patches)
    rows = x.reshape(-1, x.shape[-1])
    rows = rows[:: max(1, len(rows) // most)].astype("float64")
    return np.hstack([rows, np.ones((len(rows), 1))]) if layer.use_bias else rows


def _matrix(layer: keras.Layer) -> np.ndarray:
    kernel = np.asarray(layer.kernel, "float64").reshape(-1, layer.kernel.shape[-1])
    return np.vstack([kernel, np.asarray(layer.bias, "float64")]) if layer.use_bias else kernel


def _tensors(
    model: keras.Model, x: np.ndarray, sites: Sequence[str], *, outputs: bool
) -> list[np.ndarray]:
    """What the sites get or give for `x`, in inference mode."""
    nodes = dict(zip(graph.sites(model), graph.weighted_calls(model), strict=True))
    wanted = [(nodes[s].outputs if outputs else nodes[s].input_tensors)[0] for s in sites]
    found = keras.Model(model.input, wanted).predict(x, batch_size=128, verbose=0)
    return [np.asarray(values) for values in (found if len(sites) > 1 else [found])]


def evenly(count: int, most: int) -> np.ndarray:
    """Indices of `most` of `count` things, or of all where there are no more, evenly spread."""
    return np.unique(np.linspace(0, count - 1, most).astype(int))


def _flat(arrays: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(a).astype("float64") for a in arrays])


def count(x: Any) -> int:
    """Of examples, of one input or several."""
    return len(keras.tree.flatten(x)[0])


def take(x: Any, rows: Any) -> Any:
    """Some examples, of one input or several, as Keras takes them: texts as tensors."""

    def some(part: Any) -> Any:
        chosen = np.asarray(part)[rows]
        texts = chosen.dtype.kind in "OSU"
        return keras.ops.convert_to_tensor(chosen, "string") if texts else chosen

    return keras.tree.map_structure(some, x)


def _value(variable: keras.Variable) -> np.ndarray:
    return keras.ops.convert_to_numpy(variable)


class SquaredGradients(keras.optimizers.Optimizer):
    """Adds up squared gradients and leaves the weights as they are."""

    def build(self, variables: Any) -> None:
        super().build(variables)
        self.sums = self.add_optimizer_variables(variables, "sum")

    def update_step(self, gradient: Any, variable: keras.Variable, learning_rate: Any) -> None:
        if hasattr(gradient, "indices"):  # an embedding's: rows of it, some of them twice
            rows = variable.shape[0]
            gradient = keras.ops.segment_sum(gradient.values, gradient.indices, rows)
        self.assign_add(self.sums[private.place_of(self, variable)], gradient**2)


class _InUse(keras.Model):
    """A functional model that runs as in use while it is fitted: norms keep their statistics."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return super().__call__(*args, **{**kwargs, "training": False})


def _squared_gradients(
    model: keras.Model, x: Any, y: Any, loss: Any, loss_weights: Any, batch: int = 4
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
        site: (_flat([_value(v) for v in weights]), _flat([sums[id(v)] for v in weights]))
        for site, weights in of_site.items()
        if weights
    }
