"""Format: how a kind of file is written, checked ahead, read back, and what may be asked of it."""

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from wszoo import checks
from wszoo.exporting.inspect import Inspection
from wszoo.exporting.report import Exported

# What files are compared on: a format takes as much of it as it can use.
EVIDENCE = ("inputs", "bound", "metric", "max_loss", "calibration")


class _Written(Protocol):
    """What a writer of a format says of its file; see `Exported`."""

    @property
    def path(self) -> Path: ...
    @property
    def stored_bytes(self) -> int: ...
    @property
    def max_error(self) -> float | None: ...
    @property
    def mean_error(self) -> float | None: ...


def _unchecked(model: object, **settings: object) -> None:
    """In the place of `check`, of a format that refuses nothing ahead."""


def _unserved(path: Path) -> str:
    """In the place of `serving`, of a format without a server."""
    return ""


@dataclass(frozen=True)
class Format:
    """A kind of file for other programs.

    `write(model, folder, **settings)` writes a functional model into a folder that is empty of it,
    by keyword settings with defaults, and gives an `Exported`; a file takes the place of one that
    stands, a folder the next version's. `check` takes the model and the settings and raises
    `ValueError` or `ImportError` for what can be refused before anything is written. `suffix` is
    that of its files, empty for a folder, and `inspect` reads what such a file stores from its
    bytes, given the least bytes of a constant that is looked at. `serving` says how to serve one.
    """

    name: str
    write: Callable[..., Exported]
    suffix: str = ""
    inspect: Callable[[bytes, int], Inspection] | None = None
    check: Callable[..., None] = _unchecked
    serving: Callable[[Path], str] = _unserved

    @property
    def summary(self) -> str:
        """The first line of the docstring of `write`."""
        return (inspect.getdoc(self.write) or "").partition("\n")[0]

    @property
    def settings(self) -> tuple[str, ...]:
        """What `write` takes by keyword alone."""
        parameters = inspect.signature(self.write).parameters.values()
        return tuple(each.name for each in parameters if each.kind is each.KEYWORD_ONLY)

    def taken(self, settings: Mapping[str, object]) -> dict[str, object]:
        """Those of the settings that are this format's."""
        return {name: settings[name] for name in self.settings if name in settings}


_formats: dict[str, Format] = {}


def register(
    *,
    suffix: str = "",
    inspect: Callable[[bytes, int], Inspection] | None = None,
    check: Callable[..., None] = _unchecked,
    serving: Callable[[Path], str] = _unserved,
) -> Callable[[Callable[..., Exported]], Callable[..., Exported]]:
    """Registers a function that writes a format, under its own name; see `Format`.

    Raises `ValueError` where the name or the suffix is taken.
    """

    def decorate(write: Callable[..., Exported]) -> Callable[..., Exported]:
        name = write.__name__
        if name in _formats:
            raise ValueError(f"a format named {name!r} is already registered")
        if taken := [each.name for each in _formats.values() if suffix and each.suffix == suffix]:
            raise ValueError(f"files that end in {suffix} are of the format {taken[0]!r}")
        _formats[name] = Format(name, write, suffix, inspect, check, serving)
        return write

    return decorate


def names() -> tuple[str, ...]:
    """The names of the formats, sorted."""
    _import_all()
    return tuple(sorted(_formats))


def find(name: str) -> Format:
    """A format by its name. Raises `ValueError` for an unknown one."""
    valid = names()
    if name not in valid:
        near = checks.near(name, valid)
        raise ValueError(f"unknown format {name!r}; valid are {', '.join(valid)}{near}")
    return _formats[name]


def inspector(path: Path) -> Callable[[bytes, int], Inspection] | None:
    """What reads a file, by the end of its name; `None` where no format has that suffix."""
    each = (find(name) for name in names())
    return next((f.inspect for f in each if f.inspect and path.name.endswith(f.suffix)), None)


def suffixes() -> tuple[str, ...]:
    """Of the files that can be inspected."""
    return tuple(find(name).suffix for name in names() if find(name).inspect)


def check_taken(formats: Iterable[Format], settings: Iterable[str]) -> None:
    """Raises `ValueError` for a setting that none of the formats takes; it names those that do."""
    formats = tuple(formats)
    valid = sorted({name for each in formats for name in each.settings})
    for setting in settings:
        if setting in valid:
            continue
        others = [name for name in names() if setting in find(name).settings]
        verdict = f"is one of {' and '.join(others)}" if others else "is unknown"
        asked = " and ".join(each.name for each in formats)
        raise ValueError(
            f"the setting {setting!r} {verdict}; {asked} takes {', '.join(valid)}"
            f"{checks.near(setting, valid)}"
        )


@functools.cache
def _import_all() -> None:
    import wszoo.exporting.formats

    for module in pkgutil.iter_modules(wszoo.exporting.formats.__path__):
        importlib.import_module(f"wszoo.exporting.formats.{module.name}")


def exported(
    format: str, written: _Written, precision: str = "float32", notes: tuple[str, ...] = ()
) -> Exported:
    """The record of a file, with what the file itself says that it stores."""
    from wszoo.exporting.stored import inspect_file

    file = inspect_file(written.path)
    errors = written.max_error, written.mean_error
    return Exported(
        format, written.path, precision, written.stored_bytes, file, *errors, notes=notes
    )
