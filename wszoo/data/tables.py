"""Sources from a CSV or TSV file: of image paths, or of texts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from wszoo.data import duplicates, image_files, labels, text
from wszoo.data.csv_file import SHOWN, Table, missing_columns
from wszoo.data.errors import did_you_mean
from wszoo.data.findings import Notes
from wszoo.data.numbers import is_number
from wszoo.data.source import SPLITS, Source
from wszoo.data.splitting import complete

TARGETS = ("classes", "numbers")  # what labels are
KINDS = ("path", "text")  # the column that says what a table's examples are

Rows = dict[str, tuple[np.ndarray, np.ndarray]]  # split → numbers of rows, and their labels int32


def find_kind(table: Table) -> str:
    """Which of `KINDS` a table has, with `label`. Raises `ValueError` for none, or both."""
    kinds = [column for column in KINDS if column in table.columns]
    if len(kinds) == 2:
        raise ValueError(
            f"{table.name} has the columns path and text; its examples are one of them: rename the "
            "other"
        )
    if not kinds and "timestamp" in table.columns:
        raise ValueError(
            f"{table.name} has {list(table.columns)}: read a time series with "
            "wszoo.data.nab.read_csv"
        )
    if not kinds:
        raise missing_columns(table, *((kind, "label") for kind in KINDS))
    table.require(kinds[0], "label")
    return kinds[0]


def by_split(table: Table, targets: str = "classes") -> tuple[tuple[str, ...], Rows]:
    """Class names, in alphabetical order, and the rows of each split; "train" without `split`.

    With `targets="numbers"` the names are those of all splits.

    Raises `ValueError`, with the lines, for a split of another name, a label that is no number
    where numbers are asked for, and a class of another split that train does not have.
    """
    if targets not in TARGETS:
        raise ValueError(f"targets is one of {TARGETS}, received {targets!r}")
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
    if wrong := [(line, label) for line, label in lines if not is_number(label)]:
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
        hint = did_you_mean(wrong[0][1].lower(), SPLITS)
        raise ValueError(
            f"{table.name}: the column split has one of {SPLITS} in every row; {len(wrong)} rows "
            f"do not: {shown}.{hint}"
        )


def load_images(table: Table, *, targets: str = "classes", **options: Any) -> Source:
    """A source from the columns `path`, `label` and, if there is one, `split`.

    Paths are relative to the file's folder. Options are those of `image_files.from_files`.
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
    return image_files.from_files(path.stem, names, files, notes=notes, **options)


def load_texts(
    table: Table,
    *,
    targets: str = "classes",
    validation: float | None = None,
    **options: Any,
) -> Source:
    """A source from the columns `text`, `label` and, if there is one, `split`.

    Options and the rest as `wszoo.data.text.labelled`, errors as `by_split`.
    """
    path = Path(table.name)
    names, rows = by_split(table, targets)
    texts = np.array(table.column("text"), dtype=object)
    pairs = complete({split: (texts[r], y) for split, (r, y) in rows.items()}, validation, None)
    source = text.labelled(
        pairs, names, name=path.stem, licence="see origin", origin=str(path), **options
    )
    notes = Notes(table.name)
    notes.add(duplicates.notes_on(pairs, names), warn=False)  # short texts repeat by nature
    notes.add(labels.notes_on(names))
    return dataclasses.replace(source, notes=(*source.notes, *notes.sentences))
