"""Files as somebody would make them who means harm: `files(folder)` writes them all.

Each would, if it were believed, run code (which would write the file `canary`), read or write
elsewhere, or take more memory than there is.
"""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults.files.hostile_keras import hdf5, keras_archives, keras_configs, keras_notes
from benchmarks.faults.files.hostile_others import arrays, cards, media, models, plans
from benchmarks.faults.files.hostile_parts import Case


def files(folder: Path, *, short: bool = False) -> Iterator[Case]:
    """Makes the files one after the other; with `short`, those that cost next to nothing."""
    canary = folder / "canary"
    long = (keras_configs, keras_notes, keras_archives, hdf5, cards, media, models)
    for make in (plans, arrays, *(() if short else long)):
        place = folder / make.__name__
        place.mkdir()
        yield from make(place, canary)
