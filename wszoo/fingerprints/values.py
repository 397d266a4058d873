"""What a value is, as plain data: equal in every process, and other where the value is another.

Numbers, text and their collections are themselves; arrays and models are hashes; a function is a
hash of its bytecode, constants, defaults and of what it reaches: closures, globals, other functions
of the user's. Code of installed packages, this one too, is known by its name and version. Other
objects are their class and their state, as `pickle` would take it. What cannot be told so is
refused: a change of it would go unnoticed.
"""

import copyreg
import hashlib
import json
from collections.abc import Mapping, Set
from enum import Enum
from functools import partial, singledispatch
from pathlib import PurePath
from types import (
    BuiltinFunctionType,
    CodeType,
    EllipsisType,
    FunctionType,
    MethodType,
    ModuleType,
    NotImplementedType,
)
from typing import Any

import numpy as np

from wszoo import private
from wszoo.fingerprints import code, models
from wszoo.fingerprints.arrays import of_arrays

SHOWN = 32  # digits of a hash that stand in plain data
_WRAPPED = ("__wrapped__", "python_function", "__func__")  # what decorators keep the function in
Places = dict[int, tuple[int, object]]  # id → place, and the thing itself, which so keeps its id


def plain(value: object) -> object:
    """The value as JSON can hold it; see above.

    Raises `ValueError` for what has no state that can be written down, such as a lock or a file.
    """
    return _plain(value, {})


def digest(value: object) -> str:
    """A hash (64 hex digits) of `plain(value)`."""
    return _hash(plain(value))


@singledispatch
def _plain(value: object, places: Places) -> object:
    if value is None or isinstance(value, bool | int | str):
        return value
    if callable(own := getattr(value, "fingerprint", None)):
        return own()
    if hasattr(value, "__array__") and hasattr(value, "shape") and hasattr(value, "dtype"):
        return _array(np.asarray(value), places)
    if (place := _place(value, places)) is not None:
        return place
    for name in _WRAPPED:
        if callable(inner := getattr(value, name, None)):
            return [_class(type(value), places), _plain(inner, places)]
    if callable(getattr(value, "get_config", None)):
        return _of_keras(value, places)
    return _pickled(value, places)


@_plain.register
def _float(value: float, places: Places) -> object:
    return value if np.isfinite(value) else repr(value)


@_plain.register(np.ndarray)
def _array(value: np.ndarray, places: Places) -> object:
    return f"{value.dtype}{value.shape} {of_arrays([value])[:SHOWN]}"


@_plain.register
def _scalar(value: np.generic, places: Places) -> object:
    inside = value.item()
    return repr(value) if isinstance(inside, np.generic) else _plain(inside, places)


@_plain.register(bytes)
@_plain.register(bytearray)
def _bytes(value: bytes, places: Places) -> object:
    return f"bytes({len(value)}) {hashlib.sha256(value).hexdigest()[:SHOWN]}"


@_plain.register(list)
@_plain.register(tuple)
def _list(value: list[object] | tuple[object, ...], places: Places) -> object:
    return [_plain(item, places) for item in value]


@_plain.register(Mapping)
def _mapping(value: Mapping[Any, object], places: Places) -> dict[str, object]:
    return {
        key if isinstance(key, str) else json.dumps(_plain(key, places)): _plain(item, places)
        for key, item in value.items()
    }


@_plain.register(Set)
def _set(value: Set[object], places: Places) -> object:
    return sorted((_plain(item, places) for item in value), key=json.dumps)


@_plain.register(PurePath)
@_plain.register(Enum)
@_plain.register(np.dtype)
def _by_name(value: object, places: Places) -> object:
    return str(value)


@_plain.register(complex)
@_plain.register(range)
@_plain.register(slice)
@_plain.register(EllipsisType)
@_plain.register(NotImplementedType)
def _by_repr(value: object, places: Places) -> object:
    return repr(value)


@_plain.register
def _module(value: ModuleType, places: Places) -> object:
    return code.named(value.__name__, "")


@_plain.register(type)
def _class(value: type, places: Places) -> object:
    """A class of the user's by the code and the constants of it and its bases."""
    if code.installed(value.__module__):
        return code.named(value.__module__, value.__qualname__)
    if (place := _place(value, places)) is not None:
        return place
    bases = [_class(base, places) for base in value.__bases__]
    return _marked(value, [bases, _plain(code.parts_of(value), places)])


@_plain.register
def _function(value: FunctionType, places: Places) -> object:
    if (place := _place(value, places)) is not None:
        return place
    inside = [_plain(cell, places) for cell in code.cells(value)]
    if code.installed(value.__module__ or ""):
        name = code.named(value.__module__, value.__qualname__)
        return [name, inside] if "<locals>" in value.__qualname__ else name
    given = [_plain(value.__defaults__, places), _plain(value.__kwdefaults__, places)]
    reached = {name: _plain(item, places) for name, item in code.reached(value)}
    return _marked(value, [_code(value.__code__, places), inside, given, reached])


@_plain.register(CodeType)
def _code(value: CodeType, places: Places) -> object:
    arguments = value.co_varnames[: value.co_argcount + value.co_kwonlyargcount]
    constants = [_plain(constant, places) for constant in value.co_consts]
    steps = value.co_code.hex(), value.co_exceptiontable.hex()
    return [*steps, constants, list(value.co_names), list(arguments), value.co_flags]


@_plain.register
def _method(value: MethodType, places: Places) -> object:
    return [_plain(value.__func__, places), _plain(value.__self__, places)]


@_plain.register
def _builtin(value: BuiltinFunctionType, places: Places) -> object:
    bound = value.__self__
    if bound is None or isinstance(bound, ModuleType):
        return code.named(value.__module__ or "builtins", value.__qualname__)
    return [value.__qualname__, _plain(bound, places)]


@_plain.register(partial)
def _partial(value: partial[object], places: Places) -> object:
    return [_plain(value.func, places), _plain([value.args, value.keywords], places)]


def _of_keras(value: Any, places: Places) -> object:
    """A model or layer with what it has learnt, an optimizer, loss, metric, schedule, …"""
    about: dict[str, object] = {"class": _class(type(value), places)}
    if not private.has_parts(value):
        about["config"] = _plain(models.config_of(value), places)
        return about | _mapping(models.own_parts(value), places)
    about["weights"] = models.of_weights(value)[:SHOWN]
    if not hasattr(value, "layers"):
        about["config"] = _plain(models.config_of(value), places)
        return about | _mapping(models.own_parts(value), places)
    about["graph"] = models.of_graph(value)[:SHOWN]
    return about | (_mapping(models.compiled(value), places) if value.compiled else {})


def _pickled(value: object, places: Places) -> object:
    """Any other object by its class and the state that `pickle` would keep."""
    try:
        own = copyreg.dispatch_table.get(type(value))
        reduced = own(value) if own else value.__reduce_ex__(2)
    except Exception as error:  # whatever a class says that cannot be pickled
        raise ValueError(_refused(value)) from error
    if isinstance(reduced, str):
        return code.named(type(value).__module__, reduced)
    _, arguments, state, *items = (*reduced, None, None, None)[:5]
    given = [list(part) for part in items if part is not None]
    kept = [part for part in arguments if part is not type(value)]
    return [_class(type(value), places), _plain([kept, state, given], places)]


def _refused(value: object) -> str:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return (
        f"a {kind} cannot be written down, so that another one in its place would go unnoticed; "
        "use a function, a partial, or an object of plain attributes or with get_config()"
    )


def _marked(value: type | FunctionType, inside: object) -> str:
    """A name for the reader, and a hash of what decides."""
    return f"{value.__qualname__.rpartition('.')[2]} (code {_hash(inside)[:SHOWN]})"


def _hash(inside: object) -> str:
    return hashlib.sha256(json.dumps(inside, sort_keys=True).encode()).hexdigest()


def _place(value: object, places: Places) -> str | None:
    """Where the value came before, which is noted the first time."""
    if id(value) in places:
        return f"#{places[id(value)][0]}"
    places[id(value)] = (len(places), value)
    return None
