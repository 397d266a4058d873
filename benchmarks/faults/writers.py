"""Two processes with four threads each on one path, and pairs of processes in one run folder.

Fifty rounds each of export, save, weights, cache, pretrain and search. After each round everything
that stands must be readable and be what one of the writers wrote; no version of an export may be
lost; and of two runs in one folder the second must be refused in a sentence, or come after the
first.
"""

import shutil
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np

from benchmarks.faults import card as sound_card
from benchmarks.faults import result
from benchmarks.faults.lines.commands import CONTEXT, ready

PROCESSES, THREADS = 2, 4
ROUNDS = 50
LOCK = RLock()  # Keras and TensorFlow build a model at a time
PATIENCE = 300.0  # seconds for a round


def run(folder: Path, *, seed: int, short: bool) -> dict:
    """Has them all write at once, round by round."""
    ready()
    rows = []
    for what in ("save", "cache") if short else WRITERS:
        rows.append(rounds(what, folder / what, 3 if short else ROUNDS))
        print(rows[-1], file=sys.stderr, flush=True)
    counts = {way: sum(row[way] for row in rows) for way in ("lost", "crashed", "vague")}
    return result(sum(row["tried"] for row in rows), rows, **counts)


def rounds(what: str, folder: Path, count: int) -> dict[str, Any]:
    """A row of the table: how many rounds of one kind of writing went wrong."""
    folder.mkdir(parents=True)
    started, start = time.perf_counter(), CONTEXT.Barrier(PROCESSES, timeout=PATIENCE)
    done: Any = CONTEXT.SimpleQueue()
    crew = [
        CONTEXT.Process(target=work, args=(what, str(folder), count, number, start, done))
        for number in range(PROCESSES)
    ]
    for process in crew:
        process.start()
    for process in crew:
        process.join()
    row: dict[str, Any] = {"what": what, "tried": count, "lost": 0, "crashed": 0, "vague": 0}
    row |= {"refused": 0, "failures": []}
    while not done.empty():
        way, said = done.get()
        row[way] += 1
        if way != "refused":
            row["failures"].append(said)
    row["crashed"] += sum(process.exitcode != 0 for process in crew)
    return row | {"seconds": round(time.perf_counter() - started, 1)}


def work(what: str, folder: str, count: int, number: int, start: Any, done: Any) -> None:
    """One of the processes: writes in every round, and the first one looks at what came of it."""
    write, look, threads = WRITERS[what]
    own: dict[str, Any] = {}
    for turn in range(count):
        place = Path(folder) / str(turn)
        place.mkdir(exist_ok=True)
        names = [number * THREADS + thread for thread in range(threads)]
        start.wait()
        with ThreadPoolExecutor(threads) as pool:
            for said in pool.map(partial(tried, write, place, own), names):
                if said:
                    done.put(said)
        start.wait()
        if number == 0:
            said = tried(look, place, own, PROCESSES * threads)
            if said:
                done.put(("lost", f"round {turn}: {said[1]}"))
            shutil.rmtree(place)
        start.wait()


def tried(function: Callable[..., None], *arguments: Any) -> tuple[str, str] | None:
    """How a call failed, if it did: refused in a sentence, or otherwise."""
    try:
        function(*arguments)
    except ValueError as error:
        refused = "is under way in" in str(error)
        return ("refused", "") if refused else ("vague", traceback.format_exc()[-1500:])
    except BaseException:
        return "vague", traceback.format_exc()[-1500:]
    return None


def model_of(value: float, own: dict[str, Any], key: Any) -> Any:
    """A small tied model of a writer's own, with this number in all its weights."""
    import keras

    import wszoo

    if key not in own:
        with LOCK:
            own[key] = wszoo.get("tied_ae", input_shape=(8,), widths=(8, 4))
    keras.tree.map_structure(lambda v: v.assign(np.full(v.shape, value)), own[key].weights)
    return own[key]


def save(place: Path, own: dict[str, Any], name: int) -> None:
    import wszoo

    wszoo.save(model_of(name, own, name), place / "m.keras")


def saved(place: Path, own: dict[str, Any], count: int) -> None:
    import wszoo

    check_one_of(wszoo.load(place / "m.keras").get_weights(), count)
    check_alone(place, {"m.keras"})


def weights(place: Path, own: dict[str, Any], name: int) -> None:
    from wszoo import weights

    card = sound_card(nth=name)
    weights.write(place / "m.t", model_of(name, own, name), card)


def weights_written(place: Path, own: dict[str, Any], count: int) -> None:
    from wszoo import weights

    model, card = model_of(-1, own, 0), weights.find("m", str(place / "m.t")).card
    weights.load_into(model, place / "m.t" / weights.FILE, card["sha256"])
    check_one_of(model.get_weights(), count)
    assert card["nth"] == model.get_weights()[0].flat[0], card
    check_alone(place, {"m.t"})


def export(place: Path, own: dict[str, Any], name: int) -> None:
    import wszoo

    with LOCK:  # threads take turns in tracing, processes do not
        formats = ("saved_model", "litert") if name % THREADS == 0 else ("saved_model",)
        wszoo.export(model_of(name, own, 0), place, formats)


def exported(place: Path, own: dict[str, Any], count: int) -> None:
    import tensorflow as tf

    from wszoo.exporting import parity

    (folder,) = (path for path in place.iterdir() if path.is_dir())
    versions = {path.name for path in folder.iterdir()}
    assert versions == {str(i + 1) for i in range(count)}, versions
    versions = set()
    for path in folder.iterdir():
        values = tf.train.load_checkpoint(str(path / "variables" / "variables"))
        arrays = [values.get_tensor(n) for n in values.get_variable_to_shape_map()]
        versions |= {float(a.flat[0]) for a in arrays if getattr(a, "dtype", None) == np.float32}
    assert len(versions) == count, f"{count} exports, versions of {versions}"
    (tflite,) = place.glob("*.tflite")
    parity.run(tflite.read_bytes(), {"input": np.zeros((1, 8), "float32")})
    check_alone(place, {folder.name, tflite.name})


def cache(place: Path, own: dict[str, Any], name: int) -> None:
    from wszoo.transferring.features import cache

    if "x" not in own:
        own["x"] = np.random.default_rng(0).random((64, 8)).astype("float32")
    with LOCK:
        model = model_of(1, own, 0)
    own[name, "found"] = cache.features(model, own["x"], folder=place)


def cached(place: Path, own: dict[str, Any], count: int) -> None:
    from wszoo.transferring.features import files as cache_files

    (path,) = place.iterdir()
    wanted = np.asarray(own[0](own["x"]))
    for rows in (cache_files.read(path), *(v for k, v in own.items() if isinstance(k, tuple))):
        np.testing.assert_allclose(rows, wanted, rtol=1e-6)


def pretrain(place: Path, own: dict[str, Any], name: int) -> None:
    import keras

    from wszoo import claims, training, weights
    from wszoo.files import remove_whole
    from wszoo.locks import only_one

    with only_one(place / "runs", "a pretraining of m.t"):  # as recipes/pretrain.py does
        claims.claim(place / "runs" / "seed_0", {"seed": 0})
        model, x = model_of(0, own, 0), np.ones((16, 8), "float32")
        if "compiled" not in own:
            model.compile("sgd", "mse")
            own["compiled"] = True
        model.optimizer.iterations.assign(0)
        data = training.EpochData(lambda epoch: (x, x), 8, 16, 3)
        keep = training.Resume(place / "runs" / "seed_0", delete_checkpoint=False)
        model.fit(data, epochs=3, shuffle=False, verbose=0, callbacks=[*data.callbacks, keep])
        card = sound_card(nth=name)
        weights.write(place / "m.t", keras.Model(model.input, model.output), card)
        remove_whole(place / "runs")


def pretrained(place: Path, own: dict[str, Any], count: int) -> None:
    from wszoo import weights

    card = weights.find("m", str(place / "m.t")).card
    assert weights.file_sha256(place / "m.t" / weights.FILE) == card["sha256"]
    check_alone(place, {"m.t"})


def search(place: Path, own: dict[str, Any], name: int) -> None:
    from wszoo.tuner import search

    if "data" not in own:
        import keras

        keras.utils.set_random_seed(0)
        rng = np.random.default_rng(0)
        own["data"] = rng.random((32, 8)).astype("float32"), rng.integers(0, 2, 32)
        inputs = x = keras.Input((8,))
        for i in range(2):
            x = keras.layers.Dense(8, name=f"d{i}")(x)
        own["net"] = keras.Model(inputs, keras.layers.Dense(2, name="head")(x), name="net")
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        own["net"].compile("sgd", loss, metrics=["accuracy"])
        own["start"] = own["net"].get_weights()
    own["net"].set_weights(own["start"])
    front = search(
        own["net"], own["data"], own["data"], place / "s", plans=2, epochs=1, seeds=1,
        finalists=2, parent=None,
    )  # fmt: skip
    assert front.complete and len(front.points) == 2, front


def searched(place: Path, own: dict[str, Any], count: int) -> None:
    """The same search again finds all of it done, and the figures of the first."""
    search(place, own, 0)
    check_alone(place, {"s"})


def check_one_of(values: list[np.ndarray], count: int) -> None:
    """All weights are those of one writer."""
    versions = {float(number) for array in values for number in np.unique(array)}
    assert len(versions) == 1 and versions <= set(map(float, range(PROCESSES * THREADS))), versions


def check_alone(place: Path, wanted: set[str]) -> None:
    names = {path.name for path in place.iterdir()}
    assert names == wanted, f"{names - wanted} left, {wanted - names} missing"


WRITERS: dict[str, tuple[Callable[..., None], Callable[..., None], int]] = {
    "save": (save, saved, THREADS),
    "weights": (weights, weights_written, THREADS),
    "cache": (cache, cached, THREADS),
    "export": (export, exported, THREADS),
    "pretrain": (pretrain, pretrained, 1),
    "search": (search, searched, 1),
}
