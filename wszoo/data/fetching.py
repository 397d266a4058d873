"""A data set that is fetched because it was asked for."""

from __future__ import annotations

import os
from pathlib import Path

from wszoo.data.loading import find_reader, load, place_of
from wszoo.data.source import Source

FEW = 100  # examples a split that are looked at


def fetched(
    name: str,
    *,
    data_dir: str | os.PathLike[str] | None = None,
    manual_dir: str | os.PathLike[str] | None = None,
) -> tuple[Source, Path | None]:
    """The first examples of a set that is here now, and the folder of all prepared sets.

    The folder is `None` for a set that needs none. Raises `ValueError` for a path, and else as
    `wszoo.data.load`, at once where there is no network or where TFDS alone cannot get the set.
    """
    reader, place = find_reader(name)
    if any(isinstance(each, Path) for each in place):
        raise ValueError(f"a set is asked for by its name; {name!r} is a path")
    options = reader.options or ()
    source = load(
        name,
        download="download" in options,
        max_per_split=FEW,
        data_dir=data_dir,
        manual_dir=manual_dir,
    )
    return source, place_of(data_dir) if "data_dir" in options else None
