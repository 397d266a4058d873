"""A model in any of its forms, as one function of examples and what is known of it.

Keras models and `.keras` files, tags of the zoo and folders of weights, SavedModels and `.tflite`
files. Of the files that `wszoo.export` writes, `wszoo.json` says what they mean.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from wszoo import checks, checksums
from wszoo.exporting.facts import MEMBER
from wszoo.exporting.tflite.behind import associated_files
from wszoo.sharing.about import Facts, about, check

if TYPE_CHECKING:
    import keras

SIGNATURE = "serving_default"
BATCH = 32  # examples at a time
MANY = 4 * BATCH  # examples from which on compiling a model is worth its time


@dataclass(frozen=True)
class Opened:
    """A model of one input and one output: `run` makes outputs of examples `(n, *shape)`."""

    name: str
    about: Facts
    shape: tuple[int | None, ...]
    dtype: str
    run: Callable[[np.ndarray], np.ndarray]


def opened(model: "str | os.PathLike | keras.Model") -> Opened:
    """The model of a file, folder or tag, or a Keras model itself.

    Raises `FileNotFoundError` for a file that is not there, and `ValueError` for an unknown name, a
    file of another kind, and a model of several inputs or outputs.
    """
    if not isinstance(model, str | os.PathLike):
        return _of_keras(model, getattr(model, "name", "the model"))
    name, path = os.fspath(model), Path(model)
    if path.suffix in (".keras", ".tflite") and not path.is_file():
        raise FileNotFoundError(f"no file {name!r}")
    if path.suffix == ".keras":
        from wszoo.sharing.files.loading import load

        return _of_keras(load(path), name)
    if path.suffix == ".tflite":
        return _of_tflite(path)
    if path.is_dir():
        return _of_folder(path)
    if path.is_file() or isinstance(model, os.PathLike):
        raise ValueError(
            f"{name!r} is no model to predict with: valid are a .keras or .tflite file, the folder "
            "of a SavedModel or of weights with their card, NAME.TAG of the zoo, and a Keras model"
        )
    return _of_zoo(name)


def _of_zoo(name: str) -> Opened:
    from wszoo import registry

    model = registry.get(name) if "." in name else registry.get(name, weights=True)
    return _of_keras(model, name)


def _of_folder(folder: Path) -> Opened:
    """A SavedModel, the newest version of those in a folder, or weights with their card."""
    from wszoo import cards, registry

    if (folder / cards.FILE).is_file():
        return _of_keras(registry.get(cards.read(folder)["model"], weights=folder), str(folder))
    versions = [path for path in folder.glob("[0-9]*") if (path / "saved_model.pb").is_file()]
    if not (folder / "saved_model.pb").is_file():
        if not versions:
            raise ValueError(
                f"{str(folder)!r} is neither a SavedModel (it has no saved_model.pb) nor weights "
                f"with their card (it has no {cards.FILE})"
            )
        folder = max(versions, key=lambda path: (len(path.name), path.name))
    return _of_saved_model(folder)


def _of_keras(model: "keras.Model", name: str) -> Opened:
    _check_one(name, [t.name for t in model.inputs], model.output_names)
    given = model.inputs[0]

    def run(x: np.ndarray) -> np.ndarray:
        if len(x) >= MANY:
            return np.asarray(model.predict(x, batch_size=BATCH, verbose=0))
        return _in_parts(lambda part: np.asarray(model(part, training=False)), x, BATCH)

    return Opened(name, about(model), tuple(given.shape[1:]), given.dtype, run)


def _of_saved_model(folder: Path) -> Opened:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    if SIGNATURE not in loaded.signatures:
        raise ValueError(f"{str(folder)!r} has the signatures {list(loaded.signatures)}, none "
                         f"named {SIGNATURE!r}")  # fmt: skip
    serve = loaded.signatures[SIGNATURE]
    inputs = serve.structured_input_signature[1]
    _check_one(str(folder), list(inputs), list(serve.structured_outputs))
    ((name, spec),) = inputs.items()

    def run(x: np.ndarray) -> np.ndarray:
        def part(rows: np.ndarray) -> np.ndarray:
            (outputs,) = serve(**{name: tf.constant(rows, spec.dtype)}).values()
            return np.asarray(outputs)

        return _in_parts(part, x, spec.shape[0] or BATCH)

    member = folder / "assets" / MEMBER
    facts = _facts(str(folder), member.read_bytes() if member.is_file() else None)
    kept = serve, loaded  # a signature lives no longer than what it was loaded with
    assert kept
    return Opened(str(folder), facts, tuple(spec.shape[1:]), spec.dtype.name, run)


def _of_tflite(path: Path) -> Opened:
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(model_path=str(path))
        interpreter.allocate_tensors()
        signatures = interpreter.get_signature_list()
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{str(path)!r} is no .tflite file, or it is damaged: {error}") from error
    if not signatures:
        raise ValueError(f"{str(path)!r} has no signature, so nobody knows what it takes")
    runner = interpreter.get_signature_runner(SIGNATURE if SIGNATURE in signatures else None)
    inputs = runner.get_input_details()
    _check_one(str(path), list(inputs), list(runner.get_output_details()))
    ((name, details),) = inputs.items()
    dtype = np.dtype(details["dtype"])
    if dtype.name not in ("float32", "int32", "int64", "uint8"):
        raise ValueError(f"{str(path)!r} takes {dtype.name}; valid are float32, integers and uint8")
    batch, *shape = (None if size < 0 else int(size) for size in details["shape_signature"])

    def run(x: np.ndarray) -> np.ndarray:
        def part(rows: np.ndarray) -> np.ndarray:
            (outputs,) = runner(**{name: rows.astype(dtype)}).values()
            return outputs

        return _in_parts(part, x, batch or BATCH, whole=batch is not None)

    packed = associated_files(path.read_bytes()).get(MEMBER)
    return Opened(str(path), _facts(str(path), packed), tuple(shape), dtype.name, run)


def _in_parts(
    run: Callable[[np.ndarray], np.ndarray], x: np.ndarray, size: int, *, whole: bool = False
) -> np.ndarray:
    """Outputs of all examples, so many at a time; `whole`: never fewer, the last are repeated."""
    outputs = []
    for start in range(0, len(x), size):
        rows = x[start : start + size]
        lacking = size - len(rows) if whole else 0
        made = run(np.concatenate([rows, np.repeat(rows[-1:], lacking, axis=0)]))
        outputs.append(made[: len(rows)])
    return np.concatenate(outputs)


def _check_one(name: str, inputs: list[str], outputs: list[str]) -> None:
    if len(inputs) != 1 or len(outputs) != 1:
        raise ValueError(
            f"{name} has the inputs {inputs} and the outputs {outputs}; one of each is needed"
        )


def _facts(name: str, text: bytes | None) -> Facts:
    """What a file says of its meaning; nothing where it says nothing."""
    if text is None:
        return {}
    try:
        told: Mapping[str, object] = checksums.json_object(text)
        facts = cast(Facts, checks.kind("about", told.get("about", {}), dict, "an object"))
        check(facts)
    except ValueError as error:
        raise ValueError(f"{MEMBER} in {name!r} cannot be read: {error}") from error
    return facts
