"""What of wszoo is public: what its packages offer, what its pages import, what recipes use."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

REPO = Path(__file__).parents[3]
PACKAGES = ("", ".data", ".data.sets.nab", ".layers", ".tuner", ".comparison", ".relaxed", ".tasks",
            ".exporting", ".transferring")  # fmt: skip
PAGES = ("README.md", "docs/*.md", "docs/*/*.md")
RECIPES = ("wszoo/recipes/*/*.py",)
# Commands, models (see the registry), and helpers below the packages.
INSIDE = {"arguments", "cli", "command_line", "recipes", "models", "checks", "claims", "files",
          "declared", "checksums"}  # fmt: skip
# What docstrings speak of.
ALSO = (
    "wszoo.exporting.tflite.write.litert",
    "wszoo.exporting.onnx.write.onnx_file",
    "wszoo.exporting.stored.inspect_file",
    "wszoo.transferring.features.cache.features",
    "wszoo.transferring.features.cache.views",
    "wszoo.transferring.freezing.freeze_plan.Phase",
)
# Methods that are called by Keras or KerasTuner, with what those pass on.
HOOKS = re.compile(r"build|call|compute_\w+|get_config|on_\w+|populate_space|\w+_trial|reload")


def public() -> dict[str, Any]:
    """Dotted name → function or class, and the methods of classes. `wszoo` itself is left out of
    the names: `data.load`, `layers.Scale`, `SharingPlan.tie`."""
    items: dict[str, Any] = {}
    for package in PACKAGES:
        module = importlib.import_module(f"wszoo{package}")
        for name in getattr(module, "__all__", None) or module.__dir__():
            if not isinstance(getattr(module, name), ModuleType):
                items[_key(module, name)] = getattr(module, name)
    for place in sorted({*_imported(), *ALSO}):
        module_name, _, name = place.rpartition(".")
        item = getattr(importlib.import_module(module_name), name)
        if not isinstance(item, ModuleType) and _made_here(item):
            items.setdefault(_key(importlib.import_module(item.__module__), item.__name__), item)
    items = {key: item for key, item in items.items() if callable(item)}
    homes: dict[int, str] = {}  # one name each: that of the package that offers it
    for key, item in sorted(items.items(), key=lambda pair: (pair[0].count("."), pair[0])):
        homes.setdefault(id(item), key)
    items = {key: item for key, item in items.items() if homes[id(item)] == key}
    return items | {k: m for key, item in items.items() for k, m in _methods(key, item)}


def _key(module: ModuleType, name: str) -> str:
    return f"{module.__name__}.{name}".removeprefix("wszoo.")


def _made_here(item: Any) -> bool:
    return callable(item) and str(getattr(item, "__module__", "")).startswith("wszoo.")


def _methods(key: str, item: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(item, type):
        return
    for name, part in vars(item).items():
        part = part.__func__ if isinstance(part, classmethod) else part
        hidden = name.startswith("_") or HOOKS.fullmatch(name)
        if inspect.isfunction(part) and not hidden and len(inspect.signature(part).parameters) > 1:
            yield f"{key}.{name}", part


def _imported() -> set[str]:
    """`module.name` of what is taken from wszoo in recipes and in the pages' code."""
    texts = [path.read_text() for glob in RECIPES for path in sorted(REPO.glob(glob))]
    pages = [path.read_text() for glob in PAGES for path in sorted(REPO.glob(glob))]
    blocks = [b for page in pages for b in re.findall(r"```python\n(.*?)```", page, re.DOTALL)]
    places: set[str] = set()
    for text in [*texts, *blocks]:
        try:
            tree = ast.parse(text)
        except SyntaxError:  # a page's excerpt
            continue
        places |= _of_tree(tree)
    return {place for place in places if place.split(".")[1] not in INSIDE}


def _of_tree(tree: ast.AST) -> set[str]:
    modules, places = {"wszoo": "wszoo"}, set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("wszoo"):
            for alias in node.names:
                places.add(f"{node.module}.{alias.name}")
                modules[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        home = node.value if isinstance(node, ast.Attribute) else None
        if isinstance(home, ast.Name) and _is_module(modules.get(home.id, "")):
            places.add(f"{modules[home.id]}.{node.attr}")
    return {place for place in places if _is_there(place)}


def _is_module(name: str) -> bool:
    try:
        importlib.import_module(name or "no module")
    except ImportError:
        return False
    return True


def _is_there(place: str) -> bool:
    module, _, name = place.rpartition(".")
    return _is_module(module) and hasattr(importlib.import_module(module), name)
