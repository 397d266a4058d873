"""Sources from a CSV or TSV file of image paths."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from wszoo.data import folders
from wszoo.data.source import SPLITS, Source

COLUMNS = ("path", "label")


def is_table(path: Path) -> bool:
    """Whether a file's first line names the columns `path` and `label`."""
    if path.suffix not in (".csv", ".tsv") or not path.is_file():
        return False
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        return set(COLUMNS) <= set(next(csv.reader(file, delimiter=_delimiter(path)), []))


def load(path: Path, **options) -> Source:
    """A source from the columns `path`, `label` and, if there is one, `split`.

    Paths are relative to the file's folder. Options and the rest as `wszoo.data.folders.load`.
    Raises `ValueError` for a row without path, label or a known split, files that do not exist,
    and a class of another split that train does not have.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=_delimiter(path)))
    bad = [
        line
        for line, row in enumerate(rows, 2)
        if not all(row[c] for c in COLUMNS) or row.get("split", "train") not in SPLITS
    ]
    if bad or not rows:
        raise ValueError(
            f"{path}: rows need a path, a label, and as split one of {SPLITS}; not so in the lines "
            f"{bad[:5]} of {len(rows)}"
        )
    names = tuple(sorted({row["label"] for row in rows if row.get("split", "train") == "train"}))
    if new := sorted({row["label"] for row in rows} - set(names)):
        raise ValueError(f"{path}: train has no class {new[:5]}, only {list(names[:10])}")
    missing = [row["path"] for row in rows if not (path.parent / row["path"]).is_file()]
    if missing and options.get("on_broken") != "skip":
        raise ValueError(f"{path}: {len(missing)} files do not exist: {missing[:5]}")
    files = {}
    for split in SPLITS:
        part = [row for row in rows if row.get("split", "train") == split]
        if part:
            paths = np.array([path.parent / row["path"] for row in part], dtype=object)
            files[split] = paths, np.array([names.index(r["label"]) for r in part], np.int32)
    return folders.from_files(path.stem, names, files, origin=str(path), **options)


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix == ".tsv" else ","
