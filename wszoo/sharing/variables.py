"""Variables and layers that a model shares in other ways than by one graph, and who keeps that."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import prod

import keras
import numpy as np

from wszoo import private
from wszoo.sharing import graph
from wszoo.sharing.calls import Call, all_calls


@dataclass(frozen=True)
class HeldVariable:
    """One variable that different layers hold, by the first site of each.

    `parameters` and `bytes` are those of one copy; 0 for what is no weight (a random state).
    """

    variable: str
    owners: tuple[str, ...]
    parameters: int
    bytes: int

    @property
    def saved_parameters(self) -> int:
        """Parameters that the other layers would need of their own."""
        return self.parameters * (len(self.owners) - 1)

    @property
    def saved_bytes(self) -> int:
        """Bytes that the other layers would need of their own."""
        return self.bytes * (len(self.owners) - 1)


def held_variables(model: keras.Model) -> tuple[HeldVariable, ...]:
    """The variables that two layers or more hold, in call order."""
    held_by: dict[int, tuple[keras.Variable, dict[int, str]]] = {}
    for site, layer in graph.layers_of(model).items():
        for variable in layer.variables:
            owners = held_by.setdefault(id(variable), (variable, {}))[1]
            owners.setdefault(id(layer), site)
    weights = {id(weight) for weight in model.weights}
    return tuple(
        HeldVariable(
            variable.path, tuple(owners.values()), *sizes([variable] if key in weights else [])
        )
        for key, (variable, owners) in held_by.items()
        if len(owners) > 1
    )


def check_no_shared_variables(model: keras.Model) -> None:
    """Refuses a variable that two layers hold: a copy of the layers would untie it.

    Raises `ValueError` naming the variable and both layers (keras#18419).
    """
    for held in held_variables(model):
        first, second = held.owners[:2]
        raise ValueError(
            f"the variable {held.variable!r} is held by two layers, {first!r} and {second!r}: "
            "copies of them would hold one each. Call one layer object at both sites of one graph "
            "instead, in a role of its own such as reverse=True (keras.layers.ReversibleEmbedding, "
            "wszoo.layers.ReversibleDense)"
        )


def check_keras_keeps_sharing(model: keras.Model) -> None:
    """Refuses a model whose sharing Keras would lose in a file.

    A layer that is called at several sites of one graph is kept. One that nested models share
    with each other or with the graph around them, and a variable that two layers hold, are kept
    only where the configuration of the model's class makes them again (language models of
    KerasHub: their head calls the backbone's embedding). So it is made again here, and looked at.

    Raises `ValueError` naming what would come back untied (keras#18419, keras#10898, keras#9571).
    """
    reasons = [
        f"the variable {held.variable!r} is held by two layers, {held.owners[0]!r} and "
        f"{held.owners[1]!r}"
        for held in held_variables(model)
    ]
    reasons += [
        f"the layer {name!r} is called in two graphs, those of {' and '.join(map(repr, places))}"
        for name, places in _on_several_levels(model)
    ]
    if not reasons or _config_keeps_sharing(model):
        return
    raise ValueError(
        f"Keras' file of {model.name!r} would hold it untied, without a word: {reasons[0]}. "
        "wszoo.flatten(model) puts nested models into one graph, in which Keras keeps what one "
        "layer object shares; a variable in two layers has to become one layer"
    )


def check_no_repeats_inside(calls: Iterable[Call]) -> None:
    """Refuses a Sequential that calls one layer twice: Keras' config lists it once.

    Looks at the layers that are called, and at those within them. Raises `ValueError` naming the
    Sequential; a copy or a file of it would compute otherwise.
    """
    called = [call.operation for call in calls if isinstance(call.operation, keras.Layer)]
    for layer in [part for whole in called for part in private.parts_of(whole)]:
        inner = private.listed_layers(layer) if isinstance(layer, keras.Sequential) else []
        if len({id(item) for item in inner}) < len(inner):
            raise ValueError(
                f"the Sequential model {layer.name!r} inside the model calls one layer more than "
                "once, and Keras writes such a layer once into its config: copies and files of it "
                "compute something else. Make it keras.Model(inputs, outputs), or flatten the "
                "model around it by wszoo.flatten"
            )


def sizes(variables: Iterable[keras.Variable]) -> tuple[int, int]:
    """`(parameters, bytes)` of some variables."""
    counts = [(prod(v.shape), keras.backend.standardize_dtype(v.dtype)) for v in variables]
    return sum(n for n, _ in counts), sum(n * _item_bytes(dtype) for n, dtype in counts)


def _item_bytes(dtype: str) -> int:
    import ml_dtypes  # noqa: F401  teaches NumPy the names bfloat16, float8_e4m3fn, int4, …

    return np.dtype(dtype).itemsize


def _on_several_levels(model: keras.Model) -> list[tuple[str, list[str]]]:
    """Layers (and nested models) that are called in more than one graph, with those graphs."""
    places: dict[int, tuple[str, dict[int, str]]] = {}
    for call in all_calls(model):
        levels = (model, *call.containers)
        for level, inner in zip(levels, (*call.containers, call.operation), strict=True):
            if getattr(inner, "variables", None):
                graphs = places.setdefault(id(inner), (inner.name, {}))[1]
                graphs[id(level)] = level.name
    return [(name, list(graphs.values())) for name, graphs in places.values() if len(graphs) > 1]


def _config_keeps_sharing(model: keras.Model) -> bool:
    try:
        again = type(model).from_config(model.get_config())
        return _uses(again) == _uses(model)
    except Exception:  # anything may happen in a constructor; `save` says what it means
        return False


def _uses(model: keras.Model) -> list[list[int]]:
    """For each site, the numbers of its layer's variables, counted as they are first met."""
    number: dict[int, int] = {}
    return [
        [number.setdefault(id(v), len(number)) for v in call.operation.variables]
        for call in graph.weighted_calls(model)
    ]
