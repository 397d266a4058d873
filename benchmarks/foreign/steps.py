"""What is done with a graph that is not ours: a function a step, which returns or raises a cell.

A step that needs another process leaves a job, a file that fresh.py does, and its cell is `pending`
until then. __main__.py runs this file, with the seconds that a step may take, a folder and names of
graphs:

    python -m benchmarks.foreign.steps 300 FOLDER GRAPH…
"""

import contextlib
import faulthandler
import json
import re
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

import wszoo
from benchmarks.foreign import families as foreign_families
from benchmarks.foreign import graphs as foreign_graphs
from benchmarks.foreign.case import (
    Case,
    Nothing,
    Wrong,
    alike,
    likeness,
    moved,
    outputs,
    same,
    some_frozen,
)
from benchmarks.foreign.exports import (
    litert8,
    litert16,
    litert32,
    onnx,
    save,
    saved_model,
    stock,
)
from benchmarks.foreign.names import SAVED
from wszoo.sharing import graph as sharing_graph

EXAMPLES = 12  # of a transfer run
MANY_SITES = 60  # above which `suggest` goes by weights alone, for time
MOST_SITES = 6  # that `suggest` compares: its work grows with their third power


def sites(case: Case) -> str:
    names = wszoo.sites(case.model)
    if len(set(names)) != len(names):
        raise Wrong("two sites have one name")
    layers = [sharing_graph.layer_at(case.model, name) for name in names]
    covered = {id(weight) for layer in layers for weight in layer.weights}
    if covered - {id(weight) for weight in case.model.weights}:
        raise Wrong("its sites have weights that are none of the model's")
    left = [weight for weight in case.model.weights if id(weight) not in covered]
    with moved(left):
        same(case.model, case.values, case.inputs, f"{len(left)} weights that no site has, moved")
    return f"{len(names)} sites"


def audit(case: Case) -> str:
    sharing = wszoo.audit(case.model)
    unique = {id(weight): weight for weight in case.model.weights}
    if sharing.stored_parameters != sum(prod(weight.shape) for weight in unique.values()):
        raise Wrong(f"says {sharing.stored_parameters} stored parameters")
    saved = sharing.unrolled_parameters - sharing.stored_parameters
    if case.name in SAVED and saved != SAVED[case.name]:
        raise Wrong(f"says that sharing saves {saved}; it saves {SAVED[case.name]}")
    untied = sharing.unrolled_parameters
    with contextlib.suppress(Exception):  # what cannot be untied is another step's matter
        untied = case.twin.count_params() + sharing.unused_parameters
    if sharing.unrolled_parameters != untied:
        raise Wrong(f"says {sharing.unrolled_parameters} unrolled, its twin has {untied}")
    return f"{sharing.stored_parameters:,} stored, {sharing.unrolled_parameters:,} unrolled"


def twin(case: Case) -> str:
    same(case.twin, case.values, case.inputs, "untied twin")
    if any(len(group) > 1 for group in wszoo.plan_of(case.twin).groups.values()):
        raise Wrong("sites of the twin share")
    holders: dict[int, Any] = {}
    for layer in sharing_graph.layers_of(case.twin).values():
        for weight in layer.weights:
            if holders.setdefault(id(weight), layer) is not layer:
                raise Wrong(f"two layers of the twin hold {weight.path!r}")
    return ""


def used_weights(model: Any) -> int:
    """The number of weights at sites: a model may hold others, on which no output depends."""
    layers = sharing_graph.layers_of(model).values()
    return len({id(weight) for layer in layers for weight in layer.weights})


def flags_at_sites(model: Any) -> list[list[bool]]:
    """Of each site's weights: paths and their order are others in a graph without nested models."""
    layers = sharing_graph.layers_of(model).values()
    return [[weight.trainable for weight in layer.weights] for layer in layers]


def identity(case: Case) -> str:
    plan = wszoo.plan_of(case.model)
    back = wszoo.retie(case.twin, plan)
    same(back, case.values, case.inputs, "untied and tied again")
    if used_weights(back) != used_weights(case.model) or wszoo.plan_of(back) != plan:
        raise Wrong("tied again, it has other sizes or another plan")
    with some_frozen(case.model):
        copy = wszoo.retie(case.model, plan)
        if flags_at_sites(copy) != flags_at_sites(case.model):
            raise Wrong("trainable flags of a copy differ")
    return ""


def tie(case: Case) -> str:
    """Ties two sites; beside it the model itself, into which the values are copied by hand."""
    first, second = alike(case.model)
    layers = [sharing_graph.layer_at(case.model, site) for site in (first, second)]
    before = [[np.asarray(w.value) for w in layer.weights] for layer in layers]
    floats = all(keras.backend.is_float_dtype(w.dtype) for w in layers[0].weights)
    for how in ("owner", "mean") if floats else ("owner",):
        tied = wszoo.retie(case.model, wszoo.SharingPlan.tied((first, second)), weights=how)
        if used_weights(tied) != used_weights(case.model) - len(layers[0].weights):
            raise Wrong(f"tied, it has {used_weights(tied)} weights")
        same(case.model, case.values, case.inputs, "the model that was given")
        for columns in zip(*(layer.weights for layer in layers), *before, strict=True):
            values = columns[2:]
            value = values[0] if how == "owner" else np.mean(np.asarray(values, "float64"), axis=0)
            for weight in columns[:2]:
                weight.assign(value)
        wanted = outputs(case.model, case.inputs)
        for layer, values in zip(layers, before, strict=True):
            for weight, value in zip(layer.weights, values, strict=True):
                weight.assign(value)
        same(tied, wanted, case.inputs, f"{first} and {second} tied, {how}")
    return f"{first} + {second}"


def suggest(case: Case) -> str:
    plan = wszoo.plan_of(case.model)
    kinds: dict[str, list[str]] = {}
    for site in plan.sites:
        kinds.setdefault(likeness(sharing_graph.layer_at(case.model, site)), []).append(site)
    alike_sites = max(kinds.values(), key=len)[:MOST_SITES]
    if len(alike_sites) < 2:
        raise Nothing("no two sites are alike")
    check_last(case, wszoo.suggest(case.model, sites=alike_sites))
    if len(case.inputs) > 1 or len(case.values) > 1 or len(plan) > MANY_SITES:
        return f"{len(alike_sites)} sites, by weights"
    x = next(iter(case.inputs.values()))
    y = np.random.default_rng(0).random(case.values[0].shape).astype("float32")
    for method in ("fisher", "loss"):
        merges = wszoo.suggest(case.model, x, y, loss="mse", method=method, sites=alike_sites)
        check_last(case, merges)
    return f"{len(alike_sites)} sites, by weights, fisher and loss"


def check_last(case: Case, merges: Any) -> None:
    """The most tied plan has the size that is said, and prices are numbers."""
    last = merges.steps[-1]
    if not all(np.isfinite(step.price) for step in merges.steps):
        raise Wrong(f"{merges.method}: a price is not a number")
    tied = wszoo.retie(case.twin, last.plan)
    if tied.count_params() != last.stored_parameters:
        raise Wrong(f"{merges.method}: says {last.stored_parameters}, has {tied.count_params()}")


def transfer(case: Case) -> str:
    x = next(iter(case.inputs.values()))
    if case.name != "augmenting" and x.dtype.kind == "f" and x.ndim == 4:
        x = x / max(1, x.max())
    rows = np.resize(np.arange(len(x)), EXAMPLES)
    x = x[rows]
    if x.dtype.kind == "f":
        x = (x * np.random.default_rng(0).uniform(0.5, 1, (EXAMPLES, *[1] * (x.ndim - 1)))).astype(
            x.dtype
        )
    y = np.arange(EXAMPLES) % 3
    data = {"train": (x, y), "validation": (x[:6], y[:6]), "test": (x[6:], y[6:])}
    result = wszoo.transfer(
        case.model, "classification", data, epochs=1, batch_size=4, verbose=0, weights=None
    )
    same(case.model, case.values, case.inputs, "the model that was given")
    losses = [row.get("val_loss", np.nan) for row in result.history]
    if not losses or not np.isfinite(losses).all():
        raise Wrong(f"validation losses {losses}")
    if result.model(ops.convert_to_tensor(x[:2])).shape != (2, 3):
        raise Wrong("the model does not give three classes")
    kept = {np.asarray(w.value).tobytes() for w in result.model.weights}
    lost = [w.path for w in case.model.weights if np.asarray(w.value).tobytes() not in kept]
    if lost:
        raise Wrong(f"{len(lost)} weights of the frozen backbone are not in the result: {lost[0]}")
    return ""


STEPS: dict[str, Callable[[Case], str | None]] = {
    "sites": sites,
    "audit": audit,
    "twin": twin,
    "identity": identity,
    "tie": tie,
    "save": save,
    "SavedModel": saved_model,
    "stock": stock,
    "LiteRT float32": litert32,
    "LiteRT float16": litert16,
    "LiteRT dynamic int8": litert8,
    "ONNX": onnx,
    "suggest": suggest,
    "transfer": transfer,
}


def cell(do: Callable[[], str | None]) -> tuple[str, str]:
    """`(outcome, what was said)`: works, refused, wrong, none or pending."""
    try:
        said = do()
    except Nothing as why:
        return "none", str(why)
    except Wrong as why:
        return "wrong", str(why)
    except Exception as error:
        return failed(error)
    return ("pending", "") if said is None else ("works", said)


def failed(error: Exception) -> tuple[str, str]:
    """A refusal is a sentence of wszoo's own; what another library raises is a fault."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    ours = Path(last.filename).is_relative_to(Path(wszoo.__file__).parent)
    said = re.sub(rf"{tempfile.gettempdir()}/[^' ]*", "…", " ".join(str(error).split()))
    if ours and "raise " in (last.line or "") and isinstance(error, ValueError | ImportError):
        return "refused", said
    return "wrong", f"deep error: {type(error).__name__}: {said[:300]}"


def find(name: str) -> tuple[Any, dict[str, np.ndarray]]:
    """The graph of that name, of any collection."""
    return (foreign_families if "." in name else foreign_graphs).make(name)


def main(limit: int, folder: Path, names: list[str]) -> None:
    """Does the steps that `folder/NAME/cells.json` lacks; writes each cell as it comes.

    A step of more than `limit` seconds ends the process.
    """
    warnings.simplefilter("ignore")
    for name in names:
        place = folder / name
        place.mkdir(exist_ok=True)
        path = place / "cells.json"
        row = json.loads(path.read_text()) if path.exists() else {"cells": {}, "seconds": 0.0}
        if not set(STEPS) <= set(row["cells"]):
            (folder / "now").write_text(name)
            one(row, name, place, path, limit)


def one(row: dict[str, Any], name: str, place: Path, path: Path, limit: int) -> None:
    start = time.process_time() - row["seconds"]

    def keep(at: str | None) -> None:
        row["at"], row["seconds"] = at, round(time.process_time() - start, 1)
        row["megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        path.write_text(json.dumps(row))
        faulthandler.dump_traceback_later(limit, exit=True)

    keep("building")
    case = Case(name, *find(name), place)
    row["parameters"] = int(case.model.count_params())
    for step, do in STEPS.items():
        if step not in row["cells"]:
            keep(step)
            outcome, said = cell(lambda do=do: do(case))
            row["cells"][step] = [outcome, said.replace(str(place), "…")]
    keep(None)
    faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])
