"""What a layer is, apart from its name and its values: the ground on which sites may share."""

from typing import Any

import keras

from wszoo.sharing.settings import kept_arguments

Spec = dict[str, object]  # a class and its configuration

_NAMES = ("name", "build_config", "registered_name")
# A layer that has its values no longer depends on how they were drawn.
_HISTORY = ("seed", "trainable")


def spec(layer: keras.Layer, *, initial: bool = True) -> Spec:
    """The layer's class and configuration with every name removed.

    `initial=False` also leaves out what matters only while weights are drawn: initializers,
    seeds and trainable flags. A layer whose `get_config` fails is known by the arguments of its
    constructor that it keeps. Raises `ValueError` where one of those is a layer or a variable.
    """
    try:
        told = keras.saving.serialize_keras_object(layer)
    except Exception as error:  # a get_config may raise anything
        told = {"class_name": type(layer).__name__, "config": _kept(layer, error)}
    stripped = _strip(told, initial)
    assert isinstance(stripped, dict)
    return stripped


def _kept(layer: keras.Layer, error: Exception) -> Spec:
    try:
        return kept_arguments(layer)
    except TypeError as kept:
        raise ValueError(
            f"the layer {layer.name!r} ({type(layer).__name__}) does not tell its settings, so "
            f"that nobody knows which sites may share it: its get_config() fails ({error}), and "
            f"{kept}. Give its class a get_config() that returns every argument of its __init__"
        ) from error


def weight_shapes(layer: keras.Layer) -> list[tuple[tuple[int, ...], str]]:
    """`(shape, dtype)` of each weight, in order."""
    return [(tuple(w.shape), keras.backend.standardize_dtype(w.dtype)) for w in layer.weights]


def explain(first: str, first_spec: Spec, second: str, second_spec: Spec) -> str:
    """Both specs in short, one a line: the class and every setting in which they differ."""
    first_flat, second_flat = _flatten(first_spec), _flatten(second_spec)
    keys = sorted(
        key
        for key in {*first_flat, *second_flat} - {"class_name"}
        if first_flat.get(key) != second_flat.get(key)
    )
    lines = []
    for site, flat in ((first, first_flat), (second, second_flat)):
        settings = ", ".join(f"{key}={flat[key]!r}" for key in keys if key in flat)
        lines.append(f"  {site}: {flat.get('class_name')}({settings})")
    return "\n".join(lines)


def _strip(value: object, initial: bool) -> object:
    if isinstance(value, dict):
        if str(value.get("class_name")).endswith("DTypePolicy"):
            return value["config"]  # its name, such as mixed_float16, is all that it is
        if {"layers", "input_layers", "output_layers"} <= set(value):
            value = _numbered(value)
        return {
            key: _strip(item, initial)
            for key, item in value.items()
            if key not in _NAMES
            and (initial or not (key in _HISTORY or key.endswith("initializer")))
        }
    if isinstance(value, list | tuple):
        return [_strip(item, initial) for item in value]
    return value


def _numbered(config: dict[str, Any]) -> Spec:
    """The config of a nested functional model whose graph names its layers by their places."""
    place = {layer["name"]: f"#{i}" for i, layer in enumerate(config["layers"])}

    def rename(value: object) -> object:
        if isinstance(value, dict):
            return {key: rename(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [rename(item) for item in value]
        return place.get(value, value) if isinstance(value, str) else value

    layers = [
        layer | {"inbound_nodes": rename(layer["inbound_nodes"])} for layer in config["layers"]
    ]
    ends = {key: rename(config[key]) for key in ("input_layers", "output_layers")}
    return config | ends | {"layers": layers}


def _flatten(value: Spec, prefix: str = "") -> Spec:
    flat: Spec = {}
    for key, item in value.items():
        if key == "module":
            continue
        name = prefix if key in ("config",) else f"{prefix}.{key}".strip(".")
        flat |= _flatten(item, name) if isinstance(item, dict) else {name: item}
    return flat
