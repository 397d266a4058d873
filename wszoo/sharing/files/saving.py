"""`.keras` files that keep the plan with its site names.

A `.keras` file is a zip; the plan travels in it as one more JSON member, `wszoo.json`, which
Keras ignores when it loads the file without wszoo. Loading runs no code from the file.
"""

import json
import os
import zipfile
from pathlib import Path

import keras

from wszoo import private
from wszoo._version import __version__
from wszoo.arguments import checked
from wszoo.files import written_whole
from wszoo.sharing import graph
from wszoo.sharing.about import about
from wszoo.sharing.calls import all_calls
from wszoo.sharing.files.arrays import MEMBER
from wszoo.sharing.files.configs import complete
from wszoo.sharing.files.loading import Note, read
from wszoo.sharing.files.readback import check_comes_back, has_optimizer
from wszoo.sharing.files.writing import write_model
from wszoo.sharing.flags import flags_of
from wszoo.sharing.keras_errors import in_short
from wszoo.sharing.state import all_variables
from wszoo.sharing.variables import check_keras_keeps_sharing, check_no_repeats_inside


@checked()
def save(model: keras.Model, path: str | os.PathLike[str]) -> None:
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
    note: Note = {
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
            archive.writestr(MEMBER, json.dumps(note, indent=1))
        try:
            check_comes_back(model, lambda: read(part))
        except ValueError as error:
            raise ValueError(
                f"{model.name!r} is not saved, for it would not come back: {error}"
            ) from error


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


def _optimized(model: keras.Model) -> list[int] | None:
    """The places, among all variables, of those that the optimizer was made for, if it was."""
    if not has_optimizer(model):
        return None
    place = {id(variable): i for i, variable in enumerate(all_variables(model))}
    return [place[id(variable)] for variable in private.trained_by(model.optimizer)]


def _as_written(model: keras.Model) -> keras.Model:
    """The model that Keras writes: of a Sequential that lists a layer twice, its functional one."""
    functional = graph.as_functional(model)
    if functional is model or len(set(map(id, model.layers))) == len(model.layers):
        return model
    if model.compiled:
        functional.optimizer, functional.compiled = model.optimizer, True
        functional.get_compile_config = model.get_compile_config
    return functional
