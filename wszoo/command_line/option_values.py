"""What the words of a command line are taken for: each function is `(option, value) → value`.

They raise `ValueError` in the words of `wszoo.checks`, or `OSError` for files and folders.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from wszoo import checks

Valid = Iterable[str] | Callable[[], Iterable[str]]


def word(option: str, value: Any, *, valid: Valid) -> str:
    """One of some words."""
    return checks.one_of(option, value, _all(valid))


def words(option: str, value: Any, *, valid: Valid | None) -> str:
    """Words by commas."""
    listed = split(checks.text(option, value))
    if valid is not None:
        checks.some_of(option, listed, _all(valid))
    elif not all(listed) or len(set(listed)) < len(listed):
        raise ValueError(f"{option} must be words that differ, by commas; received {value!r}")
    return value


def numbers(option: str, value: Any, *, kind: type, bounds: dict[str, Any]) -> str:
    """Numbers by commas."""
    check: Any = checks.whole if kind is int else checks.number
    parts = [_read(part) for part in split(str(value))]
    found = [check(f"each number of {option}", part, **bounds) for part in parts]
    if len(set(found)) < len(found):
        raise ValueError(f"{option} must be numbers that differ, by commas; received {value!r}")
    return value


def settings(option: str, value: Any) -> str:
    """A JSON object."""
    checks.json_object(option, value)
    return value


def file(option: str, value: Path, *, suffix: str) -> Path:
    """A file that exists and may be read."""
    path = value.expanduser()
    if not path.exists():
        raise FileNotFoundError(f"{option}: no file {str(value)!r}")
    if path.is_dir() or (suffix and path.suffix.lower() != suffix):
        raise ValueError(f"{option} must be a {suffix or 'file'} file; received {str(value)!r}")
    if not os.access(path, os.R_OK):
        raise PermissionError(f"{option}: {str(value)!r} may not be read")
    return path


def new_file(option: str, value: Path) -> Path:
    """A file to write."""
    path = value
    if path.is_dir():
        raise IsADirectoryError(f"{option} must be a file; received the folder {str(value)!r}")
    new_folder(option, path.parent)
    return path


def new_folder(option: str, value: Path) -> Path:
    """A folder to write to, which need not exist."""
    path = value
    there = next(part for part in (path, *path.absolute().parents) if os.path.lexists(part))
    why = "" if there.is_dir() else "is a file"
    if not why and not os.access(there, os.W_OK | os.X_OK):
        why = "may not be written to"
    if why:
        raise NotADirectoryError(
            f"{option} must be a folder to write to; received {str(value)!r}: {str(there)!r} {why}"
        )
    return path


def old_folder(option: str, value: Path) -> Path:
    """A folder that exists."""
    path = value.expanduser()
    if not path.is_dir():
        raise NotADirectoryError(f"{option} must be a folder that exists; received {str(value)!r}")
    return path


def split(listed: str) -> list[str]:
    """The words of an option that takes several."""
    return [word.strip() for word in listed.split(",")]


def _read(value: Any) -> Any:
    """The number that a text spells, whole if it can be, else the text itself."""
    for kind in (int, float):
        try:
            return kind(value) if isinstance(value, str) else value
        except ValueError:
            continue
    return value


def _all(valid: Valid) -> list[str]:
    return list(valid() if callable(valid) else valid)
