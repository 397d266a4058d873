"""The kinds of files that `wszoo.export` writes, one a file.

    wszoo.exporting.formats.find("litert").settings

Each file registers what it writes (`@register`), so a new format is one new file.
"""

from wszoo.exporting.formats.format import (
    Format,
    exported,
    find,
    inspector,
    names,
    register,
    suffixes,
)

__all__ = [
    "Format",
    "exported",
    "find",
    "inspector",
    "names",
    "register",
    "suffixes",
]
