"""The calls of a model's graph, seen through the functional models that are nested in it.

A nested functional (or Sequential) model computes what its own graph says, so its calls are as
plain to see as those around it: they are listed as if they stood in the outer graph, once for
each call of the nested model. Calls come in one order that depends on the graph alone and not on
which of them share a layer: depth first from the outputs, arguments in order, parents before
children. So the n-th call of a model, of its twin and of the flattened model are the same site.
"""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import keras

from wszoo import private
from wszoo.private import Node

Path = tuple[Node, ...]  # Keras' nodes of the nested models around a call, outermost first
Args = tuple[Any, ...]  # of a call
Kwargs = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of one layer or operation: Keras' node, and the calls of nested models around it.

    A nested model that is called twice gives each of its nodes two calls.
    """

    node: Node
    path: Path = ()

    @property
    def operation(self) -> keras.Operation:
        """The layer or operation that is called."""
        return self.node.operation

    @property
    def arguments(self) -> private.Arguments:
        """Keras' arguments of the call."""
        return self.node.arguments

    @property
    def input_tensors(self) -> list[keras.KerasTensor]:
        """The symbolic tensors that the call takes."""
        return self.node.input_tensors

    @property
    def outputs(self) -> list[keras.KerasTensor]:
        """The symbolic tensors that the call gives, flat."""
        return self.node.outputs

    @property
    def containers(self) -> tuple[keras.Model, ...]:
        """The nested models around the call, outermost first."""
        return tuple(node.operation for node in self.path)


@dataclass(frozen=True)
class Entry:
    """What a call of a nested model gives to one of its inputs.

    `mask` is one that the call states; a mask that the argument brings itself is not in it.
    """

    input: keras.KerasTensor
    argument: object
    mask: keras.KerasTensor | None


def all_calls(model: keras.Model, *, nested: bool = True) -> list[Call]:
    """The calls that the outputs depend on; `nested=False` leaves nested models as one call each.

    Raises `ValueError` for a model without a graph.
    """
    require_functional(model)
    done: dict[Call, None] = {}
    # An explicit stack: deep models are deeper than Python's recursion limit.
    stack = [
        (call, False)
        for tensor in reversed(model.outputs)
        for call in reversed(list(makers(model, (), tensor, nested)))
    ]
    while stack:
        call, parents_done = stack.pop()
        if call in done:
            continue
        if parents_done or not call.input_tensors:
            done[call] = None
            continue
        stack.append((call, True))
        parents = [
            parent
            for tensor in call.input_tensors
            for parent in makers(model, call.path, tensor, nested)
        ]
        stack.extend((parent, False) for parent in reversed(parents))
    return [call for call in done if call.input_tensors]


def makers(model: keras.Model, path: Path, tensor: object, nested: bool = True) -> Iterator[Call]:
    """The call that made a symbolic tensor of the graph at `path`; none for a model's input.

    There are two where the tensor enters a nested model under a mask of its own.
    """
    while isinstance(tensor, keras.KerasTensor):
        if path and _is_input(path[-1].operation, tensor):
            entry = entries(path[-1])[id(tensor)]
            path, tensor = path[:-1], entry.argument
            if entry.mask is not None:
                yield from makers(model, path, tensor, nested)
                tensor = entry.mask
            continue
        if not path and _is_input(model, tensor):
            return
        node = private.call_of(tensor)
        if not (nested and is_open(node.operation)):
            yield Call(node, path)
            return
        path, tensor = (*path, node), inner_output(node, tensor)


def inner_output(node: Node, tensor: keras.KerasTensor) -> keras.KerasTensor:
    """The tensor of a nested model's own graph that one output of its call is."""
    place = next(i for i, output in enumerate(node.outputs) if output is tensor)
    return node.operation.outputs[place]


def entries(node: Node) -> dict[int, Entry]:
    """Id of a nested model's input → what this call of the model gives to it."""
    model, bound = node.operation, _bound(node)
    inputs = bound["inputs"]
    if isinstance(inputs, dict) and not isinstance(model.input, dict):
        inputs = [inputs[tensor.name] for tensor in model.inputs]
    arguments = keras.tree.flatten(inputs)
    masks = keras.tree.flatten(bound.get("mask"))
    masks = masks if len(masks) == len(arguments) else [None] * len(arguments)
    return {
        id(tensor): Entry(tensor, given, None if mask is _own_mask(given) else mask)
        for tensor, given, mask in zip(model.inputs, arguments, masks, strict=True)
    }


def context_of(path: Path) -> Kwargs:
    """Call arguments such as `training` that calls of nested models hand on to all inside."""
    context: Kwargs = {}
    for node in path:
        bound = _bound(node)
        stated = {"training": bound.get("training"), **bound.get("kwargs", {})}
        stated = {name: value for name, value in stated.items() if value is not None}
        context = stated | context  # the outer model's word holds, as it does in Keras
    return context


def is_open(operation: keras.Operation) -> bool:
    """Whether this is a model whose `call` runs its graph and nothing else."""
    if isinstance(operation, keras.Sequential):
        # Without `_functional` it calls its layers in Python, one after the other.
        return type(operation).call is keras.Sequential.call and private.has_graph(operation)
    functional = functional_class(operation)
    return functional is not None and type(operation).call is functional.call


def functional_class(model: keras.Model) -> type[keras.Model] | None:
    """Keras' class of models made from inputs and outputs, where `model` is one of them."""
    return next((c for c in type(model).__mro__ if c.__name__ == "Functional"), None)


def require_functional(model: keras.Model) -> None:
    """Raises `ValueError` unless the model's `call` is its graph."""
    if isinstance(model, keras.Sequential) and not model.built:
        raise ValueError(
            f"the Sequential model {model.name!r} is not built, so it has no graph yet: give it an "
            "Input or call model.build(input_shape) first"
        )
    if is_open(model):
        return
    received = f"{type(model).__module__}.{type(model).__qualname__}"
    if functional_class(model) is not None or isinstance(model, keras.Sequential):
        raise ValueError(
            f"sharing is read from the graph of a functional Keras model; {model.name!r} "
            f"({received}) is called by Python code of its own, not by its graph. Build it as "
            "keras.Model(inputs, outputs) without a `call` of its own"
        )
    raise ValueError(
        f"sharing is read from the graph of a functional Keras model; received {received}, which "
        "has none. Build it as keras.Model(inputs, outputs); a subclassed model hides its calls"
    )


def _is_input(model: keras.Model, tensor: keras.KerasTensor) -> bool:
    return any(tensor is given for given in model.inputs)


def _bound(node: Node) -> Kwargs:
    arguments = node.arguments
    signature = inspect.signature(node.operation.call)
    return signature.bind(*arguments.args, **arguments.kwargs).arguments


def _own_mask(value: object) -> keras.KerasTensor | None:
    return private.mask_of(value)
