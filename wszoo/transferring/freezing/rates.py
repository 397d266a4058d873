"""Layer-wise learning rates in plain `fit`: lower layers of a pretrained model learn more slowly.

Keras has one learning rate a model (keras#21741). Here an optimizer of any class becomes one of a
subclass that multiplies the rate variable by variable: schedules, clipping, gradient accumulation
and loss scaling work as before, on every backend, and the rates are saved with the model.
Clark et al. 2020 (ELECTRA), "Pre-training Text Encoders as Discriminators", appendix: decay .8-.9.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby
from math import exp, log
from typing import Any

import keras

from wszoo import private
from wszoo.arguments import at_least_0, by_name, checked, one_word
from wszoo.sharing import graph
from wszoo.transferring.freezing.stages import select, stages

SHARED = ("mean", "min", "max", "first")


@checked(decay=at_least_0, shared=one_word(*SHARED))
def layer_rates(
    model: keras.Model,
    *,
    decay: float = 1.0,
    multipliers: Mapping[str, float] | None = None,
    shared: str = "mean",
    pattern: str | None = None,
) -> dict[str, float]:
    """Path of each trainable variable → the factor of its learning rate.

    The last stage of the model has the factor 1, each stage below it `decay` times the one above;
    `multipliers` (globs over stages or sites, see `wszoo.transferring.freezing.stages.select`)
    multiply on top, in order. A layer that several sites share has several factors; `shared` says
    which counts: the geometric `mean`, `min`, `max`, or that of the `first` site.

    Raises `ValueError` for a negative factor, a glob that matches nothing, and an unknown `shared`.
    """
    parts = stages(model, pattern)
    last = len(parts) - 1
    of_site = {s: decay ** (last - i) for i, sites in enumerate(parts.values()) for s in sites}
    for rule, factor in (multipliers or {}).items():
        for site in select(parts, rule):
            of_site[site] *= factor
    calls: dict[int, tuple[keras.Layer, list[float]]] = {}
    for site, node in zip(graph.sites(model), graph.weighted_calls(model), strict=True):
        layer = node.operation
        calls.setdefault(id(layer), (layer, []))[1].append(of_site[site])
    return {
        variable.path: _of_all(factors, shared)
        for layer, factors in calls.values()
        for variable in layer.trainable_variables
    }


def _of_all(factors: list[float], shared: str) -> float:
    if len(set(factors)) == 1 or shared == "first":
        return factors[0]
    if shared == "mean":
        return exp(sum(map(log, factors)) / len(factors)) if min(factors) > 0 else 0.0
    return min(factors) if shared == "min" else max(factors)


class _Rated:
    """Mixed into an optimizer's class: the learning rate of a variable is multiplied."""

    def __init__(self, *args: Any, rates: Mapping[str, float] | None = None, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.rates = tuple((path, float(factor)) for path, factor in dict(rates or {}).items())

    def rate_of(self, variable: keras.Variable) -> float:
        """The factor of a variable's learning rate; 1 where none was given."""
        # What a backend hands to `update_step` may be its own variable, which has no path.
        own = private.trained_by(self)[private.place_of(self, variable)]
        return dict(self.rates).get(own.path, 1.0)

    def update_step(
        self,
        gradient: keras.KerasTensor,
        variable: keras.Variable,
        learning_rate: keras.KerasTensor,
    ) -> object:
        factor = self.rate_of(variable)
        return super().update_step(gradient, variable, learning_rate * factor)  # type: ignore[misc]

    def _apply_weight_decay(self, variables: Iterable[keras.Variable]) -> None:
        """Decoupled decay is a part of the step and scales with it."""
        whole: float | None = self.weight_decay  # type: ignore[has-type]
        if whole is None:
            return
        try:
            for factor, group in groupby(sorted(variables, key=self.rate_of), key=self.rate_of):
                self.weight_decay = whole * factor
                super()._apply_weight_decay(list(group))  # type: ignore[misc]
        finally:
            self.weight_decay = whole

    def get_config(self) -> dict:
        return super().get_config() | {"rates": dict(self.rates)}  # type: ignore[misc]


_classes: dict[type, type] = {}


def rated_class(base: type) -> type[keras.optimizers.Optimizer]:
    """The subclass of an optimizer's class that has layer-wise rates, registered with Keras."""
    if issubclass(base, _Rated):
        return base
    if base not in _classes:
        rated = type(f"Rated{base.__name__}", (_Rated, base), {"__doc__": _Rated.__doc__})
        _classes[base] = keras.saving.register_keras_serializable("wszoo")(rated)
    return _classes[base]


@checked(rates=by_name(at_least_0))
def with_rates(
    optimizer: keras.optimizers.Optimizer, rates: Mapping[str, float]
) -> keras.optimizers.Optimizer:
    """A new optimizer like `optimizer` whose learning rate is multiplied variable by variable.

    `rates` are factors by path of the variable (see `layer_rates`); others keep the factor 1.
    Raises `ValueError` for an optimizer that has begun to train, and for one that wraps another.
    """
    if hasattr(optimizer, "inner_optimizer"):
        raise ValueError(
            "give the rates to the optimizer inside: "
            f"{type(optimizer).__name__}(with_rates(inner, rates))"
        )
    if optimizer.built:
        raise ValueError("the optimizer has variables already; make a new one for other rates")
    config = optimizer.get_config() | {"rates": dict(rates)}
    return rated_class(type(optimizer)).from_config(config)


_WRAPPERS = (keras.optimizers.Optimizer, keras.optimizers.LossScaleOptimizer)
for _base in vars(keras.optimizers).values():  # so that a saved model loads before one is made
    if isinstance(_base, type) and issubclass(_base, _WRAPPERS[0]) and _base not in _WRAPPERS:
        rated_class(_base)
