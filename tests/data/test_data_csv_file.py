"""Tables: every field comes back as it was written, or the file is refused with its line."""

from __future__ import annotations

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wszoo.data import MissingDataError, load, nab
from wszoo.data.formats.csv_file import parse_table, read_table

ANY = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
PLAIN = st.text(st.characters(exclude_characters="\0\t\r\n", exclude_categories=["Cs"]), max_size=8)


def rows_of(fields):
    return st.lists(st.tuples(fields, fields, fields), min_size=1, max_size=6)


def written(field, always):
    """A field as RFC 4180 has it (csv.writer leaves a lone carriage return without quotes)."""
    if always or any(mark in field for mark in ',"\r\n'):
        return '"' + field.replace('"', '""') + '"'
    return field


def lines_in(text):
    """How many lines a text begins, the first one too, whatever ends them."""
    return 1 + text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


@given(rows_of(ANY), st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
@settings(max_examples=60, deadline=None)
def test_what_is_written_is_read_back_with_its_lines(rows, end, always):
    text, begins = "a,b,c" + end, []
    for row in rows:
        begins.append(lines_in(text))
        text += ",".join(written(field, always) for field in row) + end
    table = parse_table(text, "t.csv")
    assert table.columns == ("a", "b", "c") and table.rows == tuple(rows)
    assert list(table.line_numbers) == begins


@given(rows_of(PLAIN))
@settings(max_examples=40, deadline=None)
def test_tabs_separate_and_quotes_are_letters(rows):
    text = "".join("\t".join(row) + "\n" for row in [("a", "b", "c"), *rows])
    table = parse_table(text, "t.TSV")
    assert table.rows == tuple(rows) and table.column("b") == [row[1] for row in rows]


@given(rows_of(PLAIN), st.data())
@settings(max_examples=40, deadline=None)
def test_a_row_of_another_length_is_refused_with_its_line(rows, data):
    place = data.draw(st.integers(0, len(rows) - 1))
    length = data.draw(st.sampled_from([1, 2, 4, 5]))
    lines = ["\t".join(row) for row in [("a", "b", "c"), *rows]]
    lines[place + 1] = "\t".join(["x"] * length)
    with pytest.raises(ValueError, match=rf"t\.tsv: line {place + 2} has {length} fields"):
        parse_table("\n".join(lines), "t.tsv")


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.csv", "text,label\nhi,x\nchaîne,y\n".encode("latin-1"), r"line 3: .*0xee.*Latin-1"),
        ("a.csv", "text,label\nhi,x\n".encode("utf-16"), r"line 1: .* but UTF-16"),
        ("a.csv", "text,label\nhi,x\n".encode("utf-16-le"), "line 1: a NUL"),
        ("a.csv", b"text,label\nhi,x\nho\0,y\n", "line 3: a NUL"),
        ("a.csv", b"text,text,label\nhi,ho,x\n", r"names \['text'\] more than once"),
        ("a.csv", b"text;label\nhi;x\nho;y\n", r"looks delimited by ';'; valid is ','"),
        ("a.csv", b"text;label\nhi, you;x\n", r"line 2 has 2 fields.*looks delimited by ';'"),
        ("a.tsv", b"text,label\nhi,x\nho,y\n", r"looks delimited by ','; valid is '\\t'"),
        ("a.csv", b"Text,Label\nhi,x\n", r"in small letters: rename \['Text', 'Label'\]"),
        ("a.csv", b'text,label\n"a\nb",x\n"good,y\nbad,z\n', r"line 4: the row that begins here"),
        ("a.csv", b'text,label\n"good" day,x\n', r"line 2: the row that begins here"),
        ("a.csv", b"text,label\nhi,x\n   \n", "line 3 has 1 fields"),
        ("a.csv", b"text,label\nhi, \n", r"without label, 1 of 1, in the lines \[2\]"),
        ("a.csv", b"text,label\n\n\n", "no rows"),
        ("a.csv", b"text,path,label\nhi,a.png,x\n", "path and text"),
        ("a.csv", b"timestamp,value\n2024-01-01,1\n", "nab.read_csv"),
        ("A.CSV", b"text,label\nwell, hi,x\n", r"A\.CSV: line 2 has 3 fields"),
        ("a.csv", b"text,label,split\nhi,x,valid\n", r"line 2 'valid'.*'validation'"),
    ],
)
def test_what_is_no_table_is_refused_with_file_and_line(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ValueError, match=words) as error:
        load(tmp_path / name)
    assert str(tmp_path / name) in str(error.value)


def test_a_long_field_a_mark_and_empty_lines_are_no_error(tmp_path):
    path = tmp_path / "t.csv"
    long = "word, " * 40_000
    path.write_bytes(f'\ufeff a ,b\r\n\r\n"{long}",x\r\n\r\n'.encode())
    table = read_table(path, required=("a", "b"))
    assert table.rows == ((long, "x"),) and table.line_numbers == (3,)
    assert csv.field_size_limit() == 131072
    with pytest.raises(MissingDataError, match=r"none\.csv: no such file"):
        read_table(tmp_path / "none.csv")


def test_a_series_with_decimal_commas_is_refused(tmp_path):
    path = tmp_path / "v.csv"
    path.write_text("timestamp,value\n" + "".join(f"2024-01-0{d},7,{d}\n" for d in range(1, 9)))
    with pytest.raises(ValueError, match=r"line 2 has 3, .* and 3 lines more, but .* 2 columns"):
        nab.read_csv(path)


def test_texts_obey_their_split_and_labels_lose_white_space(tmp_path):
    rows = [("alpha", "a"), ("beta", "b ")] * 20
    lines = [f"{w} {w},{c},train" for w, c in rows]
    lines += ["omega,a,test", "psi,b,test"] * 5
    path = tmp_path / "t.CSV"
    path.write_text("\n".join(["text,label,split", *lines]))
    source = load(str(path))
    assert source.class_names == ("a", "b") and len(source.arrays("test")[1]) == 10
    assert not {"omega", "psi"} & set(source.vocabulary)
