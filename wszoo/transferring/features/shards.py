"""Features of images that pass once: in shards, each on disk before the next one is computed.

A shard is a file as all features are: whole or not there, with a hash that is checked when it is
read. So a run that is killed while the images pass goes on at the first shard that is missing.
When all are there they become one file, and go.
"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np

from wszoo.transferring.features import files

BATCHES = 4  # in a shard

Rows = Sequence[np.ndarray]  # numbers of rows, an array a batch


def gathered(
    path: Path, batches: Rows, outputs: Callable[[Rows], Iterator[np.ndarray]]
) -> np.ndarray:
    """The file at `path` of the features of all batches, read-only; computes those of shards that
    are not there. `outputs` gives the features of each of some batches in turn.

    Raises `OSError` where the disk is full; what is in shards stays there.
    """
    folder = path.with_suffix(".shards")
    folder.mkdir(exist_ok=True)
    starts = range(0, len(batches), BATCHES)
    names = {start: folder / f"{start // BATCHES:06d}.features" for start in starts}
    missing = {
        start: batches[start : start + BATCHES]
        for start, name in names.items()
        if not _is_whole(name)
    }
    computed = outputs([rows for shard in missing.values() for rows in shard])
    for start, shard in missing.items():
        files.write(names[start], *islice(computed, len(shard)))
    files.write(path, *map(files.read, names.values()))
    shutil.rmtree(folder)
    return files.read(path)


def _is_whole(name: Path) -> bool:
    """Whether a shard is there and is what was written; a damaged one is computed again."""
    with suppress(FileNotFoundError, ValueError):
        files.read(name)
        return True
    return False
