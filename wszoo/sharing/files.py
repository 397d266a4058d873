"""`.keras` files that keep the plan with its site names.

A `.keras` file is a zip; the plan travels in it as one more JSON member, `wszoo.json`, which
Keras ignores when it loads the file without wszoo. Loading runs no code from the file.
"""

import io
import json
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from wszoo import checks, checksums, declared, private
from wszoo._version import __version__
from wszoo.arguments import checked
from wszoo.files import written_whole
from wszoo.sharing import budget, graph
from wszoo.sharing.about import about, check_texts, describe
from wszoo.sharing.calls import all_calls
from wszoo.sharing.configs import complete
from wszoo.sharing.flags import flags_of, set_flags
from wszoo.sharing.keras_errors import in_short
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.readback import check_comes_back, has_optimizer
from wszoo.sharing.state import all_variables
from wszoo.sharing.variables import check_keras_keeps_sharing, check_no_repeats_inside
from wszoo.sharing.weights_file import write_model

_MEMBER, _CONFIG, _WEIGHTS = "wszoo.json", "config.json", "model.weights.h5"
_MOST_CONFIG = 2**26  # bytes of config.json


@checked()
def save(model: keras.Model, path: str | os.PathLike) -> None:
    """Writes a functional model to a `.keras` file with its plan, site names, facts and flags.

    Flags are kept by variable, and a compiled model stays compiled, with its optimizer's state.
    The file is read back before it takes its place: it appears whole or not at all, and plain
    `keras.saving.load_model` reads it too. As in Keras, random states and those of stateful
    recurrent layers are not written.

    Raises `ValueError` for another suffix, a model without a graph, sharing that Keras would lose
    (a layer that nested models share with each other, a variable that two layers hold), a nested
    Sequential that calls a layer twice (Keras would write another model without a word), and for
    what does not come back: a `Lambda`, a class or a loss that is not registered with Keras, a
    layer whose config does not make it again.
    """
    path = Path(path)
    if path.suffix != ".keras":
        raise ValueError(f"a model file ends in .keras; received {str(path)!r}")
    model = _as_written(model)
    check_keras_keeps_sharing(model)
    check_no_repeats_inside(all_calls(model, nested=False))
    names = graph.names_of(model)
    note = {
        "wszoo": __version__,
        "declared": list(names.declared),
        **graph.plan_of(model).to_dict(),
        "about": about(model),
        "trainable": flags_of(model),
        "optimized": _optimized(model),
    }
    with written_whole(path) as part:
        _write(model, part)
        with zipfile.ZipFile(part, "a") as archive:
            archive.writestr(_MEMBER, json.dumps(note, indent=1))
        try:
            check_comes_back(model, lambda: _read(part))
        except ValueError as error:
            raise ValueError(
                f"{model.name!r} is not saved, for it would not come back: {error}"
            ) from error


@checked()
def load(path: str | os.PathLike) -> keras.Model:
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
        stored = sum(map(math.prod, _shapes(path).values()))
    except Exception as error:  # zips and HDF5 raise whatever a damaged file suggests
        raise ValueError(f"{str(path)!r} is damaged, or no .keras file: {error}") from error
    try:
        with budget.for_weights(stored):
            return _read(path)
    except ValueError as error:  # a Lambda, a class that is not known
        raise ValueError(f"{str(path)!r} cannot be loaded: {in_short(error)}") from error
    except Exception as error:  # a config of nonsense ends anywhere in Keras
        raise ValueError(
            f"{str(path)!r} cannot be loaded: its config is not as Keras writes it "
            f"({in_short(error)})"
        ) from error


def _shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of all arrays in a `.keras` file, every member of which is as it was written."""
    declared.check_zip(path, contents=True)
    with zipfile.ZipFile(path) as archive:
        checksums.json_object(archive.read(_CONFIG), most=_MOST_CONFIG)
        if _WEIGHTS not in archive.namelist():
            raise ValueError(f"it has no member {_WEIGHTS!r}")
        return declared.check_hdf5(archive.read(_WEIGHTS))


def _write(model: keras.Model, path: Path) -> None:
    try:
        with complete(model):
            write_model(model, path)
    except RecursionError as error:  # as of a GPTQ config that holds the layers it is for
        raise ValueError(
            f"{model.name!r} is not saved, for the config of one of its layers holds itself"
        ) from error
    except (AttributeError, KeyError, NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"{model.name!r} is not saved, for Keras cannot write it: {in_short(error)}"
        ) from error


def _read(path: Path) -> keras.Model:
    """The model of a file with all that `save` wrote beside it."""
    from wszoo._classes import register_classes

    register_classes()
    with zipfile.ZipFile(path) as archive:
        text = archive.read(_MEMBER) if _MEMBER in archive.namelist() else None
        compiled = json.loads(archive.read(_CONFIG)).get("compile_config")
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
        saved, found = SharingPlan.from_dict(note), graph.plan_of(model)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{_MEMBER} does not fit its graph: {error}") from error
    if saved != found:
        raise ValueError(
            f"it says that its sites share as {saved.pattern!r}, but its graph shares as "
            f"{found.pattern!r}: the file was changed"
        )
    if compiled:
        _compile(model, compiled, note.get("optimized"))
        if has_optimizer(model):
            keras.saving.load_weights(model, path)  # once more: the optimizer's are among them
    return model


def _checked_note(note: dict[str, Any]) -> dict[str, Any]:
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
    return note


def _saw_nested_models_whole(model: keras.Model, site_names: list[str]) -> bool:
    """Whether a file's sites are those of wszoo 0.1.0, to which a nested model was one site."""
    weighted = [c for c in all_calls(model, nested=False) if getattr(c.operation, "weights", None)]
    return len(site_names) == len(weighted) < len(graph.weighted_calls(model))


def _optimized(model: keras.Model) -> list[int] | None:
    """The places, among all variables, of those that the optimizer was made for, if it was."""
    if not has_optimizer(model):
        return None
    place = {id(variable): i for i, variable in enumerate(all_variables(model))}
    return [place[id(variable)] for variable in private.trained_by(model.optimizer)]


def _compile(model: keras.Model, config: dict, optimized: list[int] | None) -> None:
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
                f"{_MEMBER} says that its optimizer was made for variable {max(optimized)}, and "
                f"the model has {len(variables)}"
            )
        model.optimizer.build([variables[place] for place in optimized])


def _as_written(model: keras.Model) -> Any:
    """The model that Keras writes: of a Sequential that lists a layer twice, its functional one."""
    functional = graph.as_functional(model)
    if functional is model or len(set(map(id, model.layers))) == len(model.layers):
        return model
    if model.compiled:
        functional.optimizer, functional.compiled = model.optimizer, True
        functional.get_compile_config = model.get_compile_config
    return functional


def file_parameters(path: str | os.PathLike) -> int:
    """Numbers stored as weights in a `.keras` or `.weights.h5` file, counted in the file.

    Raises as `file_arrays`.
    """
    return sum(math.prod(shape) for shape in _weight_shapes(Path(path)).values())


def file_arrays(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """The weights in a `.keras` or `.weights.h5` file, by their names in it.

    Optimizer slots and the states of random generators are not weights. Raises `ValueError` for
    a file that is damaged, of another kind, or declares more than it holds.
    """
    import h5py

    path = Path(path)
    names = _weight_shapes(path)
    with h5py.File(_weights_of(path)) as file:
        return {name: np.asarray(file[name]) for name in names}


def _weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    try:
        shapes = _shapes(path) if path.suffix == ".keras" else declared.check_hdf5(path)
    except Exception as error:  # zips and HDF5 raise whatever a damaged file suggests
        raise ValueError(f"{str(path)!r} is damaged or of another kind: {error}") from error
    others = {"optimizer", "seed_generator"}
    return {name: shape for name, shape in shapes.items() if not others & set(name.split("/"))}


def _weights_of(path: Path) -> Path | io.BytesIO:
    if path.suffix != ".keras":
        return path
    with zipfile.ZipFile(path) as archive:
        return io.BytesIO(archive.read(_WEIGHTS))
