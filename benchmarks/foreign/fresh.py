"""Loads what foreign_steps.py wrote, in a process that knows nothing of the model.

    python -m benchmarks.foreign.fresh 300 FOLDER

For each FOLDER/<graph>/<step>.job, <step>.done beside it: `[outcome, what was said]`.
"""

import faulthandler
import importlib
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.foreign.match import difference, matched
from wszoo import private

# Largest difference to Keras. Other kernels add in another order; int8 is a guard against nonsense.
BOUNDS = {"float32": 1e-4, "float16": 2e-2, "dynamic_int8": 0.3}
HALF = 3e-2  # of a model that computes in 16 bits
MORE = 8192  # bytes that a file may hold beside the weights: shapes, axes, tables of positions
Parts = dict[str, tuple[dict[str, np.ndarray], list[np.ndarray]]]


class Wrong(Exception):
    """Something came out other than it should."""


def parts_of(folder: Path, step: str) -> Parts:
    """`all` and `first`: inputs by name, and outputs."""
    with np.load(folder / f"{step}.npz") as archive:
        found: Parts = {}
        for key in sorted(archive.files):
            part, way, name = key.split("/", 2)
            given, wanted = found.setdefault(part, ({}, []))
            if way == "in":
                given[name] = archive[key]
            else:
                wanted.append(archive[key])
    return found


def check(job: dict[str, Any], parts: Parts, run: Callable[[dict], dict], what: str = "") -> float:
    """Runs all parts and compares; the largest difference."""
    errors = []
    for part, (given, wanted) in parts.items():
        error, wrong = matched(run(given), wanted, job["names"])
        if wrong:
            raise Wrong(f"{what}{wrong}")
        bound = max(BOUNDS[job.get("precision", "float32")], HALF * job["half"])
        if not error <= bound:
            raise Wrong(f"{what}outputs differ by {error:.2g} ({part} examples; bound {bound:g})")
        errors.append(error)
    return max(errors)


def keras_file(job: dict[str, Any], parts: Parts) -> str:
    """Loaded: outputs, flags by variable, sites, plan, number of weights, compile state."""
    import wszoo
    from benchmarks.foreign.case import equal_flags, flags, outputs

    model = wszoo.load(job["path"])
    given, wanted = parts["all"]
    if len(model.inputs) == len(given) == 1:  # a class that makes its input may name it anew
        given = {private.maker_of(model.inputs[0]).name: next(iter(given.values()))}
    error = difference(outputs(model, given), wanted)
    if error > 1e-6:
        raise Wrong(f"loaded: outputs differ by {error:.2g}")
    if not equal_flags(flags(model), job["flags"]):
        trained = [sum(flag for _, flag in each) for each in (flags(model), job["flags"])]
        raise Wrong(f"loaded: {trained[0]} variables train; {trained[1]} were to")
    now = [list(wszoo.sites(model)), wszoo.plan_of(model).pattern, len(model.weights)]
    if now != [job["sites"], job["plan"], job["weights"]]:
        raise Wrong("loaded: other sites, another plan or number of weights")
    if model.compiled != job["compiled"]:
        raise Wrong(f"loaded: compiled is {model.compiled}")
    return ""


def saved_model(job: dict[str, Any], parts: Parts) -> str:
    """By `tf.saved_model.load` and in a session, as a server runs it."""
    size = variables_bytes(Path(job["path"]))
    if size > job["bytes"]:
        raise Wrong(f"stores {size:,} bytes of variables; the model has {job['bytes']:,}")
    check(job, parts, session(job["path"]), "in a session: ")
    check(job, parts, loaded(job["path"]), "loaded: ")
    return ""


def stock(job: dict[str, Any], parts: Parts) -> str:
    """Keras calls a lone input of a model from another package what it likes."""
    run = loaded(job["path"], rename_one=True)
    check(job | {"names": None}, parts, run)
    return ""


def variables_bytes(folder: Path) -> int:
    """Bytes of the arrays in a SavedModel's checkpoint."""
    import tensorflow as tf

    reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
    arrays = [np.asarray(reader.get_tensor(key)) for key in reader.get_variable_to_shape_map()]
    return sum(array.nbytes for array in arrays if array.dtype.kind not in "OS")


def loaded(path: str, *, rename_one: bool = False) -> Callable[[dict], dict]:
    import tensorflow as tf

    module = tf.saved_model.load(path)
    call = module.signatures["serving_default"]

    names = list(call.structured_input_signature[1])

    def run(given: dict) -> dict:
        if rename_one and len(names) == len(given) == 1:
            given = {names[0]: next(iter(given.values()))}
        before = [(variable, variable.numpy()) for variable in call.variables]
        values = {name: value.numpy() for name, value in call(**tensors(given)).items()}
        for variable, value in before:  # states
            variable.assign(value)
        assert module is not None  # it holds the variables
        return values

    return run


def tensors(given: dict) -> dict:
    import tensorflow as tf

    return {name: tf.constant(value) for name, value in given.items()}


def session(path: str) -> Callable[[dict], dict]:
    import tensorflow as tf

    v1 = tf.compat.v1

    def run(given: dict) -> dict:
        with v1.Session(graph=tf.Graph()) as opened:
            signature = v1.saved_model.load(opened, ["serve"], path).signature_def
            signature = signature["serving_default"]
            feeds = {signature.inputs[name].name: value for name, value in given.items()}
            fetches = {name: tensor.name for name, tensor in signature.outputs.items()}
            return opened.run(fetches, feeds)

    return run


def litert(job: dict[str, Any], parts: Parts) -> str:
    from ai_edge_litert.interpreter import Interpreter

    from wszoo.exporting.stored import inspect_file

    interpreter = Interpreter(job["path"], num_threads=1)
    batch = fixed_batch(interpreter)
    runner = interpreter.get_signature_runner()
    size, unique = inspect_file(job["path"]).stored_bytes, job["bytes"]
    error = check(job, parts, lambda given: in_batches(runner, given, batch))
    if size > 1.05 * unique + MORE:
        raise Wrong(f"stores {size:,} bytes of constants; the model has {unique:,}")
    said = f"{size / max(unique, 1):.2f} × the weights' bytes, error {error:.1g}"
    return said + (f", batch {batch}" if batch else "")


def fixed_batch(interpreter: Any) -> int:
    """The batch dimension of a file's inputs, 0 where it is free."""
    sizes = [details["shape_signature"] for details in interpreter.get_input_details()]
    return max((int(size[0]) for size in sizes if len(size) and size[0] > 0), default=0)


def in_batches(runner: Any, given: dict, batch: int) -> dict[str, np.ndarray]:
    """Runs a `.tflite` file, in parts of its own batch where that is fixed."""
    size = len(next(iter(given.values())))
    starts = range(0, size, batch or size)
    rows = [{k: v[i : i + (batch or size)] for k, v in given.items()} for i in starts]
    made = [{k: np.array(v) for k, v in runner(**part).items()} for part in rows]
    if len(made) == 1:
        return made[0]
    return {name: np.concatenate([part[name] for part in made]) for name in made[0]}


def onnx(job: dict[str, Any], parts: Parts) -> str:
    import onnxruntime

    run = onnxruntime.InferenceSession(job["path"], providers=["CPUExecutionProvider"])
    names = [output.name for output in run.get_outputs()]
    error = check(job, parts, lambda given: dict(zip(names, run.run(None, given), strict=True)))
    return f"error {error:.1g}"


LOADERS = {"save": keras_file, "SavedModel": saved_model, "stock": stock, "ONNX": onnx}


def outcome(job: dict[str, Any], parts: Parts) -> tuple[str, str]:
    try:
        return "works", LOADERS.get(job["step"], litert)(job, parts)
    except Wrong as why:
        return "wrong", str(why)
    except Exception as error:
        said = " ".join(str(error).split())[:300]
        return "wrong", f"in a fresh process: {type(error).__name__}: {said}"


def jobs(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Jobs that are not done, those of Keras last: they import what the others must not know."""
    paths = [p for p in sorted(folder.glob("*/*.job")) if not p.with_suffix(".done").exists()]
    found = [(path, json.loads(path.read_text())) for path in paths]
    return sorted(found, key=lambda item: item[1]["step"] == "save")


def classes_of(graph: str) -> None:
    """Imports the package whose classes a graph is made of."""
    package = {"hub": "keras_hub", "kimm": "kimm"}.get(graph.partition(".")[0])
    importlib.import_module(package or "benchmarks.foreign.structures")


def main(limit: int, folder: Path) -> None:
    warnings.simplefilter("ignore")
    for path, job in jobs(folder):
        (folder / "at").write_text(str(path.with_suffix(".done")))
        faulthandler.dump_traceback_later(limit, exit=True)
        if job["step"] == "save":
            classes_of(job["graph"])
        what, said = outcome(job, parts_of(path.parent, job["step"]))
        done = [what, said.replace(str(path.parent), "…")]
        path.with_suffix(".done").write_text(json.dumps(done))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main(int(sys.argv[1]), Path(sys.argv[2]))
