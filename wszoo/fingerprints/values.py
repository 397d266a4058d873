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
Seen = dict[int, tuple[int, Any]]  # id → place, and the thing itself, which so keeps its id


def plain(value: Any) -> Any:
    """The value as JSON can hold it; see above.

    Raises `ValueError` for what has no state that can be written down, such as a lock or a file.
    """
    return _plain(value, {})


def digest(value: Any) -> str:
    """A hash (64 hex digits) of `plain(value)`."""
    return _hash(plain(value))


@singledispatch
def _plain(value: Any, seen: Seen) -> Any:
    if value is None or isinstance(value, bool | int | str):
        return value
    if callable(getattr(value, "fingerprint", None)):
        return value.fingerprint()
    if hasattr(value, "__array__") and hasattr(value, "shape") and hasattr(value, "dtype"):
        return _array(np.asarray(value), seen)
    if (place := _place(value, seen)) is not None:
        return place
    for name in _WRAPPED:
        if callable(inner := getattr(value, name, None)):
            return [_class(type(value), seen), _plain(inner, seen)]
    if callable(getattr(value, "get_config", None)):
        return _of_keras(value, seen)
    return _pickled(value, seen)


@_plain.register
def _float(value: float, seen: Seen) -> Any:
    return value if np.isfinite(value) else repr(value)


@_plain.register(np.ndarray)
def _array(value: np.ndarray, seen: Seen) -> Any:
    return f"{value.dtype}{value.shape} {of_arrays([value])[:SHOWN]}"


@_plain.register
def _scalar(value: np.generic, seen: Seen) -> Any:
    inside = value.item()
    return repr(value) if isinstance(inside, np.generic) else _plain(inside, seen)


@_plain.register(bytes)
@_plain.register(bytearray)
def _bytes(value: bytes, seen: Seen) -> Any:
    return f"bytes({len(value)}) {hashlib.sha256(value).hexdigest()[:SHOWN]}"


@_plain.register(list)
@_plain.register(tuple)
def _list(value: Any, seen: Seen) -> Any:
    return [_plain(item, seen) for item in value]


@_plain.register
def _mapping(value: Mapping, seen: Seen) -> Any:
    return {
        key if isinstance(key, str) else json.dumps(_plain(key, seen)): _plain(item, seen)
        for key, item in value.items()
    }


@_plain.register
def _set(value: Set, seen: Seen) -> Any:
    return sorted((_plain(item, seen) for item in value), key=json.dumps)


@_plain.register(PurePath)
@_plain.register(Enum)
@_plain.register(np.dtype)
def _by_name(value: Any, seen: Seen) -> Any:
    return str(value)


@_plain.register(complex)
@_plain.register(range)
@_plain.register(slice)
@_plain.register(EllipsisType)
@_plain.register(NotImplementedType)
def _by_repr(value: Any, seen: Seen) -> Any:
    return repr(value)


@_plain.register
def _module(value: ModuleType, seen: Seen) -> Any:
    return code.named(value.__name__, "")


@_plain.register(type)
def _class(value: type, seen: Seen) -> Any:
    """A class of the user's by the code and the constants of it and its bases."""
    if code.installed(value.__module__):
        return code.named(value.__module__, value.__qualname__)
    if (place := _place(value, seen)) is not None:
        return place
    bases = [_class(base, seen) for base in value.__bases__]
    return _marked(value, [bases, _plain(code.parts_of(value), seen)])


@_plain.register
def _function(value: FunctionType, seen: Seen) -> Any:
    if (place := _place(value, seen)) is not None:
        return place
    inside = [_plain(cell, seen) for cell in code.cells(value)]
    if code.installed(value.__module__ or ""):
        name = code.named(value.__module__, value.__qualname__)
        return [name, inside] if "<locals>" in value.__qualname__ else name
    given = [_plain(value.__defaults__, seen), _plain(value.__kwdefaults__, seen)]
    reached = {name: _plain(item, seen) for name, item in code.reached(value)}
    return _marked(value, [_code(value.__code__, seen), inside, given, reached])


@_plain.register(CodeType)
def _code(value: CodeType, seen: Seen) -> Any:
    arguments = value.co_varnames[: value.co_argcount + value.co_kwonlyargcount]
    constants = [_plain(constant, seen) for constant in value.co_consts]
    steps = value.co_code.hex(), value.co_exceptiontable.hex()
    return [*steps, constants, list(value.co_names), list(arguments), value.co_flags]


@_plain.register
def _method(value: MethodType, seen: Seen) -> Any:
    return [_plain(value.__func__, seen), _plain(value.__self__, seen)]


@_plain.register
def _builtin(value: BuiltinFunctionType, seen: Seen) -> Any:
    bound = value.__self__
    if bound is None or isinstance(bound, ModuleType):
        return code.named(value.__module__ or "builtins", value.__qualname__)
    return [value.__qualname__, _plain(bound, seen)]


@_plain.register
def _partial(value: partial, seen: Seen) -> Any:
    return [_plain(value.func, seen), _plain([value.args, value.keywords], seen)]


def _of_keras(value: Any, seen: Seen) -> Any:
    """A model or layer with what it has learnt, an optimizer, loss, metric, schedule, …"""
    about = {"class": _class(type(value), seen)}
    if not private.has_parts(value):
        about["config"] = _plain(models.config_of(value), seen)
        return about | _plain(models.own_parts(value), seen)
    about["weights"] = models.of_weights(value)[:SHOWN]
    if not hasattr(value, "layers"):
        about["config"] = _plain(models.config_of(value), seen)
        return about | _plain(models.own_parts(value), seen)
    about["graph"] = models.of_graph(value)[:SHOWN]
    return about | (_plain(models.compiled(value), seen) if value.compiled else {})


def _pickled(value: Any, seen: Seen) -> Any:
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
    return [_class(type(value), seen), _plain([kept, state, given], seen)]


def _refused(value: Any) -> str:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return (
        f"a {kind} cannot be written down, so that another one in its place would go unnoticed; "
        "use a function, a partial, or an object of plain attributes or with get_config()"
    )


def _marked(value: Any, inside: Any) -> str:
    """A name for the reader, and a hash of what decides."""
    return f"{value.__qualname__.rpartition('.')[2]} (code {_hash(inside)[:SHOWN]})"


def _hash(inside: Any) -> str:
    return hashlib.sha256(json.dumps(inside, sort_keys=True).encode()).hexdigest()


def _place(value: Any, seen: Seen) -> str | None:
    """Where the value came before, which is noted the first time."""
    if id(value) in seen:
        return f"#{seen[id(value)][0]}"
    seen[id(value)] = (len(seen), value)
    return None
