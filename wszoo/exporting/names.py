"""Names of a model's inputs and outputs in exported files: one place for every format.

They are Keras' own where those can be told apart, and the same whatever the plan: a tied model and
its twin have one signature.
"""

import keyword
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from wszoo import private
from wszoo.arguments import texts_fit

if TYPE_CHECKING:
    import keras


def output_names(model: "keras.Model") -> list[str]:
    """A name for each of `model.outputs`, in their order, no two alike.

    Where the model gives a dict, its keys; what is nested below one is named by its path, `a.0`.
    Elsewhere `model.output_names`, the layers that give the outputs. A layer that is called twice
    would name two outputs alike: then they have the names of its sites, `dense` and `dense.1`.
    """
    import keras

    from wszoo.sharing.graph import as_functional

    model = as_functional(model)
    structure = model.output
    if isinstance(structure, Mapping):
        paths = [path for path, _ in keras.tree.flatten_with_path(structure)]
        return told_apart([".".join(map(str, path)) for path in paths])
    names, sites = _names_of_calls(model)
    return told_apart(
        [name if names.count(name) == 1 else site for name, site in zip(names, sites, strict=True)]
    )


def input_names(model: "keras.Model") -> list[str]:
    """A name for each of `model.inputs`, in their order, no two alike.

    They are the names of the `Input`s, in the alphabet that TensorFlow allows a signature: small
    letters, digits and `_`, a letter first. So an input `Image` is exported as `image`.
    """
    from wszoo.sharing.graph import as_functional

    names = [_legal(name) for name in keras_input_names(as_functional(model))]
    return told_apart(names, mark="_")


def keras_input_names(model: "keras.Model") -> list[str]:
    """Names of the `Input`s of a functional model, in the order of `model.inputs`."""
    return [private.maker_of(tensor).name for tensor in model.inputs]


def by_input(model: "keras.Model", arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays by the names of `input_names`, in their order.

    `arrays` may have those names, those of the `Input`s, or the keys of a dict that the model
    takes. Raises `ValueError` where one is missing or is no input.
    """
    import keras

    from wszoo.sharing.graph import as_functional

    model = as_functional(model)
    names, spellings = input_names(model), [input_names(model), keras_input_names(model)]
    if isinstance(model.input, Mapping):
        paths = [path for path, _ in keras.tree.flatten_with_path(model.input)]
        spellings.append([".".join(map(str, path)) for path in paths])
    for spelling in spellings:
        if set(spelling) == set(arrays):
            for key, tensor in zip(spelling, model.inputs, strict=True):
                texts_fit(f"the array for the input {key!r}", arrays[key], tensor)
            return {n: arrays[key] for n, key in zip(names, spelling, strict=True)}
    raise ValueError(
        f"{model.name!r} has the inputs {', '.join(map(repr, names))}; received arrays for "
        f"{', '.join(map(repr, arrays)) or 'none'}. Give one array for each input, by its name"
    )


def _names_of_calls(model: "keras.Model") -> tuple[list[str], list[str]]:
    """For each output the name of the layer that gives it, as its untied self is called, and that
    of its site. Both come from the sites and not from layers, which a plan renames."""
    from wszoo.sharing import graph

    calls = graph.weighted_calls(model)
    named = zip(calls, graph.sites(model), strict=True)
    sites = {id(call.node): site for call, site in named if not call.path}
    whole = []
    for tensor in model.outputs:
        node = private.call_of(tensor)
        whole.append(sites.get(id(node), node.operation.name))
    return [_layer_of(site, set(sites.values())) for site in whole], whole


def _layer_of(site: str, sites: set[str]) -> str:
    """`dense` for `dense.1`, the second call of the layer `dense`; other names as they are."""
    layer, _, number = site.rpartition(".")
    return layer if number.isdecimal() and layer in sites else site


def _legal(name: str) -> str:
    """The name as a TensorFlow signature spells it."""
    kept = re.sub(r"[^a-z0-9]", "_", name.lower())
    taken = keyword.iskeyword(kept) or kept == "self"  # a signature is called `f(name=…)`
    return kept if re.match("[a-z]", kept) and not taken else f"arg_{kept}"


def told_apart(names: Sequence[str], mark: str = ".") -> list[str]:
    """The names, those that stand before others as they are, others numbered: `a`, `a.1`."""
    taken = set(names)
    apart: list[str] = []
    for name in names:
        if name in apart:
            numbered = (f"{name}{mark}{i}" for i in range(1, len(taken) + 2))
            name = next(new for new in numbered if new not in taken)
            taken.add(name)
        apart.append(name)
    return apart
