"""Tables of text with a header: CSV as RFC 4180 has it, and TSV, which has no quoting.

A row that does not fit its header is refused with its line, never padded or cut: a text with a
comma too many would otherwise lose its end without a word.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path

from wszoo.arguments import checked
from wszoo.data.errors import MissingDataError

DELIMITERS = {".csv": ",", ".tsv": "\t"}  # by the suffix in small letters
SUFFIXES = tuple(DELIMITERS)
SHOWN = 5  # lines that an error names

Record = tuple[int, list[str]]  # the line in which it begins, from 1, and its fields


class _TabSeparated(csv.excel_tab):
    quoting = csv.QUOTE_NONE


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows of fields as they stand in the file, each as long as `columns`.

    `line_numbers` holds the line, from 1, in which each row begins: a quoted field may hold line
    breaks, so that the second row need not stand in the third line.
    """

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    line_numbers: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def __str__(self) -> str:
        return self.name

    def column(self, name: str) -> list[str]:
        """The fields of one column, in the file's order."""
        place = self.columns.index(name)
        return [row[place] for row in self.rows]

    def require(self, *columns: str) -> None:
        """Raises `ValueError` for columns that are missing, and with the lines for empty fields."""
        if not set(columns) <= set(self.columns):
            raise missing_columns(self, columns)
        for column in columns:
            fields = zip(self.line_numbers, self.column(column), strict=True)
            if empty := [line for line, field in fields if not field.strip()]:
                raise ValueError(
                    f"{self.name}: rows without {column}, {len(empty)} of {len(self)}, "
                    f"in the lines {empty[:SHOWN]}"
                )


@checked()
def is_table_file(path: Path) -> bool:
    """Whether the suffix, in small or capital letters, is that of a table."""
    return path.suffix.lower() in SUFFIXES


def read_table(path: Path, *, required: Sequence[str] = ()) -> Table:
    """Reads a file of UTF-8 text, with or without a byte order mark, with any line ends.

    A `.tsv` file has tabs and no quoting, every other file has commas and RFC 4180's quotes. Empty
    lines are passed over; names of columns lose white space around them, fields do not.

    Raises:
        MissingDataError: there is no such file.
        ValueError: with the file and the line, for text in another encoding, a column of `required`
            that is missing or has an empty field, two columns of one name, a row with more or fewer
            fields than the header, a quote that does not close, NUL, and a table without rows.
    """
    return parse_table(read_text(path), str(path), required=required)


def parse_table(text: str, name: str, *, required: Sequence[str] = ()) -> Table:
    """`read_table` of a text already read; `name` is the file's, whose suffix counts."""
    records = _records(text, name)
    columns = _columns(name, records[0][1] if records else [])
    rows = [(line, tuple(fields)) for line, fields in records[1:] if fields]
    if uneven := {line: len(fields) for line, fields in rows if len(fields) != len(columns)}:
        raise ValueError(_wrong_lengths(name, uneven, columns))
    table = Table(name, columns, tuple(f for _, f in rows), tuple(line for line, _ in rows))
    table.require(*required)
    if not rows:
        raise ValueError(f"{name} has no rows after its first line; at least one is needed")
    return table


def read_text(path: Path) -> str:
    """The text of a UTF-8 file, line ends as they are.

    Raises `MissingDataError` without the file, `ValueError` with the line for another encoding.
    """
    if not path.is_file():
        raise MissingDataError(f"{path}: no such file")
    data = path.read_bytes()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = _line_at(data.decode("latin-1"), error.start)
        wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
        raise ValueError(
            f"{path}, line {line}: no UTF-8 text (byte 0x{data[error.start]:02x}), "
            f"{'but UTF-16' if wide else 'perhaps Latin-1 or Windows-1252'}; save it as UTF-8, "
            f"e.g. with iconv -f {'UTF-16' if wide else 'WINDOWS-1252'} -t UTF-8"
        ) from error


def _records(text: str, name: str) -> list[Record]:
    """All records of a text; one without fields for an empty line."""
    if (place := text.find("\0")) >= 0:
        raise ValueError(
            f"{name}, line {_line_at(text, place)}: a NUL character; this is no UTF-8 text"
        )
    lines = io.StringIO(text, newline="")  # "" leaves line breaks in quoted fields as they are
    dialect = _TabSeparated if _delimiter(name) == "\t" else csv.excel
    reader = csv.reader(lines, dialect, strict=True)
    records: list[Record] = []
    begins = 1
    limit = csv.field_size_limit(len(text) + 1)  # a long text is no error
    try:
        for fields in reader:
            records.append((begins, fields))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(
            f"{name}, line {begins}: the row that begins here cannot be read: {error}. A field "
            "that opens with a quote ends with one; a quote inside it is doubled"
        ) from error
    finally:
        csv.field_size_limit(limit)
    return records


def _delimiter(name: str) -> str:
    return DELIMITERS.get(Path(name).suffix.lower(), ",")


def _line_at(text: str, place: int) -> int:
    before = text[:place]
    return 1 + before.count("\n") + before.count("\r") - before.count("\r\n")


def _columns(name: str, header: Sequence[str]) -> tuple[str, ...]:
    columns = tuple(column.strip() for column in header)
    if not any(columns):
        raise ValueError(f"{name}: its first line must name the columns, and is empty")
    if twice := sorted({column for column in columns if column and columns.count(column) > 1}):
        raise ValueError(f"{name}: its first line names {twice} more than once: {list(columns)}")
    return columns


def missing_columns(table: Table, *choices: Sequence[str]) -> ValueError:
    """The error for a table that has none of these choices of columns."""
    wanted = ", or ".join(" and ".join(choice) for choice in choices)
    message = f"{table.name} needs the columns {wanted} in its first line; it has "
    message += str(list(table.columns))
    names = {column for choice in choices for column in choice}
    if cased := [c for c in table.columns if c not in names and c.lower() in names]:
        message += f". Names are in small letters: rename {cased}"
    return ValueError(message + other_delimiter(table.name, table.columns))


def other_delimiter(name: str, columns: Sequence[str]) -> str:
    """A sentence where a header looks delimited by something else than the suffix says, or ""."""
    others = [mark for mark in (";", "\t", ",", "|") if mark != _delimiter(name)]
    used = [mark for mark in others if any(mark in column for column in columns)]
    if not used:
        return ""
    valid = f"valid is {_delimiter(name)!r}, for a {Path(name).suffix} file"
    return f". It looks delimited by {used[0]!r}; {valid}"


def _wrong_lengths(name: str, uneven: dict[int, int], columns: Sequence[str]) -> str:
    shown = ", ".join(f"line {line} has {n}" for line, n in list(uneven.items())[:SHOWN])
    more = f", and {len(uneven) - SHOWN} lines more" if len(uneven) > SHOWN else ""
    hint = (
        "TSV has no quoting: a field holds no tab and no line break"
        if _delimiter(name) == "\t"
        else 'a field with a comma or a line break in it stands in quotes, "like, this"'
    )
    return (
        f"{name}: {shown} fields{more}, but the first line names {len(columns)} columns: "
        f"{list(columns)}; {hint}{other_delimiter(name, columns)}"
    )
