"""Reads `.keras` files: with what `save` wrote beside the model, and without."""

import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any, cast

import keras

from wszoo import checks, checksums
from wszoo.arguments import checked
from wszoo.sharing import graph
from wszoo.sharing.about import Facts, check_texts, describe
from wszoo.sharing.calls import all_calls
from wszoo.sharing.files import budget
from wszoo.sharing.files.arrays import CONFIG, MEMBER, shapes
from wszoo.sharing.files.readback import has_optimizer
from wszoo.sharing.flags import Flags, flags_of, set_flags
from wszoo.sharing.keras_errors import in_short
from wszoo.sharing.plan import PlanData, SharingPlan
from wszoo.sharing.state import all_variables


class Note(PlanData, total=False):
    """What `save` writes beside a model: its plan, names, facts and flags."""

    wszoo: str  # the version that wrote it
    declared: list[str]
    about: Facts
    trainable: Flags
    optimized: list[int] | None


@checked()
def load(path: str | os.PathLike[str]) -> keras.Model:
    """Reads a `.keras` file, with its site names, plan, facts and flags where `save` wrote them.

    Every member is held against its checksum and its declared size first. Raises
    `FileNotFoundError` for a missing file, and `ValueError` for a file that is no `.keras` file,
    declares more than it holds, or whose graph does not share as its plan says.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{str(path)!r} is not a .keras file (a zip), or it is cut off")
    try:
        stored = sum(map(math.prod, shapes(path).values()))
    except Exception as error:  # zips and HDF5 raise whatever a damaged file suggests
        raise ValueError(f"{str(path)!r} is damaged, or no .keras file: {error}") from error
    try:
        with budget.for_weights(stored):
            return read(path)
    except ValueError as error:  # a Lambda, a class that is not known
        raise ValueError(f"{str(path)!r} cannot be loaded: {in_short(error)}") from error
    except Exception as error:  # a config of nonsense ends anywhere in Keras
        raise ValueError(
            f"{str(path)!r} cannot be loaded: its config is not as Keras writes it "
            f"({in_short(error)})"
        ) from error


def read(path: Path) -> keras.Model:
    """The model of a file with all that `save` wrote beside it."""
    from wszoo._classes import register_classes

    register_classes()
    with zipfile.ZipFile(path) as archive:
        text = archive.read(MEMBER) if MEMBER in archive.namelist() else None
        compiled = json.loads(archive.read(CONFIG)).get("compile_config")
    if text is None:
        return keras.saving.load_model(path)
    model = keras.saving.load_model(path, compile=False)
    try:
        note = _checked_note(checksums.json_object(text))
        if _saw_nested_models_whole(model, note["sites"]):
            return keras.saving.load_model(path)
        graph.remember(model, note["sites"], note["declared"])
        describe(model, **note.get("about", {}))
        set_flags(model, note.get("trainable", flags_of(model)))
        saved, built = SharingPlan.from_dict(note), graph.plan_of(model)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{MEMBER} does not fit its graph: {error}") from error
    if saved != built:
        raise ValueError(
            f"it says that its sites share as {saved.pattern!r}, but its graph shares as "
            f"{built.pattern!r}: the file was changed"
        )
    if compiled:
        _compile(model, compiled, note.get("optimized"))
        if has_optimizer(model):
            keras.saving.load_weights(model, path)  # once more: the optimizer's are among them
    return model


def _checked_note(note: dict[str, Any]) -> Note:
    """What `save` writes, if it has the types that `save` gives it."""
    for name in ("sites", "pattern", "declared"):
        if name not in note:
            raise ValueError(f"it lacks {name!r}")
    for name in ("sites", "declared"):
        check_texts(name, note[name])
    checks.kind("pattern", note["pattern"], str, "a text")
    checks.kind("about", note.get("about", {}), dict, "an object")
    checks.kind("trainable", note.get("trainable", {}), dict, "an object")
    optimized = note.get("optimized")
    if optimized is not None:
        for place in checks.kind("optimized", optimized, list, "a list of places"):
            checks.whole("a place in optimized", place, least=0)
    return cast(Note, note)


def _saw_nested_models_whole(model: keras.Model, site_names: list[str]) -> bool:
    """Whether a file's sites are those of wszoo 0.1.0, to which a nested model was one site."""
    weighted = [c for c in all_calls(model, nested=False) if getattr(c.operation, "weights", None)]
    return len(site_names) == len(weighted) < len(graph.weighted_calls(model))


def _compile(model: keras.Model, config: dict[str, object], optimized: list[int] | None) -> None:
    """Compiles the model as it was, its optimizer over the same variables in the same order."""
    if type(model).compile is not keras.Model.compile:
        model.compile_from_config(config)  # where the class does not, Keras warns
        return
    try:
        state = keras.saving.deserialize_keras_object(config)
        keras.tree.map_structure(keras.losses.get, state.get("loss"))  # Keras asks when it trains
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"what it was compiled with cannot be read: {in_short(error)}. A copy made by "
            "wszoo.retie(model, wszoo.plan_of(model)) is not compiled and can be saved"
        ) from error
    model.compile(**state)
    if optimized is not None:
        variables = all_variables(model)
        if optimized and max(optimized) >= len(variables):
            raise ValueError(
                f"{MEMBER} says that its optimizer was made for variable {max(optimized)}, and "
                f"the model has {len(variables)}"
            )
        model.optimizer.build([variables[place] for place in optimized])
