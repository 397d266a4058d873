"""What hostile files of all kinds are made of."""

from pathlib import Path

Case = tuple[str, str, Path]  # what it is, the kind of its reader, the path to read
GIANT = 10**6
CODE = "__import__('pathlib').Path({!r}).write_text('ran')"
BOMB = 2**30  # bytes of zeros
NO_JSON: dict[str, bytes] = {
    "brackets 100,000 deep": b"[" * 100_000,
    "objects 100,000 deep": b'{"a":' * 100_000,
    "a list": b"[1, 2]",
    "null": b"null",
    "empty": b"",
    "no UTF-8": b'{"a": "\xff\xfe"}',
}
