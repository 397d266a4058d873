"""`.keras` files that keep the plan with its site names.

A `.keras` file is a zip; the plan travels in it as one more JSON member, `wszoo.json`, which
Keras ignores when it loads the file without wszoo. Loading runs no code from the file.
"""

import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from wszoo._version import __version__
from wszoo.sharing import graph
from wszoo.sharing.about import about, describe
from wszoo.sharing.calls import all_calls
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.variables import check_keras_keeps_sharing, check_no_repeats_inside

_MEMBER = "wszoo.json"


def save(model: keras.Model, path: str | os.PathLike) -> None:
    """Writes a functional model to a `.keras` file with its plan, site names and flags.

    The file appears whole or not at all, and plain `keras.saving.load_model` reads it too.
    Raises `ValueError` for another suffix, a model without a graph, sharing that Keras would lose
    (a layer that nested models share with each other, a variable that two layers hold) and a
    nested Sequential that calls a layer twice: Keras would write another model without a word.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"a model file ends in .keras; received {str(path)!r}")
    model = graph.as_functional(model)
    check_keras_keeps_sharing(model)
    check_no_repeats_inside(all_calls(model, nested=False))
    names = graph.names_of(model)
    note = {
        "wszoo": __version__,
        "declared": list(names.declared),
        **graph.plan_of(model).to_dict(),
        "about": about(model),
    }
    with written_whole(path) as part:
        keras.saving.save_model(model, part)
        with zipfile.ZipFile(part, "a") as archive:
            archive.writestr(_MEMBER, json.dumps(note, indent=1))


def load(path: str | os.PathLike) -> keras.Model:
    """Reads a `.keras` file, with its site names and plan where `save` wrote them.

    Raises `FileNotFoundError` for a missing file, and `ValueError` for a file that is no `.keras`
    file or whose graph does not share as its plan says.
    """
    from wszoo._classes import register_classes

    register_classes()
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{str(path)!r} is not a .keras file (a zip), or it is cut off")
    try:
        model = keras.saving.load_model(path)
        with zipfile.ZipFile(path) as archive:
            note = archive.read(_MEMBER) if _MEMBER in archive.namelist() else None
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise ValueError(f"{str(path)!r} is damaged, or no .keras file: {error}") from error
    except (ValueError, TypeError) as error:  # a Lambda with code, a class that is not known
        raise ValueError(f"{str(path)!r} cannot be loaded: {error}") from error
    if note is None:
        return model
    try:
        names = json.loads(note)
        if _saw_nested_models_whole(model, names["sites"]):
            return model
        graph.remember(model, names["sites"], names["declared"])
        describe(model, **names.get("about", {}))
        saved, found = SharingPlan.from_dict(names), graph.plan_of(model)
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{_MEMBER} in {str(path)!r} does not fit its graph: {error}") from error
    if saved != found:
        raise ValueError(
            f"{str(path)!r} says that its sites share as {saved.pattern!r}, but its graph shares "
            f"as {found.pattern!r}: the file was changed"
        )
    return model


def _saw_nested_models_whole(model: Any, site_names: list[str]) -> bool:
    """Whether a file's sites are those of wszoo 0.1.0, to which a nested model was one site."""
    weighted = [c for c in all_calls(model, nested=False) if getattr(c.operation, "weights", None)]
    return len(site_names) == len(weighted) < len(graph.weighted_calls(model))


def file_parameters(path: str | os.PathLike) -> int:
    """Numbers stored as weights in a `.keras` or `.weights.h5` file, counted in the file."""
    return sum(array.size for array in file_arrays(path).values())


def file_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The weights in a `.keras` or `.weights.h5` file, by their names in it.

    Optimizer slots and the states of random generators are not weights. Raises `ValueError` for
    a file that is damaged or of another kind.
    """
    import h5py

    path = Path(path)
    source: Path | io.BytesIO = path
    found: dict[str, np.ndarray] = {}

    def keep(name: str, item: object) -> None:
        parts = set(name.split("/"))
        if isinstance(item, h5py.Dataset) and not {"optimizer", "seed_generator"} & parts:
            found[name] = np.asarray(item)

    try:
        if path.suffix == ".keras":
            with zipfile.ZipFile(path) as archive:
                source = io.BytesIO(archive.read("model.weights.h5"))
        with h5py.File(source) as file:
            file.visititems(keep)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ValueError(f"{str(path)!r} is damaged or of another kind: {error}") from error
    return found


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; it takes the place of `path` when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{os.getpid()}.part.{path.name}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(folder: Path) -> Iterator[Path]:
    """The same for a folder: an empty one to fill, which replaces `folder` on success."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    aside = part.with_name(f"{part.name}.old")
    try:
        yield part
        part.chmod(0o755)  # mkdtemp's are private
        if folder.exists():
            folder.rename(aside)
        part.rename(folder)
    finally:
        if aside.exists() and not folder.exists():
            aside.rename(folder)
        for left in (part, aside):
            shutil.rmtree(left, ignore_errors=True)
