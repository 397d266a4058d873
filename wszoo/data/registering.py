"""Which sources there are, and which options each takes. A source registers itself:

    @source("digits")                                      # a set with this name
    def digits(*, image_size: int | None = None) -> Source: ...

    @source("npz", suffixes=(".npz",))                     # files with such a suffix
    def npz(path: Path, *, image_size: int | None = None) -> Source: ...

    @source("images", folder=count_images)                 # folders, by the files in them
    @source("texts", columns=("text", "label"))            # tables with these columns
    @source("tfds", catalogue=True)                        # names that no set has

so that a new one is one file, in `wszoo/data/sets` or `wszoo/data/formats` or in another package.
The options of a source are the keywords of its function, and it takes no others.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
import reprlib
import typing
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from wszoo import checks
from wszoo.data.source import Source

PLACES = ("data_dir", "manual_dir")  # on this machine; a source that needs none passes over them

Read = typing.TypeVar("Read", bound=Callable[..., Source])
CountFiles = Callable[[Collection[Path]], int]


@dataclass(frozen=True)
class Reader:
    """One source: how it is read, and by what it is known; see `source`."""

    name: str
    read: Callable[..., Source]
    suffixes: tuple[str, ...]
    folder: CountFiles | None
    columns: tuple[str, ...]
    catalogue: bool

    @property
    def is_set(self) -> bool:
        """Whether it is asked for by its name."""
        return not (self.suffixes or self.folder or self.columns or self.catalogue)

    @property
    def marks(self) -> set[str]:
        """What no two sources may have in common."""
        others = [" and ".join(self.columns), "catalogue" if self.catalogue else ""]
        return {self.name, *self.suffixes, *others} - {""}

    @functools.cached_property
    def options(self) -> tuple[str, ...] | None:
        """The keywords of `read`, with those of a `TypedDict` that it unpacks; `None` where it
        hands them on as they are."""
        names: list[str] = []
        for name, parameter in inspect.signature(self.read).parameters.items():
            if parameter.kind is parameter.KEYWORD_ONLY:
                names.append(name)
            elif parameter.kind is parameter.VAR_KEYWORD:
                unpacked = typing.get_args(typing.get_type_hints(self.read)[name])
                if not unpacked:
                    return None
                names += typing.get_type_hints(unpacked[0])
        return tuple(names)

    def __call__(self, *place: object, **options: object) -> Source:
        """Reads it: a set, or what lies at a place. `None` for an option stands for its default.

        Raises `ValueError` for an option that this source does not take.
        """
        given = {name: value for name, value in options.items() if value is not None}
        if self.options is None:
            return self.read(*place, **{n: v for n, v in given.items() if n not in PLACES})
        if unknown := [name for name in given if name not in (*self.options, *PLACES)]:
            asked = ", ".join(f"{name}={reprlib.repr(given[name])}" for name in unknown)
            valid = [name for name in self.options if name not in PLACES]
            near = next(filter(None, (checks.near(name, valid) for name in unknown)), "")
            said = f"{place[0]} ({self.name})" if place else self.name
            raise ValueError(
                f"{said} does not take {asked}{near}; its options are {', '.join(valid) or 'none'}"
            )
        return self.read(*place, **{n: v for n, v in given.items() if n in self.options})


_readers: dict[str, Reader] = {}


def source(
    name: str,
    *,
    suffixes: Collection[str] = (),
    folder: CountFiles | None = None,
    columns: Collection[str] = (),
    catalogue: bool = False,
) -> Callable[[Read], Read]:
    """Registers a function that reads a source, and gives it back.

    With a name alone it is a set that `load` is asked for by this name, and the function takes no
    place. Else it takes one: the `Path` of a file with one of these `suffixes`, in small letters;
    the `Path` of a folder, where `folder` tells how many of the files in it and below it are of
    this source, and the one that has most reads it; a `Table` that has these `columns`, of which
    the one that asks for most reads it; or, in a `catalogue`, a name that no set has.

    Raises `ValueError` for a name, a suffix or columns that another source has.
    """

    def decorate(read: Read) -> Read:
        reader = Reader(name, read, tuple(suffixes), folder, tuple(columns), catalogue)
        for other in _readers.values():
            if taken := reader.marks & other.marks:
                raise ValueError(
                    f"a source of {min(taken)!r} is already registered by {other.read.__module__}"
                )
        _readers[name] = reader
        return read

    return decorate


def readers() -> list[Reader]:
    """Every source, by name; imports those of this package on first use."""
    _import_own()
    return [reader for _, reader in sorted(_readers.items())]


def set_names() -> tuple[str, ...]:
    """The names of all sets, sorted."""
    return tuple(reader.name for reader in readers() if reader.is_set)


@functools.cache
def _import_own() -> None:
    from wszoo.data import formats, sets

    for room in (formats, sets):
        for module in pkgutil.iter_modules(room.__path__):
            importlib.import_module(f"{room.__name__}.{module.name}")
