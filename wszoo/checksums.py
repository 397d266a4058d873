"""Files that carry their own checksum: what wszoo writes and reads back is what it wrote.

A binary file ends in a line with the SHA-256 of all bytes before it; HDF5 and zip readers pass over
what stands behind their contents. A JSON object has the SHA-256 of its other members as one more.
The checksum is written with the file, so that the two cannot disagree whenever a writer is killed.
It is for accidents, not against a forger.
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from wszoo.files import write_text

MEMBER = "own_sha256"
_MARK = b"\nwszoo sha256 "
_LENGTH = len(_MARK) + 64 + 1  # of the line: mark, hex digits, line end
_CHUNK = 2**20
MOST_JSON = 2**24  # bytes of a JSON file; cards with a vocabulary are far below


def seal(path: str | os.PathLike) -> None:
    """Adds the checksum to a file that is written to its end."""
    digest = _sum(Path(path))
    with Path(path).open("ab") as file:
        file.write(_MARK + digest.encode() + b"\n")


def check_seal(path: str | os.PathLike) -> None:
    """Raises `ValueError` where a file is not what `seal` was given, or has no checksum."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        left = file.seek(0, os.SEEK_END) - _LENGTH
        file.seek(0)
        while left > 0 and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
        line = file.read()
    if not line.startswith(_MARK):
        raise ValueError(
            "it does not end in a checksum: it is cut off, or of a wszoo before 0.2 that wrote none"
        )
    if line[len(_MARK) :] != digest.hexdigest().encode() + b"\n":
        raise ValueError("its bytes do not have the checksum that was written with them")


def sealed(data: bytes, mark: bytes = _MARK, end: bytes = b"\n") -> bytes:
    """The bytes with their checksum behind them, as `seal` adds it to a file.

    `mark` and `end` stand around it, for kinds of files that want more than a line there.
    """
    return data + mark + hashlib.sha256(data).hexdigest().encode() + end


def unsealed(data: bytes, mark: bytes = _MARK, end: bytes = b"\n") -> bytes:
    """The bytes without their checksum, or as they are where none stands behind them.

    Raises `ValueError` where it is another's.
    """
    place = len(data) - len(mark) - 64 - len(end)
    if place < 0 or data[place : place + len(mark)] != mark:
        return data
    if sealed(data[:place], mark, end) != data:
        raise ValueError("its bytes do not have the checksum that was written with them")
    return data[:place]


def seal_folder(folder: Path, name: str) -> None:
    """Writes a file with the checksums of all others to a folder that is written to its end."""
    sums = {path.relative_to(folder).as_posix(): _sum(path) for path in _files(folder)}
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json_with_sum({"files": sums}, indent=1))


def check_folder(folder: Path, name: str) -> None:
    """Raises `ValueError` where the files of a folder are not those that `seal_folder` saw.

    Files that came later are passed over. A folder without checksums is not known.
    """
    if not (folder / name).is_file():
        return
    for file, wanted in read_json(folder / name)["files"].items():
        if not (folder / file).is_file():
            raise ValueError(f"its file {file!r} is missing")
        if _sum(folder / file) != wanted:
            raise ValueError(f"its file {file!r} does not have the checksum written with it")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def json_with_sum(value: dict[str, Any], **how: Any) -> str:
    """The text of a JSON object with its checksum; `how` goes to `json.dumps`."""
    return json.dumps(value | {MEMBER: sum_of(value)}, **how) + "\n"


def write_json(path: str | os.PathLike, value: dict[str, Any]) -> None:
    """Writes a JSON object with its checksum, whole or not at all."""
    write_text(path, json_with_sum(value, indent=1))


def sum_of(value: dict[str, Any]) -> str:
    """The checksum of an object, whatever the order of its members and the layout of its text."""
    rest = {str(name): member for name, member in value.items() if name != MEMBER}
    # Once there and back, so that what JSON changes (tuples, whole keys) is changed before.
    text = json.dumps(json.loads(json.dumps(rest)), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def read_json(path: str | os.PathLike) -> dict[str, Any]:
    """The object of a file that `json_with_sum` gave, without the checksum.

    Raises `ValueError` for what is no such object, and where the checksum is missing or another.
    """
    value = json_object(Path(path))
    if MEMBER not in value:
        raise ValueError(
            f"it has no member {MEMBER!r}: it is changed, or of a wszoo before 0.2 that wrote none"
        )
    check_sum(value)
    return {name: member for name, member in value.items() if name != MEMBER}


def check_sum(value: dict[str, Any]) -> None:
    """Raises `ValueError` where the members of an object do not have the checksum among them."""
    if value[MEMBER] != sum_of(value):
        raise ValueError("its members do not have the checksum that was written with them")


def json_object(source: Path | bytes, *, most: int = MOST_JSON) -> dict[str, Any]:
    """The JSON object of a file or of its bytes.

    Raises `ValueError` for more than `most` bytes and for whatever is no JSON object.
    """
    size = len(source) if isinstance(source, bytes) else source.stat().st_size
    if size > most:
        raise ValueError(f"it has {size:,} bytes; a JSON file of wszoo has at most {most:,}")
    data = source if isinstance(source, bytes) else source.read_bytes()
    try:
        value = json.loads(data.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"it is no UTF-8 text ({error})") from error
    except ValueError as error:
        raise ValueError(f"it is not JSON ({error})") from error
    except RecursionError as error:
        raise ValueError("it is not JSON that can be read: its brackets are too deep") from error
    if not isinstance(value, dict):
        raise ValueError(f"it holds no JSON object, but {type(value).__name__}")
    return value
