"""What a trained model would lose if some of its sites shared one layer, estimated untrained.

Each method here prices a plan without training. None is more than a suggestion: similar layers
need not be those that can be trained to share (see docs/suggest.md for what each is worth).
"""

from collections.abc import Callable, Sequence

import keras
import numpy as np

from wszoo.sharing import graph
from wszoo.sharing.plan import SharingPlan
from wszoo.tuner.pricing.examples import Examples

Group = tuple[str, ...]
Values = list[np.ndarray]  # the weights of one layer, in Keras' order


class Additive:
    """A price of plans that is the sum of the prices of their groups; each is computed once."""

    def __init__(self, of_group: Callable[[Group], float]):
        self.of_group = of_group
        self._prices: dict[Group, float] = {}

    def __call__(self, plan: SharingPlan) -> float:
        return sum(self._price(group) for group in plan.groups.values() if len(group) > 1)

    def _price(self, group: Group) -> float:
        if group not in self._prices:
            self._prices[group] = self.of_group(group)
        return self._prices[group]


def weights(model: keras.Model) -> Additive:
    """Squared distance of the sites' weights to their mean, relative to their squared length."""
    layers = graph.layers_of(model)

    def price(group: Group) -> float:
        rows = np.stack([flat(layers[site].get_weights()) for site in group])
        return float(np.sum((rows - rows.mean(axis=0)) ** 2) / np.mean(np.sum(rows**2, axis=1)))

    return Additive(price)


def cka(model: keras.Model, x: Examples, sites: Sequence[str]) -> Additive:
    """One minus the linear CKA of the sites' outputs, mean over pairs, times the group's size.

    Outputs are averaged over positions (Kornblith et al. 2019, "Similarity of Neural Network
    Representations Revisited").
    """
    centred = {}
    for site, values in zip(sites, _tensors(model, x, sites, outputs=True), strict=True):
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

    def __init__(self, model: keras.Model, x: Examples, sites: Sequence[str]):
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
        # Keeps directions that the data lack at the mean.
        ridge = 1e-4 * np.trace(total) / len(total)
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
    model: keras.Model, x: Examples, sites: Sequence[str], *, outputs: bool
) -> list[np.ndarray]:
    """What the sites get or give for `x`, in inference mode."""
    nodes = dict(zip(graph.sites(model), graph.weighted_calls(model), strict=True))
    wanted = [(nodes[s].outputs if outputs else nodes[s].input_tensors)[0] for s in sites]
    values = keras.Model(model.input, wanted).predict(x, batch_size=128, verbose=0)
    return [np.asarray(part) for part in (values if len(sites) > 1 else [values])]


def flat(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays as one vector, in float64."""
    return np.concatenate([np.ravel(a).astype("float64") for a in arrays])
