"""Any functional Keras model under a head: one input, one vector of features an example."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wszoo import private

if TYPE_CHECKING:
    import keras

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Backbone:
    """A backbone that is not yet made: `make(input_shape)` gives features `(batch, width)`.

    `size` is the side in pixels to which a source's images should be resized, `None` where it does
    not matter or there are no images; `vocabulary` the tokens whose ids it was trained on.
    """

    name: str
    size: int | None
    make: Callable[[Shape], "keras.Model"]
    vocabulary: tuple[str, ...] = ()


def of_model(
    model: "keras.Model", name: str, vocabulary: tuple[str, ...] = (), *, ours: bool = False
) -> Backbone:
    """A functional Keras model as a backbone, which is copied and not changed.

    Where it is `ours`, and so nobody else's, the first that is made is the model itself.
    Raises `ValueError` for several inputs or outputs, and for layers that remember their calls.
    """
    from wszoo.input_range import behind
    from wszoo.sharing import graph
    from wszoo.sharing.about import about
    from wszoo.sharing.surgery.retie import retie

    vocabulary = vocabulary or tuple(about(model).get("vocabulary", ()))
    model = graph.as_functional(model)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"a backbone has one input and one output; {model.name!r} has the inputs "
            f"{[tensor.name for tensor in model.inputs]} and the outputs {model.output_names}. "
            "Give the part of it that makes features of one input: "
            "keras.Model(model.inputs[0], model.get_layer(NAME).output)"
        )
    _refuse_state(model)
    wanted = tuple(model.inputs[0].shape[1:])
    size = wanted[0] if len(wanted) == 3 and wanted[0] == wanted[1] else None

    unused = [model] if ours else []

    def make(shape: Shape) -> "keras.Model":
        copy = unused.pop() if unused else retie(model, graph.plan_of(model))
        copy = _with_free_batch(copy)
        if _fits(shape, wanted):
            return pooled(copy)
        if len(shape) == 3 and shape[-1] == 1 and _fits((*shape[:-1], 3), wanted):
            return pooled(behind(copy, shape, lambda x: colour(x, *copy.outputs)))
        if len(shape) == 3 and shape[-1] == 3 and _fits((*shape[:-1], 1), wanted):
            return pooled(behind(copy, shape, lambda x: _grey(x, *copy.outputs)))
        to_do = "give data of that shape, or build the model for the shape that they have"
        if _fits((*shape, 1), wanted):
            to_do = "give them a channel axis: x[..., None]"
        raise ValueError(f"{name} takes examples of shape {wanted}; the data have {shape}: {to_do}")

    return Backbone(name, size, make, vocabulary)


def _refuse_state(model: "keras.Model") -> None:
    """Raises `ValueError` where features of an example depend on the examples before it."""
    stateful = [
        layer.name for layer in private.parts_of(model) if getattr(layer, "stateful", False)
    ]
    if stateful:
        raise ValueError(
            f"{model.name!r} remembers its calls (stateful: {', '.join(map(repr, stateful))}), so "
            "the features of an example would depend on those before it. Build it without such "
            "layers, as keras.layers.LSTM with stateful=False, and give it the values: "
            "new.set_weights(model.get_weights())"
        )


def _with_free_batch(model: "keras.Model") -> "keras.Model":
    """A model whose Input has a fixed batch as one that takes any number of examples at a time.

    Raises `ValueError` where its layers rely on that batch.
    """
    from wszoo.input_range import behind

    (given,) = model.inputs
    if given.shape[0] is None:
        return model
    reason = ""
    try:
        free = behind(model, given.shape[1:], lambda x: x, dtype=given.dtype)
        if free.output_shape[:1] == (None,):
            return free
    except Exception as error:  # of any kind: it comes from within a layer
        reason = f" ({type(error).__name__})"
    raise ValueError(
        f"the layers of {model.name!r} rely on the {given.shape[0]} examples of its Input's "
        f"batch_shape{reason}, and training takes other numbers of them. Build it with a free "
        "batch, keras.Input(shape), and give it the values: new.set_weights(model.get_weights())"
    )


def _fits(shape: Shape, wanted: tuple[int | None, ...]) -> bool:
    pairs = zip(shape, wanted, strict=False)
    return len(shape) == len(wanted) and all(want in (None, size) for size, want in pairs)


def colour(inputs: "keras.KerasTensor", *below: "keras.KerasTensor") -> "keras.KerasTensor":
    """Grey images as colour ones, by a layer with a name that nothing up to `below` has."""
    import keras

    from wszoo.sharing import graph

    if inputs.shape[-1] == 3:
        return inputs
    return keras.layers.Concatenate(name=graph.free_layer_name("grey_to_colour", *below))(
        [inputs] * 3
    )


def _grey(inputs: "keras.KerasTensor", *below: "keras.KerasTensor") -> "keras.KerasTensor":
    """Colour images as grey ones: their brightness (ITU-R 601, as Pillow has it)."""
    import keras

    from wszoo.sharing import graph

    name = graph.free_layer_name("colour_to_grey", *below)
    weighted = keras.layers.Rescaling([0.299, 0.587, 0.114], name=name)(inputs)
    return keras.ops.sum(weighted, axis=-1, keepdims=True)


def pooled(model: "keras.Model") -> "keras.Model":
    """Features `(batch, width)`: maps and sequences are averaged over their places."""
    import keras

    from wszoo.sharing import graph

    x = model.outputs[0]
    if len(x.shape) == 2:
        return model
    pools = {
        3: keras.layers.GlobalAveragePooling1D,
        4: keras.layers.GlobalAveragePooling2D,
        5: keras.layers.GlobalAveragePooling3D,
    }
    if len(x.shape) not in pools:
        raise ValueError(
            f"features are (batch, width), or sequences and maps to be averaged; {model.name!r} "
            f"gives {tuple(x.shape)}. Give a part of it that makes such features, "
            "keras.Model(model.inputs[0], model.get_layer(NAME).output), or put "
            "keras.layers.Flatten() on top"
        )
    names = graph.names_of(model)
    pool = pools[len(x.shape)](
        data_format=_data_format(model), name=graph.free_layer_name("pooled", x)
    )
    result = keras.Model(model.inputs[0], pool(x), name=model.name)
    graph.remember(result, names.sites, names.declared)
    return result


def _data_format(model: "keras.Model") -> str:
    """Whether a model's maps have their channels last, as its last layer that knows says."""
    from wszoo.sharing.calls import all_calls

    for call in reversed(all_calls(model)):
        if getattr(call.operation, "data_format", None) is not None:
            return call.operation.data_format
    return "channels_last"
