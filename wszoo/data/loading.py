"""From a name to a source."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from wszoo.arguments import checked
from wszoo.data import (
    arrays,
    audio,
    csv_file,
    digits,
    folders,
    nab,
    omniglot,
    tables,
    text,
    tfds_sets,
)
from wszoo.data.errors import NAMED, MissingDataError, check_fraction, check_positive
from wszoo.data.source import Source


class Reader(NamedTuple):
    """How a source is read, and the options that `read` takes: `load` refuses all others."""

    read: Callable[..., Source]
    options: tuple[str, ...]


PLACES = ("data_dir", "manual_dir")  # on this machine; a source that needs none passes over them
IMAGES = ("image_size", "resize", "max_per_split")
FILES = ("validation", "max_per_split", "max_gb")
TEXTS = ("length", "max_per_split", "max_gb")
LABELLED = ("targets",)  # tables

TFDS = (*IMAGES, "validation", "max_gb", "download", *PLACES)
BY_NAME = {
    "digits": Reader(digits.load, IMAGES),
    "nab": Reader(nab.load, ("max_per_split", "max_gb", "manual_dir")),
    "omniglot_small": Reader(omniglot.load, (*IMAGES, "max_gb", *PLACES)),
    audio.NAME: Reader(audio.load, ("max_per_split", "max_gb", "download", *PLACES)),
    **{
        name: Reader(partial(text.load, name), (*TEXTS, "download", *PLACES)) for name in text.NAMES
    },
}


def _npz(path: Path) -> Reader:
    return Reader(partial(arrays.from_npz, path), (*FILES, "image_size", "resize"))


def _txt(path: Path) -> Reader:
    return Reader(partial(text.load_file, path), TEXTS)


def _table(path: Path) -> Reader:
    table = csv_file.read_table(path)
    if tables.find_kind(table) == "path":
        return _image_files(partial(tables.load_images, table), *LABELLED)
    read = partial(tables.load_texts, table)
    return Reader(read, (*TEXTS, "validation", "vocabulary", *LABELLED))


def _folder(path: Path) -> Reader:
    if not path.is_dir():
        kinds = f"a file {' '.join(BY_SUFFIX)}, or a folder of images or wav files"
        raise MissingDataError(f"{path}: no such folder; a path is {kinds}")
    if audio.is_audio_folder(path):
        return Reader(partial(audio.load_folder, path), FILES)
    return _image_files(partial(folders.load, path))


def _image_files(read: Callable[..., Source], *more: str) -> Reader:
    return Reader(read, (*FILES, "image_size", "resize", "on_broken", *more))


# What looks into a file of a suffix, in small letters, and says how it is read.
BY_SUFFIX = {".npz": _npz, ".txt": _txt, **dict.fromkeys(csv_file.SUFFIXES, _table)}


def list_sources() -> tuple[str, ...]:
    """Names that `load` understands besides every other image classification set of TFDS."""
    return NAMED


@checked()
def load(
    name: str | os.PathLike[str],
    *,
    image_size: int | None = None,
    resize: str | None = None,
    length: int | None = None,
    vocabulary: Sequence[str] | None = None,
    targets: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    manual_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    validation: float | None = None,
    max_per_split: int | None = None,
    max_gb: float | None = None,
    on_broken: str | None = None,
) -> Source:
    """Loads a data set into memory; its splits are the same at every call.

    What was found and left out is said in the source's `notes`; what someone should act on (files
    of another kind, images that a crop cuts off, one image in two splits) is a `UserWarning` too.

    Args:
        name: one of
            - `list_sources()`;
            - a TFDS image classification set, `"cifar10"`, `"tfds:cifar10"`, `"name/config"`;
            - a path (with a leading `.`, `/` or `~`, a `Path`, or an existing folder): an `.npz`
              of `x_train, y_train, …`, a folder `[split/]class/image` or `[split/]class/x.wav`,
              a `.txt` for language models, or a `.csv` or `.tsv` with the columns `text`, `label`,
              or, for images, `path`, `label`, and perhaps `split`.
        image_size: resize to a square of so many pixels (`omniglot_small`: 28 by default).
        resize: how: `"crop"`, the largest centred square, which is the default; `"pad"`, the whole
            image on black; `"stretch"`, to another aspect ratio.
        length: tokens of an example, for texts: 64 characters, 24 words by default.
        vocabulary: for a table of texts: the words of a pretrained model, in place of train's.
        targets: for tables: `"classes"`, the default, or `"numbers"`: labels are numbers, and a
            split may have some that train lacks.
        data_dir: where TFDS keeps prepared sets; default `WSZOO_DATA_DIR`, else TFDS's own.
        manual_dir: folder of raw files, read-only, in it or in `<name>/` in it; default
            `WSZOO_MANUAL_DIR`, else `<data_dir>/downloads/manual`.
        download: allow TFDS to use the network. Without it nothing is fetched.
        validation: share of train that becomes a split which the data do not have, 0.1 by default.
        max_per_split: keep at most so many examples a split.
        max_gb: refuse arrays of more than so many 10⁹ bytes, 4 by default.
        on_broken: `"skip"` leaves out files that are no readable images; `"refuse"`, the default,
            raises.

    Raises:
        MissingDataError: (a FileNotFoundError) not on this machine; says how to get it.
        ValueError: an unknown name, a set that is no image classification or too large, or an
            option that this source does not take.
    """
    check_positive("image_size", image_size)
    check_positive("max_per_split", max_per_split)
    check_positive("length", length)
    if validation is not None:
        check_fraction(validation)
    given = {
        "image_size": image_size,
        "resize": resize,
        "length": length,
        "vocabulary": vocabulary,
        "targets": targets,
        "download": download or None,
        "validation": validation,
        "max_per_split": max_per_split,
        "max_gb": max_gb,
        "on_broken": on_broken,
    }
    options = {option: value for option, value in given.items() if value is not None}
    reader = _reader(name)
    if other := {option: options[option] for option in options if option not in reader.options}:
        asked = ", ".join(f"{option}={reprlib.repr(value)}" for option, value in other.items())
        valid = ", ".join(option for option in reader.options if option not in PLACES)
        raise ValueError(f"{name} does not take {asked}; its options are {valid}")
    places = {
        "data_dir": _place(data_dir, "DATA_DIR"),
        "manual_dir": _place(manual_dir, "MANUAL_DIR"),
    }
    needed = {place: path for place, path in places.items() if place in reader.options}
    return reader.read(**options, **needed)


def _reader(name: str | os.PathLike[str]) -> Reader:
    if _is_path(name):
        path = Path(name).expanduser()
        return BY_SUFFIX.get(path.suffix.lower(), _folder)(path)
    if name in BY_NAME:
        return BY_NAME[str(name)]
    return Reader(partial(tfds_sets.load, str(name)), TFDS)


def _is_path(name: str | os.PathLike[str]) -> bool:
    if not isinstance(name, str):
        return True
    if name.startswith((".", "/", "~")) or Path(name).suffix.lower() in BY_SUFFIX:
        return True
    return name not in NAMED and not name.startswith("tfds:") and Path(name).is_dir()


def _place(given: str | os.PathLike[str] | None, variable: str) -> Path | None:
    chosen = given or os.environ.get(f"WSZOO_{variable}")
    return Path(chosen).expanduser() if chosen else None
