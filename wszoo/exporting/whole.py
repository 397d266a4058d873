"""A model that has no graph, as one layer of a graph, so that it can be exported."""

import inspect
from typing import TYPE_CHECKING, Any

from wszoo import private

if TYPE_CHECKING:
    import keras


def exportable(model: "keras.Model") -> "keras.Model":
    """The functional model whose files are this model's.

    A functional model is itself and a Sequential one the model it holds. A subclassed model, or
    one with a `call` of its own, becomes the one layer of a model with the inputs that it was
    built with, named as in its `call`: its weights are stored once too, but plans and roles
    inside of it are not seen.

    Raises `ValueError` for what is no Keras model, a model that has not been called yet, and one
    that takes several arguments.
    """
    import keras

    from wszoo.sharing import graph
    from wszoo.sharing.about import about, describe
    from wszoo.sharing.calls import functional_class, is_open

    if not isinstance(model, keras.Model) or isinstance(model, keras.Sequential) or is_open(model):
        return graph.as_functional(model)
    try:
        inputs = (
            _like(model) if functional_class(model) else _inputs(_shapes(model), _argument(model))
        )
        outputs = model(inputs)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{model.name!r} has no graph, and cannot be made a layer of one ({error}). Export "
            "keras.Model(inputs, model(inputs)) of the keras.Input it takes"
        ) from error
    whole = keras.Model(inputs, outputs, name=model.name)
    describe(whole, **about(model))
    return whole


def _like(model: "keras.Model") -> object:
    """A new `keras.Input` for each of a functional model's."""
    import keras

    def new(tensor: "keras.KerasTensor") -> "keras.KerasTensor":
        name = private.maker_of(tensor).name
        return keras.Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name)

    return keras.tree.map_structure(new, model.input)


def _shapes(model: "keras.Model") -> Any:
    """The shape, or shapes, of the one argument that a model was built with."""
    if not model.built:
        raise ValueError("it is not built: call it once, on an example")
    shapes = model.get_build_config() or {}
    if len(shapes) != 1:
        raise ValueError(f"it was built with the arguments {sorted(shapes)}, and one is needed")
    return next(iter(shapes.values()))


def _argument(model: "keras.Model") -> str:
    """The name that a model's `call` has for what it takes."""
    return next(iter(inspect.signature(model.call).parameters), "input")


def _inputs(shapes: Any, name: str) -> object:
    """A `keras.Input` for each shape, with a free batch, in the structure of the shapes."""
    import keras

    if isinstance(shapes, dict):
        return {key: _inputs(shape, str(key)) for key, shape in shapes.items()}
    if any(isinstance(part, tuple | list | dict) for part in shapes):
        return [_inputs(shape, f"{name}_{i}") for i, shape in enumerate(shapes)]
    return keras.Input(tuple(shapes)[1:], name=name)
