"""Results that show themselves: as a table where they are printed, and in a notebook."""

import io
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

Kind = TypeVar("Kind", bound=type)
_PAGE = "<pre>{code}</pre>"


def tabled(*methods: str) -> Callable[[Kind], Kind]:
    """A decorator of classes: `print(x)` and a notebook show the tables that these methods give.

    A method may give `None`. `repr(x)` stays as it is.
    """

    def decorate(kind: Kind) -> Kind:
        def tables(self: object) -> list["Table"]:
            return [table for name in methods if (table := getattr(self, name)()) is not None]

        def text(self: object) -> str:
            return as_text(*tables(self))

        def html(self: object) -> str:
            return as_html(*tables(self))

        setattr(kind, "__str__", text)  # noqa: B010 - a checker takes no other spelling
        setattr(kind, "_repr_html_", html)  # noqa: B010
        return kind

    return decorate


def as_text(*tables: "Table", width: int | None = None) -> str:
    """Rich tables as plain text, as wide as the terminal or as `width` columns."""
    console = _console(width)
    for table in tables:
        console.print(table)
    return console.export_text().rstrip()


def as_html(*tables: "Table") -> str:
    """Rich tables as HTML without a style sheet."""
    console = _console(120)
    for table in tables:
        console.print(table)
    return console.export_html(inline_styles=True, code_format=_PAGE)


def counted(number: int, one: str, many: str = "") -> str:
    """`"1 site"`, `"1,200 sites"`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _console(width: int | None) -> "Console":
    from rich.console import Console

    return Console(file=io.StringIO(), record=True, width=width)
