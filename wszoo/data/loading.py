"""From a name to a source."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

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


def list_sources() -> tuple[str, ...]:
    """Names that `load` understands besides every other image classification set of TFDS."""
    return NAMED


def load(
    name: str | os.PathLike[str],
    *,
    image_size: int | None = None,
    length: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    manual_dir: str | os.PathLike[str] | None = None,
    download: bool = False,
    validation: float = 0.1,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
    on_broken: str = "refuse",
) -> Source:
    """Loads a data set into memory; its splits are the same at every call.

    Args:
        name: one of
            - `list_sources()`;
            - a TFDS image classification set, `"cifar10"`, `"tfds:cifar10"`, `"name/config"`;
            - a path (with a leading `.`, `/` or `~`, a `Path`, or an existing folder): an `.npz`
              of `x_train, y_train, …`, a folder `[split/]class/image` or `[split/]class/x.wav`,
              a `.txt` for language models, or a `.csv` or `.tsv` with the columns `text`, `label`,
              or `path`, `label` and perhaps `split` for images.
        image_size: resize to a square of so many pixels (`omniglot_small`: 28 by default).
            Recordings, time series and texts have none.
        length: tokens of an example, for texts: 64 characters, 24 words by default.
        data_dir: where TFDS keeps prepared sets; default `WSZOO_DATA_DIR`, else TFDS's own.
        manual_dir: folder of raw files, read-only, in it or in `<name>/` in it; default
            `WSZOO_MANUAL_DIR`, else `<data_dir>/downloads/manual`.
        download: allow TFDS to use the network. Without it nothing is fetched.
        validation: share of train that becomes a split which the set itself does not have.
        max_per_split: keep at most so many examples a split.
        max_gb: refuse arrays of more than so many 10⁹ bytes.
        on_broken: `"skip"` leaves out files that are no readable images, with a warning that names
            them; `"refuse"` raises.

    Raises:
        MissingDataError: (a FileNotFoundError) not on this machine; says how to get it.
        ValueError: an unknown name, or a set that is no image classification or too large.
    """
    check_positive("image_size", image_size)
    check_positive("max_per_split", max_per_split)
    check_positive("length", length)
    check_fraction(validation)
    limits: dict[str, Any]
    size: dict[str, Any] = {"image_size": image_size, "max_per_split": max_per_split}
    table = None
    if _is_path(name) and csv_file.is_table_file(Path(name)):
        table = csv_file.read_table(Path(name).expanduser())
        if tables.find_kind(table) == "path":
            limits = {"validation": validation, "max_gb": max_gb, "on_broken": on_broken}
            return tables.load_images(table, **size, **limits)
    if (
        (name in text.NAMES)
        or table is not None
        or (_is_path(name) and _suffix(name) in text.SUFFIXES)
    ):
        _no_image_size(str(name), image_size)
        tokens: dict[str, Any] = {
            "length": length,
            "max_per_split": max_per_split,
            "max_gb": max_gb,
        }
        if table is not None:
            return tables.load_texts(table, validation=validation, **tokens)
        if name not in text.NAMES:
            return text.load_file(Path(name).expanduser(), **tokens)
        return text.load(str(name), download=download, **_places(data_dir, manual_dir), **tokens)
    if length is not None:
        raise ValueError(f"{name} has no tokens; length={length} is of no use")
    if _is_path(name):
        limits = {"validation": validation, "max_gb": max_gb, "on_broken": on_broken}
        return _from_path(Path(name).expanduser(), **limits, **size)
    if name == "digits":
        return digits.load(**size)
    places = _places(data_dir, manual_dir)
    if name in ("nab", audio.NAME):
        _no_image_size(str(name), image_size)
        limits = {"max_per_split": max_per_split, "max_gb": max_gb}
        if name == "nab":
            return nab.load(manual_dir=places["manual_dir"], **limits)
        return audio.load(download=download, **limits, **places)
    if name == "omniglot_small":
        return omniglot.load(max_gb=max_gb, **size, **places)
    return tfds_sets.load(
        str(name), validation=validation, download=download, max_gb=max_gb, **size, **places
    )


FILE_SUFFIXES = (".npz", *text.SUFFIXES, *csv_file.SUFFIXES)


def _suffix(name: str | os.PathLike[str]) -> str:
    return Path(name).suffix.lower()


def _is_path(name: str | os.PathLike[str]) -> bool:
    if not isinstance(name, str):
        return True
    if name.startswith((".", "/", "~")) or _suffix(name) in FILE_SUFFIXES:
        return True
    return name not in NAMED and not name.startswith("tfds:") and Path(name).is_dir()


def _from_path(path: Path, **options: Any) -> Source:
    on_broken = options.pop("on_broken")
    if path.suffix.lower() == ".npz":
        return arrays.from_npz(path, **options)
    if path.is_dir() and audio.is_audio_folder(path):
        _no_image_size(str(path), options.pop("image_size"))
        return audio.load_folder(path, **options)
    if path.is_dir():
        return folders.load(path, on_broken=on_broken, **options)
    raise MissingDataError(
        f"{path}: no such folder; a path is an .npz, .txt, .csv or .tsv file, or a folder of "
        "images or wav files"
    )


def _no_image_size(name: str, image_size: int | None) -> None:
    if image_size is not None:
        raise ValueError(f"{name} has no images; image_size={image_size} is of no use")


def _places(data_dir: Any, manual_dir: Any) -> dict[str, Any]:
    return {
        "data_dir": _folder(data_dir, "WSZOO_DATA_DIR"),
        "manual_dir": _folder(manual_dir, "WSZOO_MANUAL_DIR"),
    }


def _folder(given: str | os.PathLike[str] | None, variable: str) -> Path | None:
    chosen = given or os.environ.get(variable)
    return Path(chosen).expanduser() if chosen else None
