"""What a graph reads and writes beside its inputs: variables, lookup tables and their assets."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


def resources(
    model: "keras.Model", concrete: "tf.types.experimental.ConcreteFunction"
) -> "list[tf.Variable | tf.saved_model.experimental.TrackableResource]":
    """What has to be written with a concrete function of the model, each object once.

    The model's weights come first, used or not, then other variables that the function reads or
    writes (a recurrent state, a random generator's), then lookup tables. Raises `ValueError` where
    the function uses a resource that belongs to no layer.
    """
    weights = [variable.value for variable in model.weights]
    unique = {id(variable): variable for variable in [*weights, *concrete.variables]}
    handles = {id(variable.handle) for variable in unique.values()}
    others = {
        id(tensor): tensor
        for tensor in concrete.captured_inputs
        if tensor.dtype.name in ("resource", "variant") and id(tensor) not in handles
    }
    tables = {id(table.resource_handle): table for table in _tables(model, set())} if others else {}
    if any(handle not in tables for handle in others):
        raise ValueError(
            f"{model.name!r} uses a TensorFlow table or other resource that none of its layers "
            "holds: keep it as an attribute of the layer that uses it, so that it can be written"
        )
    return [*unique.values(), *(tables[handle] for handle in others)]


def _tables(
    value: object, visited: set[int]
) -> "Iterator[tf.saved_model.experimental.TrackableResource]":
    """Lookup tables and the like in what a layer holds, collections included."""
    import tensorflow as tf

    if id(value) in visited:
        return
    visited.add(id(value))
    if isinstance(value, tf.saved_model.experimental.TrackableResource):
        yield value
    if isinstance(value, Mapping):
        children = list(value.values())
    elif isinstance(value, list | tuple | set | frozenset):
        children = list(value)
    elif isinstance(value, tf.__internal__.tracking.Trackable):
        children = list(getattr(value, "__dict__", {}).values())
    else:
        return
    for child in children:
        yield from _tables(child, visited)
