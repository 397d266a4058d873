"""Sources from a CSV or TSV file: of image paths, or of texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import numpy as np

from wszoo import checks
from wszoo.data import labels, registering
from wszoo.data.findings import Notes, notes_on_equal
from wszoo.data.formats.csv_file import SHOWN, SUFFIXES, Table, missing_columns, read_table
from wszoo.data.formats.image_files import FileOptions, from_files
from wszoo.data.formats.texts import TextOptions, labelled
from wszoo.data.registering import source
from wszoo.data.source import Source
from wszoo.data.splits import SPLITS
from wszoo.data.splitting import complete

TARGETS = ("classes", "numbers")  # what labels are
Rows = dict[str, tuple[np.ndarray, np.ndarray]]  # split → numbers of rows, and their labels int32


@source("table", suffixes=SUFFIXES)
def load(path: Path, **options: object) -> Source:
    """A source from a table, read as its columns say.

    Raises `ValueError` for a table without the columns of some source, or with those of two.
    """
    table = read_table(path)
    readers = [reader for reader in registering.readers() if reader.columns]
    fitting = [reader for reader in readers if {*reader.columns} <= {*table.columns}]
    if not fitting and "timestamp" in table.columns:
        raise ValueError(
            f"{table} has {list(table.columns)}: read a time series with wszoo.data.nab.read_csv"
        )
    if not fitting:
        raise missing_columns(table, *(reader.columns for reader in readers))
    first, *others = sorted(fitting, key=lambda reader: -len(reader.columns))
    if others and len(others[0].columns) == len(first.columns):
        differ = " and ".join(sorted({*first.columns} ^ {*others[0].columns}))
        raise ValueError(
            f"{table} has the columns {differ}; its examples are one of them: rename the other"
        )
    table.require(*first.columns)
    return first(table, **options)


@source("table of images", columns=("path", "label"))
def load_images(
    table: Table, *, targets: str = "classes", **options: Unpack[FileOptions]
) -> Source:
    """A source from the columns `path`, `label` and, if there is one, `split`.

    Paths are relative to the file's folder.
    Raises `ValueError` as `by_split`, and for files that do not exist.
    """
    path, notes = Path(table.name), Notes(table.name)
    names, rows = by_split(table, targets)
    places = [path.parent / field for field in table.column("path")]
    missing = [
        f"{place} (line {line})"
        for place, line in zip(places, table.line_numbers, strict=True)
        if not place.is_file()
    ]
    if missing and options.get("on_broken") != "skip":
        raise ValueError(f"{path}: {len(missing)} files do not exist: {missing[:SHOWN]}")
    every = np.array(places, dtype=object)
    files = {split: (every[r], y) for split, (r, y) in rows.items()}
    return from_files(path.stem, names, files, notes=notes, **options)


@source("table of texts", columns=("text", "label"))
def load_texts(
    table: Table,
    *,
    targets: str = "classes",
    validation: float | None = None,
    vocabulary: Sequence[str] | None = None,
    **options: Unpack[TextOptions],
) -> Source:
    """A source from the columns `text`, `label` and, if there is one, `split`.

    `vocabulary` and the rest as `wszoo.data.formats.texts.labelled`, errors as `by_split`.
    """
    path = Path(table.name)
    names, rows = by_split(table, targets)
    texts = np.array(table.column("text"), dtype=object)
    pairs = complete({split: (texts[r], y) for split, (r, y) in rows.items()}, validation, None)
    raw = labelled(
        pairs,
        names,
        name=path.stem,
        licence="see origin",
        origin=str(path),
        vocabulary=vocabulary,
        **options,
    )
    notes = Notes(table.name)
    notes.add(notes_on_equal(pairs, names), warn=False)  # short texts repeat by nature
    notes.add(labels.notes_on(names))
    return dataclasses.replace(raw, notes=(*raw.notes, *notes.sentences))


def by_split(table: Table, targets: str = "classes") -> tuple[tuple[str, ...], Rows]:
    """Class names, in alphabetical order, and the rows of each split; "train" without `split`.

    With `targets="numbers"` the names are those of all splits.

    Raises `ValueError`, with the lines, for a split of another name, a label that is no number
    where numbers are asked for, and a class of another split that train does not have.
    """
    checks.one_of("targets", targets, TARGETS)
    given = [labels.clean(label) for label in table.column("label")]
    split_of = ["train"] * len(table)
    if "split" in table.columns:
        split_of = [split.strip() for split in table.column("split")]
        _check_splits(table, split_of)
    pairs = list(zip(given, split_of, strict=True))
    names = tuple(sorted({label for label, split in pairs if split == "train"}))
    if targets == "numbers":
        _check_numbers(table, given)
        names = tuple(sorted(set(given)))
    if new := sorted(set(given) - set(names)):
        raise ValueError(f"{table.name}: train has no class {new[:5]}, only {list(names[:10])}")
    place = {name: i for i, name in enumerate(names)}
    y = np.array([place[label] for label in given], np.int32)
    rows = {split: np.flatnonzero([split == own for own in split_of]) for split in SPLITS}
    return names, {split: (r, y[r]) for split, r in rows.items() if len(r)}


def _check_numbers(table: Table, given: list[str]) -> None:
    lines = zip(table.line_numbers, given, strict=True)
    if wrong := [(line, label) for line, label in lines if not labels.is_number(label)]:
        shown = ", ".join(f"line {line} {label!r}" for line, label in wrong[:SHOWN])
        raise ValueError(
            f"{table.name}: regression learns numbers, but {len(wrong)} of {len(given)} labels are "
            f"none: {shown}. Write decimal numbers, or take the task 'classification', or "
            "'ordinal' with order= for ranks"
        )


def _check_splits(table: Table, split_of: list[str]) -> None:
    lines = zip(table.line_numbers, split_of, strict=True)
    if wrong := [(line, split) for line, split in lines if split not in SPLITS]:
        shown = ", ".join(f"line {line} {split!r}" for line, split in wrong[:SHOWN])
        near = checks.near(wrong[0][1].lower(), SPLITS)
        raise ValueError(
            f"{table}: the column split has one of {SPLITS} in every row; {len(wrong)} rows "
            f"do not: {shown}{near}"
        )
