"""Names that a package offers at once and imports when they are first used (PEP 562)."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any


def exports(
    package: str, homes: dict[str, str], modules: Sequence[str] = ()
) -> tuple[Callable[[str], Any], Callable]:
    """`(__getattr__, __dir__)` of a package.

    `homes` maps each public name to the module that has it; `modules` are public submodules.
    """

    def get(name: str) -> Any:
        if name in modules:
            return importlib.import_module(f"{package}.{name}")
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        value = getattr(importlib.import_module(homes[name]), name)
        vars(importlib.import_module(package))[name] = value
        return value

    return get, lambda: sorted({*homes, *modules})
