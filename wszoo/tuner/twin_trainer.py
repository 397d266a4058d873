"""Training under any plan on one graph, that of the untied twin, which is compiled once.

Copies of a weight that start equal and always get the sum of the copies' gradients stay equal, as
if they were one: that sum is what one shared weight would get. So the plan is a matrix which the
optimizer multiplies gradients with, a variable that changes between trainings, and no plan builds
or traces anything anew.
"""

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from wszoo import private
from wszoo.sharing import graph
from wszoo.sharing.kinds import sites_by_kind
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.spellings import as_plan
from wszoo.sharing.surgery.retie import retie, untied_twin


class TwinTrainer:
    """Trains a model under one plan after another, always from the same start.

    `model` is the untied twin, compiled with `optimizer` (which must not be built yet) and the
    arguments of `compile`. `start(plan)` sets weights and optimizer back, the copies of a group to
    their mean; then `model.fit` trains under the plan, and `tied(plan)` is the model with shared
    layers. Weights that do not belong to the plan's sites, such as private norms, train as usual.
    `sites` are those that plans may tie, by default the declared ones; with `sites` others that
    share in `model` go on doing so, without them all of it is untied first.

    Regularisers of shared layers count once a site here. Raises `ValueError` for an optimizer that
    clips by the norm of all gradients, which would count each copy.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        *,
        sites: Sequence[str] | None = None,
        **compile_arguments: object,
    ):
        if optimizer.global_clipnorm is not None:
            raise ValueError("global_clipnorm counts every copy of a shared weight; use clipnorm")
        if optimizer.built:
            raise ValueError("the optimizer has variables already; give a new one")
        self.model = retie(model, SharingPlan.untied(sites)) if sites else untied_twin(model)
        self.sites = tuple(sites or graph.names_of(self.model).declared)
        self.kinds = sites_by_kind(self.model, self.sites)
        self.weights = self.model.get_weights()
        held = {id(variable) for variable in self.model.weights}
        self._states = [
            (v, keras.ops.convert_to_numpy(v)) for v in self.model.variables if id(v) not in held
        ]
        config = optimizer.get_config()
        self._optimizer = _summing(type(optimizer)).from_config(config)
        layers = graph.layers_of(self.model)
        self._optimizer.columns = [
            list(zip(*(layers[site].trainable_variables for site in kind), strict=True))
            for kind in self.kinds
        ]
        self.model.compile(self._optimizer, **compile_arguments)
        self._optimizer.build(self.model.trainable_variables)
        self._fresh = [keras.ops.convert_to_numpy(v) for v in self._optimizer.variables]

    def start(
        self,
        plan: SharingPlan | str,
        *,
        weights: Sequence[np.ndarray] | None = None,
        shared: Mapping[str, Sequence[np.ndarray]] | None = None,
        seed: int = 0,
    ) -> None:
        """Sets everything to the start of a training under `plan`.

        `weights` are those of the twin, in Keras' order (those of the given model by default);
        `shared` has the weights of some groups, by owner, where they are not to be the mean;
        `seed` is added to those of random layers such as Dropout.
        Raises `ValueError` for a plan that ties sites which cannot share.
        """
        whole = self.plan(plan)
        self.model.set_weights(self.weights if weights is None else weights)
        for variable, value in zip(self._optimizer.variables, self._fresh, strict=True):
            variable.assign(value)
        for state, value in self._states:
            state.assign(value + np.array([seed, 0], value.dtype))
        equalise(graph.layers_of(self.model), whole, shared)
        for matrix, kind in zip(self._optimizer.matrices, self.kinds, strict=True):
            matrix.assign(membership(whole, kind))

    def tied(self, plan: SharingPlan | str) -> keras.Model:
        """A model whose layers are shared as `plan` says, with the weights of now."""
        return retie(self.model, self.plan(plan))

    def plan(self, plan: SharingPlan | str) -> SharingPlan:
        """The plan over all tieable sites. Raises `ValueError` if it ties what cannot share."""
        whole = plan if isinstance(plan, SharingPlan) else as_plan(plan, self.sites)
        whole = whole.extend(self.sites)
        kind_of = {site: kind for kind in self.kinds for site in kind}
        for group in whole.groups.values():
            if len(group) > 1 and not set(group) <= set(kind_of.get(group[0], ())):
                raise ValueError(
                    f"the sites {', '.join(group)} cannot share one layer; those that can are "
                    f"{list(map(list, self.kinds))}"
                )
        return whole


def equalise(
    layers: Mapping[str, keras.Layer],
    plan: SharingPlan,
    shared: Mapping[str, Sequence[np.ndarray]] | None = None,
) -> None:
    """Gives the layers of each group one value: that of `shared`, by owner, or their mean."""
    for owner, group in plan.groups.items():
        values = (shared or {}).get(owner)
        if values is None and len(group) == 1:
            continue
        if values is None:
            columns = zip(*(layers[site].get_weights() for site in group), strict=True)
            values = [np.mean(column, axis=0) for column in columns]
        for site in group:
            layers[site].set_weights(values)


def membership(plan: SharingPlan, sites: Sequence[str]) -> np.ndarray:
    """`(sites, sites)`, 1 where two sites share, else 0."""
    owners = [plan.owner(site) for site in sites]
    return np.array([[a == b for b in owners] for a in owners], "float32")


class _Summing:
    """Mixed into an optimizer's class: gradients are summed over the sites that share."""

    columns: list[list[tuple[keras.Variable, ...]]]  # kind → weight → its variable at each site

    def build(self, variables: Sequence[keras.Variable]) -> None:
        super().build(variables)  # type: ignore[misc]
        self.matrices = [
            self.add_variable(  # type: ignore[attr-defined]
                (len(c[0]), len(c[0])) if c else (1, 1), initializer="zeros", name=f"plan_{i}"
            )
            for i, c in enumerate(self.columns)
        ]

    def apply(
        self,
        grads: Sequence[keras.KerasTensor],
        trainable_variables: Sequence[keras.Variable] | None = None,
    ) -> None:
        summed = list(grads)
        for matrix, columns in zip(self.matrices, self.columns, strict=True):
            for variables in columns:
                places = [private.place_of(self, v) for v in variables]
                stacked = keras.ops.stack([grads[place] for place in places])
                total = keras.ops.tensordot(keras.ops.cast(matrix, stacked.dtype), stacked, axes=1)
                for row, place in enumerate(places):
                    summed[place] = total[row]
        super().apply(summed, trainable_variables)  # type: ignore[misc]


def _summing(base: type) -> type[keras.optimizers.Optimizer]:
    return type(f"Summing{base.__name__}", (_Summing, base), {"__doc__": _Summing.__doc__})
