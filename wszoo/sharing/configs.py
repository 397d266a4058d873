"""Configs from which layers come back whole, where their classes leave something out."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras

from wszoo.sharing.copying import noted_arguments


@contextmanager
def complete(operation: Any) -> Iterator[None]:
    """Inside the block an operation and its sublayers give configs that make them again.

    To the config of a layer are added the plain arguments of its class that its own `get_config`
    leaves out. No build config is given of a layer without a `build` of its own: such a layer is
    built by its first call, and from a build config Keras would only mark it as built, before its
    parts have weights to load into.
    """
    layers = operation._flatten_layers() if isinstance(operation, keras.Layer) else []
    changed = []
    try:
        for layer in layers:
            methods = _replacements(layer)
            vars(layer).update(methods)
            changed.append((layer, methods))
        yield
    finally:
        for layer, methods in changed:
            for name in methods:
                del vars(layer)[name]


def _replacements(layer: Any) -> dict[str, Any]:
    """Methods of this layer that stand for those of its class."""
    methods: dict[str, Any] = {}
    if _is_default(layer.build) and type(layer).build_from_config is keras.Layer.build_from_config:
        methods["get_build_config"] = lambda: None
    own = layer.get_config
    if not _is_default(own):  # Keras makes up whole configs for classes without one of their own
        methods["get_config"] = lambda: _completed(layer, own())
    return methods


def _completed(layer: Any, config: dict) -> dict:
    """The config with the plain arguments of the class that it leaves out.

    They are as Keras noted them when the layer was made, or as the layer's attributes of that name.
    """
    arguments = inspect.signature(type(layer).__init__).parameters
    known = {name: value for name, value in vars(layer).items() if _is_plain(value)}
    left_out = {
        name: value
        for name, value in {**known, **noted_arguments(layer)}.items()
        if name in arguments and name not in config and value != arguments[name].default
    }
    return left_out | config


def _is_default(method: Any) -> bool:
    """Whether Keras' base class made the method, and the layer's class has none of its own."""
    return getattr(method, "_is_default", False)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
