"""A graph under test: what it computes, which of its variables train, a job for another process."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

import wszoo
from benchmarks.foreign.match import difference, expected_names
from wszoo import private
from wszoo.sharing import graph as sharing_graph
from wszoo.sharing.kinds import kind


class Wrong(Exception):
    """Something came out other than it should."""


class Nothing(Exception):
    """The step does not apply to this graph."""


@dataclass
class Case:
    """A graph under test; `inputs` are arrays by input name, `values` its outputs for them."""

    name: str
    model: Any
    inputs: dict[str, np.ndarray]
    folder: Path
    values: list[np.ndarray] = field(init=False)

    def __post_init__(self) -> None:
        self.values = outputs(self.model, self.inputs)

    @cached_property
    def twin(self) -> Any:
        return wszoo.untied_twin(self.model)

    def job(self, step: str, path: Path, **facts: Any) -> None:
        """Leaves a job for the fresh process, with this graph's inputs and outputs."""
        facts |= {"step": step, "path": str(path), "graph": self.name}
        facts |= {"names": expected_names(self.model), "half": in_half(self.model)}
        free = all(t.shape[0] is None for t in getattr(self.model, "inputs", None) or [])
        # A file computes what `predict` does, which is told that this is no training; a copy of the
        # model is called as the model itself was.
        mode = {} if step == "save" else {"training": False}
        arrays = {"all": (self.inputs, outputs(self.model, self.inputs, **mode))}
        if free:
            first = {name: value[:1] for name, value in self.inputs.items()}
            arrays["first"] = (first, outputs(self.model, first, **mode))
        flat = {}
        for part, (given, wanted) in arrays.items():
            flat |= {f"{part}/in/{name}": plain(value) for name, value in given.items()}
            flat |= {f"{part}/out/{i:03}": value for i, value in enumerate(wanted)}
        np.savez(self.folder / f"{step}.npz", **flat)
        (self.folder / f"{step}.job").write_text(json.dumps(facts))


def in_half(model: Any) -> bool:
    """Whether a layer computes in 16 bits; a file that does so in 32 gives other numbers."""
    computed = {getattr(layer, "compute_dtype", "") for layer in private.parts_of(model)}
    return bool(computed & {"float16", "bfloat16"})


def plain(value: np.ndarray) -> np.ndarray:
    return value.astype(str) if value.dtype == object else value


def outputs(model: Any, inputs: dict[str, np.ndarray], **options: Any) -> list[np.ndarray]:
    """What Keras computes, float64; states that a call moves are put back."""
    variables = [*model.variables, *states(model)]
    before = [np.asarray(variable.value) for variable in variables]
    structure = getattr(model, "_inputs_struct", None)
    tensors = list(getattr(model, "inputs", None) or [])
    if isinstance(model, keras.Sequential):
        structure = model.inputs[0]
    if not tensors:
        made = model(next(iter(inputs.values())), **options)
    else:
        names = [private.maker_of(tensor).name for tensor in tensors]
        tensors = [tensor_of(inputs[name]) for name in names]
        made = model(keras.tree.pack_sequence_as(structure, tensors), **options)
    values = [ops.convert_to_numpy(ops.cast(v, "float64")) for v in keras.tree.flatten(made)]
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    return values


def states(model: Any) -> list[Any]:
    """States of stateful recurrent layers, which Keras does not count as variables."""
    layers = [layer for layer in private.parts_of(model) if getattr(layer, "stateful", False)]
    held = [keras.tree.flatten(getattr(layer, "states", None)) for layer in layers]
    return [state for each in held for state in each if hasattr(state, "assign")]


def tensor_of(value: np.ndarray) -> Any:
    import tensorflow as tf

    return tf.constant(value) if value.dtype.kind in "OU" else ops.convert_to_tensor(value)


def same(got: Any, wanted: list[np.ndarray], inputs: dict[str, np.ndarray], what: str) -> None:
    """Raises `Wrong` unless a model gives equal outputs, to the last digit."""
    apart = difference(outputs(got, inputs), wanted)
    if apart:
        raise Wrong(f"{what}: outputs differ by {apart:.2g}")


def alike(model: Any) -> tuple[str, str]:
    """Two sites, of layers used nowhere else, that could share one; those with kernels first."""
    plan, kinds = wszoo.plan_of(model), {}
    single = [group[0] for group in plan.groups.values() if len(group) == 1]
    layers = {site: sharing_graph.layer_at(model, site) for site in single}
    for site in sorted(single, key=lambda s: -max(len(w.shape) for w in layers[s].weights)):
        partner = kinds.setdefault(likeness(layers[site]), site)
        if partner != site:
            return partner, site
    raise Nothing("no two sites are alike")


@contextlib.contextmanager
def moved(weights: list[Any]) -> Iterator[None]:
    """Other values in some weights, for a while."""
    before = [np.asarray(weight.value) for weight in weights]
    for weight, value in zip(weights, before, strict=True):
        weight.assign(value + 1)
    try:
        yield
    finally:
        for weight, value in zip(weights, before, strict=True):
            weight.assign(value)


def likeness(layer: Any) -> str:
    """Equal for layers that may be able to share; what decides is wszoo."""
    try:
        return kind(layer)
    except Exception:  # a layer whose config cannot be read
        return f"{type(layer)}{[tuple(weight.shape) for weight in layer.weights]}"


@contextlib.contextmanager
def some_frozen(model: Any) -> Iterator[None]:
    """A layer in three is frozen, and of another the first weight alone, sub-layers included."""
    layers = [layer for layer in private.parts_of(model) if layer is not model]
    variables = list(model.variables)
    before = [(item, item.trainable) for item in (*layers, *variables)]
    leaves = [
        layer
        for layer in layers
        if layer.trainable_variables and not any(True for _ in list(private.parts_of(layer))[1:])
    ]
    for i, layer in enumerate(leaves):
        if i % 3 == 1:
            layer.trainable = False
        elif i % 3 == 2:
            layer.trainable_variables[0].trainable = False
    try:
        yield
    finally:
        for item, flag in before:
            item.trainable = flag


def flags(model: Any) -> list[list]:
    """`[path, whether it trains]` of each weight; the states of random generators are none."""
    trained = {id(weight) for weight in model.trainable_variables}
    return [[weight.path, id(weight) in trained] for weight in model.weights]


def equal_flags(got: list[list], wanted: list[list]) -> bool:
    """By the paths of the variables; by their order where a copy gave them other paths."""
    in_order = [[flag for _, flag in each] for each in (got, wanted)]
    return sorted(got) == sorted(wanted) or in_order[0] == in_order[1]


def unique_bytes(model: Any) -> int:
    unique = {id(v): v for v in (*model.variables, *states(model))}.values()
    return sum(np.asarray(variable.value).nbytes for variable in unique)
