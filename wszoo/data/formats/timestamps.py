"""Time stamps of a table's column as UTC: ISO 8601, the epoch's numbers, or a format of one's own.

What can be read in two ways, such as 01/02/2024, is refused.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

UNITS = ("s", "ms", "us", "ns")  # of an epoch's numbers, and of what is given back
# Seconds since 1970 from 1973 to 2286 have 9 or 10 digits; so the size of a number says its unit.
_EPOCH = {unit: (10 ** (8 + 3 * i), min(10 ** (10 + 3 * i), 2**63)) for i, unit in enumerate(UNITS)}
_NANOS = {unit: 10 ** (9 - 3 * i) for i, unit in enumerate(UNITS)}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_COMPACT = re.compile(r"(19|20)\d{6}(\d{4}|\d{6})?", re.ASCII)  # 20240131, 202401311530
# 2024-01-31 15:30:00.123456789+01:00, also with / or T, without leading zeros or a time.
_ISO = re.compile(
    r"(\d{4})([-/])(\d{1,2})\2(\d{1,2})"
    r"(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?"
    r"\s*(Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII | re.IGNORECASE,
)
# Other spellings, which an error offers where they fit the whole column.
_FORMATS = tuple(
    f"{day}{time}"
    for day in ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d %b %Y", "%b %d %Y")
    for time in ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
)

# A stamp → ns since 1970, UTC, and its offset from UTC in seconds, where it has one.
Read = Callable[[str], "tuple[int, int | None]"]


@dataclasses.dataclass(frozen=True)
class Stamps:
    """`times` datetime64 (n,), UTC, in the coarsest of `UNITS` that holds them all exactly."""

    times: np.ndarray
    notes: tuple[str, ...]


def read_stamps(
    stamps: Sequence[str], where: Callable[[int], str], *, format: str | None = None
) -> Stamps:
    """A column of time stamps.

    Stamps with an offset from UTC are brought to UTC, those without are taken for UTC. Numbers of
    the epoch are seconds, milli-, micro- or nanoseconds by their size. `where(i)` names the i-th
    stamp in an error; `format` is one of `datetime.strptime`, in place of all else.

    Raises `ValueError`, with the place and what to do, for a stamp that cannot be read or can be in
    two ways, and for stamps with and without offsets in one column.
    """
    texts = [stamp.strip() for stamp in stamps]
    numeric = format is None and bool(texts) and bool(_NUMBER.fullmatch(texts[0]))
    if numeric and not _COMPACT.fullmatch(texts[0]):
        return _epoch(texts, where)
    read = _iso if format is None else _formatted(format)
    nanos, offsets = [], []
    for i, text in enumerate(texts):
        try:
            nano, offset = read(text)
        except ValueError as error:
            hint = "" if format else _hint(texts)
            raise ValueError(f"{where(i)}: {text!r} {error}{hint}") from error
        nanos.append(nano)
        offsets.append(offset)
    return Stamps(_shortest(nanos), _note_on_offsets(texts, offsets, where))


def _epoch(texts: Sequence[str], where: Callable[[int], str]) -> Stamps:
    unit = next((u for u in UNITS if _in_unit(texts[0], u)), "s")
    for i, text in enumerate(texts):
        if not _in_unit(text, unit):
            raise ValueError(
                f"{where(i)}: {text!r} is no time in {unit} since 1970; valid are ISO 8601 times "
                "such as 2024-01-31 15:30:00+01:00, or, in the whole column, s, ms, us or ns since "
                "1970 (of the years 1973 to 2286)"
            )
    nanos = [int(Decimal(text) * _NANOS[unit]) for text in texts]
    return Stamps(_shortest(nanos), (f"time stamps are numbers, read as {unit} since 1970, UTC",))


def _in_unit(text: str, unit: str) -> bool:
    low, high = _EPOCH[unit]
    return bool(_NUMBER.fullmatch(text)) and low <= Decimal(text) < high


def _iso(text: str) -> tuple[int, int | None]:
    if _COMPACT.fullmatch(text):
        if len(text) == 12:  # as milliseconds it is a day of the seventies
            raise ValueError("can be read as a date and time, or as milliseconds since 1970")
        return _nanos(datetime.strptime(text, "%Y%m%d%H%M%S"[: len(text) - 2])), None
    if not (match := _ISO.fullmatch(text)):
        raise ValueError("is no ISO 8601 time such as 2024-01-31 15:30:00+01:00")
    year, _, month, day, hour, minute, second, fraction, offset = match.groups()
    parts = [int(part or 0) for part in (year, month, day, hour, minute, second)]
    try:
        moment = datetime(*parts)  # type: ignore[arg-type]
    except ValueError as error:
        raise ValueError(f"is no time: {error}") from error
    nanos = _nanos(moment) + int((fraction or "").ljust(9, "0"))
    if offset is None:
        return nanos, None
    seconds = _offset_seconds(offset)
    return nanos - seconds * 10**9, seconds


def _offset_seconds(offset: str) -> int:
    if offset[:1] not in ("+", "-"):
        return 0
    digits = offset[1:].replace(":", "").ljust(4, "0")
    if int(digits[:2]) > 15 or int(digits[2:]) > 59:
        raise ValueError(f"has the offset {offset}, which no clock has")
    return (60 * int(digits[:2]) + int(digits[2:])) * (-60 if offset[0] == "-" else 60)


def _formatted(format: str) -> Read:
    def read(text: str) -> tuple[int, int | None]:
        try:
            moment = datetime.strptime(text, format)
        except ValueError as error:
            raise ValueError(f"does not fit format={format!r}: {error}") from error
        offset = moment.utcoffset()
        return _nanos(moment), None if offset is None else int(offset.total_seconds())

    return read


def _nanos(moment: datetime) -> int:
    """Nanoseconds since 1970; without an offset of UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 10**9 + since.microseconds * 1000


def _shortest(nanos: Sequence[int]) -> np.ndarray:
    unit = next(u for u in UNITS if all(n % _NANOS[u] == 0 for n in nanos))
    if max(map(abs, nanos), default=0) // _NANOS[unit] >= 2**63:
        raise ValueError(f"times in {unit} reach no further than 1678 and 2261")
    return np.array([n // _NANOS[unit] for n in nanos], np.int64).view(f"datetime64[{unit}]")


def _note_on_offsets(
    texts: Sequence[str], offsets: Sequence[int | None], where: Callable[[int], str]
) -> tuple[str, ...]:
    """What was done about offsets; a stamp without one goes with stamps of UTC alone."""
    if not any(offsets):
        return ("time stamps without an offset are taken for UTC",) if None in offsets else ()
    if None in offsets:
        bare, full = offsets.index(None), next(i for i, offset in enumerate(offsets) if offset)
        raise ValueError(
            f"{where(bare)}: {texts[bare]!r} has no offset from UTC, but {texts[full]!r} "
            f"({where(full)}) has one; write one in every line"
        )
    return ("time stamps are brought to UTC by their offsets",)


def _hint(texts: Sequence[str]) -> str:
    """The formats that fit every stamp of a column, as something to do."""
    fitting = [format for format in _FORMATS if all(_fits(text, format) for text in texts)]
    if not fitting:
        return "; write ISO 8601, or give format= as datetime.strptime has it"
    shown = " or ".join(f"format={format!r}" for format in fitting)
    return f"; write ISO 8601, or say what it is: {shown}"


def _fits(text: str, format: str) -> bool:
    try:
        datetime.strptime(text, format)
    except ValueError:
        return False
    return True
