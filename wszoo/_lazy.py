"""Names that a package offers at once and imports when they are first used (PEP 562)."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any

from wszoo.keras_settings import name_backend


def exports(
    package: str, homes: dict[str, str], modules: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """`(__getattr__, __dir__)` of a package.

    `homes` maps each public name to the module that has it; `modules` are public submodules.
    """

    def get(name: str) -> Any:
        if name in modules:
            return _import(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(_import(homes[name]), name)
        vars(importlib.import_module(package))[name] = value
        return value

    return get, lambda: sorted({*homes, *modules})


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:  # perhaps of the backend that Keras is told to use
        name_backend(error)
        raise
