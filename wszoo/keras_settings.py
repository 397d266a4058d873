"""Keras' global settings, which change what is built, held still while something is built."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pinned() -> Iterator[None]:
    """Within it images are channels last, and inputs have the float type of the dtype policy.

    The policy itself, `keras.config.dtype_policy()`, stays the caller's choice. May be used as a
    decorator.
    """
    try:
        import keras
    except ImportError as error:
        name_backend(error)
        raise
    before = keras.config.image_data_format(), keras.config.floatx()
    floats = keras.config.dtype_policy().variable_dtype
    wanted = "channels_last", floats if floats in ("float16", "bfloat16", "float64") else "float32"
    try:
        _set(*wanted)
        yield
    finally:
        _set(*before)


@contextmanager
def policy_fits(name: str) -> Iterator[None]:
    """Raises `ValueError` where a model cannot be built in the global dtype policy."""
    import keras

    policy = keras.config.dtype_policy()
    advice = f"; keras.config.set_dtype_policy('float32') makes one in which {name} is built"
    if policy.quantization_mode is not None:
        raise ValueError(
            f"{name} is built with weights that are floats, and the global dtype policy is "
            f"{policy.name!r}{advice}. Quantize it then: model.quantize(…)"
        )
    try:
        yield
    except (ValueError, TypeError):  # about the model's own settings
        raise
    except Exception as error:  # from deep within a backend, which lacks an operation
        if policy.name == "float32":
            raise
        raise ValueError(
            f"{name} cannot be built in the global dtype policy {policy.name!r} "
            f"({type(error).__name__}){advice}"
        ) from error


def name_backend(error: ImportError) -> None:
    """Raises an `ImportError` that names the extra, where it is Keras' backend that is missing."""
    backend = os.environ.get("KERAS_BACKEND", "")
    if error.name == backend:
        how = "pip install 'wszoo[jax]'" if backend == "jax" else f"install {backend}"
        raise ImportError(
            f"KERAS_BACKEND is {backend!r}, and {backend} is not installed: {how}, or set "
            "KERAS_BACKEND=tensorflow",
            name=backend,
        ) from error


def _set(data_format: str, floats: str) -> None:
    import keras

    if keras.config.image_data_format() != data_format:
        keras.config.set_image_data_format(data_format)
    if keras.config.floatx() != floats:
        keras.config.set_floatx(floats)
