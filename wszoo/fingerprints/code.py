"""What code is the user's own, and what a function of theirs reaches."""

import dis
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType, ModuleType


def installed(module: str) -> bool:
    """Whether a module belongs to Python or to a package; else its code is the user's."""
    root = module.partition(".")[0]
    if root in sys.stdlib_module_names or root == __name__.partition(".")[0]:
        return True
    file = str(getattr(sys.modules.get(root), "__file__", None) or "")
    return root != "__main__" and ("site-packages" in file or "dist-packages" in file)


def named(module: str, name: str) -> str:
    """Code of a package by its name and the package's version."""
    version = getattr(sys.modules.get(module.partition(".")[0]), "__version__", "")
    return f"{module}.{name} {version}".strip()


def nested(code: CodeType) -> Iterator[CodeType]:
    """Code and the code of the functions that it makes."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from nested(constant)


def of_methods(kind: type) -> Iterator[CodeType]:
    """The code of a class's methods, without those of installed packages."""
    for base in kind.__mro__:
        if not installed(base.__module__):
            for part in vars(base).values():
                if isinstance(part, FunctionType):
                    yield from nested(part.__code__)


def parts_of(kind: type) -> dict[str, object]:
    """What the user wrote into a class: constants and functions by name."""
    parts: dict[str, object] = {}
    for name, part in vars(kind).items():
        is_code = isinstance(part, FunctionType | staticmethod | classmethod | property)
        if name.startswith("_abc_") or (name.startswith("__") and not is_code):
            continue  # Python's own bookkeeping
        if isinstance(part, property):
            parts[name] = [part.fget, part.fset]
        elif isinstance(part, staticmethod | classmethod):
            parts[name] = part.__func__
        else:
            parts[name] = part
    return parts


def reached(function: FunctionType) -> Iterator[tuple[str, object]]:
    """The globals that a function reads, and what it takes of modules of the user's."""
    codes = list(nested(function.__code__))
    loaded = {
        step.argval
        for code in codes
        for step in dis.get_instructions(code)
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    for name in sorted(loaded & set(function.__globals__)):
        item = function.__globals__[name]
        yield name, item
        if isinstance(item, ModuleType) and not installed(item.__name__):
            attributes = {attribute for code in codes for attribute in code.co_names}
            for part in sorted(attributes & set(vars(item))):
                yield f"{name}.{part}", vars(item)[part]


def cells(function: FunctionType) -> Iterator[object]:
    """What a function's closure holds."""
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not yet filled
            yield "empty"
