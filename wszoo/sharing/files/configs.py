"""Configs from which layers come back whole, where their classes leave something out."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras

from wszoo import private
from wszoo.sharing.files.readback import random_states_kept
from wszoo.sharing.settings import OF_ALL_LAYERS

Method = Callable[..., object]


@contextmanager
def complete(operation: keras.Operation) -> Iterator[None]:
    """Inside the block an operation and its sublayers give configs that make them again.

    To the config of a layer are added the plain arguments of its class that its own `get_config`
    leaves out. No build config is given of a layer without a `build` of its own: such a layer is
    built by its first call, and from a build config Keras would only mark it as built, before its
    parts have weights to load into.
    """
    layers = private.parts_of(operation) if isinstance(operation, keras.Layer) else []
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


def _replacements(layer: keras.Layer) -> dict[str, Method]:
    """Methods of this layer that stand for those of its class."""
    methods: dict[str, Method] = {}
    if _is_default(layer.build) and type(layer).build_from_config is keras.Layer.build_from_config:
        methods["get_build_config"] = lambda: None
    own = layer.get_config
    if not _is_default(own):  # Keras makes up whole configs for classes without one of their own
        methods["get_config"] = lambda: _completed(layer, own())
    return methods


def _completed(layer: keras.Layer, config: dict[str, object]) -> dict[str, object]:
    """The config with the plain arguments of the class that it leaves out, as its attributes.

    Where it also holds what the class does not take, and cannot be read for that, this is left out.
    """
    arguments = inspect.signature(type(layer).__init__).parameters
    left_out = {
        name: value
        for name, value in vars(layer).items()
        if name in set(arguments) - set(config)
        and _is_plain(value)
        and value != arguments[name].default
    }
    plain = type(layer).from_config.__func__ is keras.Layer.from_config.__func__
    unknown = set(config) - set(arguments) - OF_ALL_LAYERS if plain else set()
    if unknown and not _makes_a_layer(layer, config):
        config = {name: value for name, value in config.items() if name not in unknown}
    return left_out | config


def _makes_a_layer(layer: keras.Layer, config: dict[str, object]) -> bool:
    try:
        with random_states_kept():
            type(layer).from_config(dict(config))
    except (TypeError, ValueError):
        return False
    return True


def _is_default(method: Method) -> bool:
    """Whether Keras' base class made the method, and the layer's class has none of its own."""
    return getattr(method, "_is_default", False)


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)
