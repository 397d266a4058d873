"""From a name to a source."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from pathlib import Path

from wszoo.arguments import checked
from wszoo.data import registering
from wszoo.data.errors import MissingDataError, check_fraction
from wszoo.data.registering import Reader
from wszoo.data.source import Source


def list_sources() -> tuple[str, ...]:
    """Names that `load` understands besides every other image classification set of TFDS."""
    return registering.set_names()


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
    stream: bool | None = None,
    **others: object,
) -> Source:
    """Loads a data set, into memory where it fits; its splits are the same at every call.

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
        max_gb: refuse arrays of more than so many 10⁹ bytes, 4 by default. Image files that would
            be more are a stream.
        on_broken: `"skip"` leaves out files that are no readable images; `"refuse"`, the default,
            raises.
        stream: for image files: `True` lists them, and reads them when they are needed, in the
            order and with the pixels that arrays would have; `False` never does.
        **others: options of a source that is registered elsewhere.

    Raises:
        MissingDataError: (a FileNotFoundError) not on this machine; says how to get it.
        ValueError: an unknown name, a set that is no image classification or too large, or an
            option that this source does not take.
    """
    if validation is not None:
        check_fraction(validation)
    reader, place = find_reader(name)
    return reader(
        *place,
        image_size=image_size,
        resize=resize,
        length=length,
        vocabulary=vocabulary,
        targets=targets,
        data_dir=_folder(data_dir, "DATA_DIR"),
        manual_dir=_folder(manual_dir, "MANUAL_DIR"),
        download=download or None,
        validation=validation,
        max_per_split=max_per_split,
        max_gb=max_gb,
        on_broken=on_broken,
        stream=stream,
        **others,
    )


def find_reader(name: str | os.PathLike[str]) -> tuple[Reader, tuple[Path | str, ...]]:
    """What reads a source of that name, and the place where it does so."""
    every = registering.readers()
    if _is_path(name):
        path = Path(name).expanduser()
        by_suffix = {suffix: reader for reader in every for suffix in reader.suffixes}
        reader = by_suffix.get(path.suffix.lower()) or _of_folder(path, by_suffix)
        return reader, (path,)
    sets = {reader.name: reader for reader in every if reader.is_set}
    if name in sets:
        return sets[str(name)], ()
    (catalogue,) = (reader for reader in every if reader.catalogue)
    return catalogue, (str(name),)


def _of_folder(path: Path, suffixes: Collection[str]) -> Reader:
    """What reads most files in a folder and below it; of equals, the first by name."""
    kinds = {reader: reader.folder for reader in registering.readers() if reader.folder}
    if not path.is_dir():
        raise MissingDataError(
            f"{path}: no such folder; a path is a file {' '.join(suffixes)}, or a folder of "
            f"{' or '.join(reader.name for reader in kinds)}"
        )
    files = [file for file in path.rglob("*") if file.is_file() and file.name[0] != "."]
    return max(kinds, key=lambda reader: kinds[reader](files))


def _is_path(name: str | os.PathLike[str]) -> bool:
    if not isinstance(name, str):
        return True
    every = registering.readers()
    suffixes = [suffix for reader in every for suffix in reader.suffixes]
    if name.startswith((".", "/", "~")) or Path(name).suffix.lower() in suffixes:
        return True
    catalogued = [f"{reader.name}:" for reader in every if reader.catalogue]
    is_name = name in registering.set_names() or name.startswith(tuple(catalogued))
    return not is_name and Path(name).is_dir()


def place_of(data_dir: str | os.PathLike[str] | None) -> Path:
    """The folder of prepared sets: the one given, else `WSZOO_DATA_DIR`, else TFDS's own."""
    import tensorflow_datasets as tfds

    chosen = _folder(data_dir, "DATA_DIR")
    return chosen if chosen is not None else Path(tfds.core.constants.DATA_DIR).expanduser()


def _folder(given: str | os.PathLike[str] | None, variable: str) -> Path | None:
    chosen = given or os.environ.get(f"WSZOO_{variable}")
    return Path(chosen).expanduser() if chosen else None
