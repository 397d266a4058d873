"""A time series from a table of one's own, in the order of time, one point a time.

one = read_csv("mine.csv")                              # columns timestamp and value
one = read_csv("many.csv", where={"sensor": "a"})       # one of several series in a file
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from wszoo import checks
from wszoo.arguments import checked, mapping
from wszoo.data import labels
from wszoo.data.findings import Notes
from wszoo.data.formats import steps
from wszoo.data.formats.csv_file import Table, missing_columns, read_table
from wszoo.data.formats.timestamps import read_stamps

COLUMNS = ("timestamp", "value")


@dataclasses.dataclass(frozen=True, eq=False)
class Series:
    """One series: `timestamps` datetime64 (n,), UTC, and `values` float64 (n,).

    `anomalies` are labelled windows, pairs of first and last timestamp; empty for data without
    labels. `notes` are sentences on what was found: order, repeated rows, gaps, the interval.
    """

    name: str
    timestamps: np.ndarray
    values: np.ndarray
    anomalies: tuple[tuple[np.datetime64, np.datetime64], ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def anomalous(self) -> np.ndarray:
        """Whether each point lies in a labelled window, bool (n,)."""
        inside = np.zeros(len(self.values), bool)
        for first, last in self.anomalies:
            inside |= (self.timestamps >= first) & (self.timestamps <= last)
        return inside


@checked(where=mapping)
def read_csv(
    path: str | os.PathLike[str],
    *,
    where: Mapping[str, str] | None = None,
    format: str | None = None,
) -> Series:
    """A series of your own, sorted by time: a CSV or TSV file with the columns timestamp and value.

    Time stamps become UTC: ISO 8601 with or without an offset, or numbers of the epoch, see
    `wszoo.data.formats.timestamps`. Rows that repeat another are left out. What was changed, and
    gaps, are said in a `UserWarning` each, all that was found in `notes`.

    Args:
        where: column → value: the rows of one of several series in a file. `{}` takes all rows
            though another column looks as if it told series apart.
        format: of time stamps that are not ISO 8601, as `datetime.strptime` has it.

    Raises:
        MissingDataError: there is no such file.
        ValueError: with file and line, and what to do: no such table, a time stamp that cannot be
            read, a value that is no finite number, one time with two values, several series, fewer
            than two points.
    """
    path = Path(path)
    table = _rows_of(_read(path), where)
    lines = [f"{path}, line {line}" for line in table.line_numbers]
    stamps = read_stamps(table.column("timestamp"), lines.__getitem__, format=format)
    values = read_values(table, lines)
    if where is None:
        _check_one_series(table, stamps.times, values)
    order = np.argsort(stamps.times, kind="stable")
    kept = order[_first_of_each(table, stamps.times[order], values[order], order)]
    if len(kept) < 2:
        raise ValueError(f"{path}: {len(kept)} points; two or more are needed")
    times = stamps.times[kept]
    notes, unused = Notes(str(path)), set(table.columns) - {"", *COLUMNS, *(where or ())}
    notes.add(
        [*stamps.notes, *_notes_on_columns(unused), *steps.note_on_interval(times)], warn=False
    )
    notes.add(steps.note_on_order(stamps.times))
    notes.add(_note_on_repeats(table, kept))
    notes.add(steps.notes_on_gaps(times))
    return Series(path.stem, times, values[kept], notes=tuple(notes.sentences))


def read_values(table: Table, lines: Sequence[str]) -> np.ndarray:
    """The column value, float64 (n,). Raises `ValueError` with the line for no finite number."""
    fields = table.column("value")
    for line, field in zip(lines, fields, strict=True):
        if not labels.is_number(field):
            kinds = {"": "empty", "nan": "not finite", "inf": "not finite", "-inf": "not finite"}
            kind = kinds.get(field.strip().lower(), "no decimal number")
            raise ValueError(
                f"{line}: the value {field!r} is {kind}; correct it, or take the row out, which "
                "leaves a gap that is said"
            )
    return np.array([float(field) for field in fields])


def _read(path: Path) -> Table:
    table = read_table(path)
    if not set(COLUMNS) <= set(table.columns):
        raise missing_columns(table, COLUMNS)
    return table


def _rows_of(table: Table, where: Mapping[str, str] | None) -> Table:
    """The rows whose columns have these values."""
    for column, value in (where or {}).items():
        if column not in table.columns:
            near = checks.near(column, table.columns)
            raise ValueError(f"{table} has no column {column!r}, only {table.columns}{near}")
        fields = [field.strip() for field in table.column(column)]
        if str(value) not in fields:
            valid, near = _some(sorted(set(fields))), checks.near(str(value), fields)
            raise ValueError(f"{table}: {column} has no {value!r}, only {valid}{near}")
        kept = [i for i, field in enumerate(fields) if field == str(value)]
        table = dataclasses.replace(
            table,
            rows=tuple(table.rows[i] for i in kept),
            line_numbers=tuple(table.line_numbers[i] for i in kept),
        )
    return table


def _check_one_series(table: Table, times: np.ndarray, values: np.ndarray) -> None:
    """Raises `ValueError` where another column tells several series apart, or may do so.

    Names that come again and again may be those of series; numbers are where they part rows of one
    time, or rows that take turns.
    """
    for column in table.columns:
        fields = [field.strip() for field in table.column(column)]
        names = sorted(set(fields))
        if column in COLUMNS or "" in names or not 2 <= len(names) <= len(fields) // 2:
            continue
        groups = [times[[i for i, f in enumerate(fields) if f == name]] for name in names]
        if not all(map(labels.is_number, names)) or _parts(groups, times):
            raise ValueError(
                f"{table.name}: the column {column!r} has {len(names)} values, {_some(names)}. If "
                f"each is a series of its own, choose one with where={{{column!r}: {names[0]!r}}}; "
                "if all rows are one series, say where={}"
            )


def _parts(groups: Sequence[np.ndarray], times: np.ndarray) -> bool:
    """Whether groups of rows are denser together than each alone: of one time, or taking turns."""
    return all(len(g) > 1 and steps.interval(g) > steps.GAP * steps.interval(times) for g in groups)


def _first_of_each(
    table: Table, times: np.ndarray, values: np.ndarray, order: np.ndarray
) -> np.ndarray:
    """Places of sorted points but for those that repeat the one before, bool (n,).

    Raises `ValueError` for one time with two values.
    """
    same = times[1:] == times[:-1]
    other = np.flatnonzero(same & (values[1:] != values[:-1]))
    if len(other):
        first = other[0]
        lines = sorted(table.line_numbers[row] for row in order[first : first + 2])
        raise ValueError(
            f"{table.name}, lines {lines[0]} and {lines[1]}: the time {times[first]} (UTC) has the "
            f"values {values[first]:g} and {values[first + 1]:g}; {len(other)} rows are like that. "
            "Several series? Give each a file, or a column that tells them apart. A clock set "
            "back? Write offsets, 2024-10-27 02:00:00+01:00. Else keep one row of each time"
        )
    return np.append(True, ~same)


def _notes_on_columns(unused: set[str]) -> list[str]:
    return [f"columns that are not used: {', '.join(sorted(unused))}"] if unused else []


def _note_on_repeats(table: Table, kept: np.ndarray) -> list[str]:
    if not (count := len(table) - len(kept)):
        return []
    first = min(set(table.line_numbers) - {table.line_numbers[row] for row in kept})
    return [f"{count} rows repeat another's time and value: left out, the first is line {first}"]


def _some(names: Sequence[str]) -> str:
    return f"{', '.join(map(repr, names[:5]))}{' …' if len(names) > 5 else ''}"
