"""Everything that wszoo writes, on a disk that is full before the end.

A tmpfs of a few MB where one may be mounted (h5py dies there by a segmentation fault), and
`RLIMIT_FSIZE`, which also stops a file in its middle. Each writer writes once with room enough and
once with some room, drawn from a seed, that is mostly too little. It must then end well or in an
error of the disk, and what stood before must be there and whole.
"""

import contextlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults import card, result
from benchmarks.faults.lines.commands import begin, ready

SIZE = 24_000_000  # bytes of the tmpfs
PATIENCE = 120.0  # seconds for a writer
SAID = ("No space left", "File too large", "are free")  # one of them names the disk
REFUSED = 3  # exit code of a writer that ended in an error of the disk


def run(folder: Path, *, seed: int, short: bool) -> dict:
    """Has each writer run out of disk, and says how it took it."""
    ready()
    rng, rows = np.random.default_rng(seed), []
    for what in ("weights", "save") if short else WRITERS:
        for how in HOWS:
            rows.append(often(what, how, folder, 2 if short else 6, rng))
            print(rows[-1], file=sys.stderr, flush=True)
    counts = {way: sum(row[way] for row in rows) for way in ("lost", "crashed", "vague")}
    return result(sum(row["tried"] for row in rows), rows, **counts)


def often(what: str, how: str, folder: Path, times: int, rng: Any) -> dict[str, Any]:
    """A row of the table: a writer on one kind of full disk."""
    row: dict[str, Any] = {"what": what, "disk": how, "tried": 0, "refused": 0}
    row |= {"lost": 0, "crashed": 0, "vague": 0, "failures": []}
    for number in range(times):
        place = folder / f"{what}_{how}_{number}"
        place.mkdir(parents=True)
        with HOWS[how](place) as there:
            if not there:
                row["disk"] += " (cannot be mounted here)"
                return row
            (place / "out").mkdir()
            ended(write, what, place, 1)
            size = sum(f.stat().st_size for f in place.rglob("*") if f.is_file())
            room = int(size * rng.uniform(0, 0.9)) // 4096 * 4096
            if how == "tmpfs":
                fill(place, room)
                code = ended(write, what, place, 2)
            else:  # what is said in a file must fit
                code = ended(write, what, place, 2, max(room, 2**16))
            (place / "filler").unlink(missing_ok=True)
            judge(row, what, place, code, room)
        shutil.rmtree(place, ignore_errors=True)
    return row


def judge(row: dict[str, Any], what: str, place: Path, code: int | str, room: int) -> None:
    said = last_words(place)
    row["tried"] += 1
    row["refused"] += code == REFUSED
    row["crashed"] += not isinstance(code, int) or code < 0 or code == 139
    row["vague"] += code == 1
    whole = ended(look, what, place)
    left = [path.name for path in (place / "out").rglob(".wszoo-part-*")]
    row["lost"] += whole != 0 or bool(left)
    if code not in (0, REFUSED) or whole != 0 or left:
        then = f"then {whole} {last_words(place)!r} {left}"
        row["failures"].append(f"room {room}: code {code}, {said!r}; {then}")


def last_words(place: Path) -> str:
    return Path(f"{place}.log").read_text()[-600:]


def ended(function: Callable[..., None], what: str, place: Path, *arguments: int) -> int | str:
    """The exit code of `write` or `look` in a process of its own."""
    process = begin(call, function, what, str(place), *arguments)
    process.join(PATIENCE)
    code = process.exitcode if process.exitcode is not None else "none: it hangs"
    process.kill()
    process.join()
    return code


def call(function: Callable[..., None], what: str, place: str, *arguments: int) -> None:
    """Writes or looks, with what is said in a file on another disk."""
    log = os.open(f"{place}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.environ["TMPDIR"] = f"{place}.tmp"
    Path(f"{place}.tmp").mkdir(exist_ok=True)
    function(what, Path(place) / "out", *arguments)


def write(what: str, out: Path, value: int, limit: int | None = None) -> None:
    """Writes a model of this value; ends with `REFUSED` after an error that names the disk."""
    import tensorflow as tf

    make = WRITERS[what][0]
    prepared = make(value)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        prepared(out)
    except (OSError, tf.errors.OpError, ValueError) as error:
        print(f"{type(error).__name__}: {error}")
        sys.exit(REFUSED if any(word in str(error) for word in SAID) else 1)


def look(what: str, out: Path) -> None:
    """Reads what stands, or goes on with the run that stands there."""
    WRITERS[what][1](out)


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[bool]:
    """A tmpfs at a folder; says whether there is one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path, room: int) -> None:
    """A file that leaves so many bytes of the disk."""
    free = shutil.disk_usage(place).free
    with (place / "filler").open("wb") as file:
        file.write(b"\0" * max(0, free - room))


HOWS: dict[str, Callable[[Path], Any]] = {
    "tmpfs": small_disk,
    "RLIMIT_FSIZE": lambda place: contextlib.nullcontext(True),
}


def model_of(value: float) -> Any:
    import wszoo

    model = wszoo.get("tied_ae", input_shape=(28, 28, 1), widths=(256, 64))
    model.compile("adam", "mse")
    for weight in model.weights:
        weight.assign(np.random.default_rng(int(value)).random(weight.shape))
    return model


def weights(value: float) -> Callable[[Path], Any]:
    from wszoo import weights

    model = model_of(value)
    return lambda out: weights.write(out / "m.t", model, card(nth=value))


def weights_are(out: Path) -> None:
    from wszoo import weights

    card = weights.find("m", str(out / "m.t")).card
    weights.load_into(model_of(0), out / "m.t" / weights.FILE, card["sha256"])


def save(value: float) -> Callable[[Path], Any]:
    import wszoo

    model = model_of(value)
    return lambda out: wszoo.save(model, out / "m.keras")


def saved(out: Path) -> None:
    import wszoo

    wszoo.load(out / "m.keras")


def backup(value: float) -> Callable[[Path], Any]:
    from wszoo import training

    model, x = model_of(value), np.ones((8, 28, 28, 1), "float32")
    data = training.EpochData(lambda epoch: (x, x), 8, 8, int(value))

    def fit(out: Path) -> None:
        keep = training.Resume(out / "run", delete_checkpoint=False)
        callbacks = [*data.callbacks, keep]
        model.fit(data, epochs=int(value), shuffle=False, verbose=0, callbacks=callbacks)

    return fit


def transfer(value: float) -> Callable[[Path], Any]:
    import wszoo

    rng = np.random.default_rng(0)
    data = rng.random((40, 28, 28, 1)).astype("float32"), np.arange(40) % 2
    net = model_of(0)

    def run(out: Path) -> None:
        wszoo.transfer(net, data=data, epochs=int(value), resume=out / f"run_{value}", verbose=0,
                       cache=out / "features")  # fmt: skip

    return run


def transfer_goes_on(out: Path) -> None:
    for value in (1, 2):
        if (out / f"run_{value}").exists():
            transfer(value)(out)


def export(value: float) -> Callable[[Path], Any]:
    import wszoo

    model = model_of(value)
    return lambda out: wszoo.export(model, out)


def exported(out: Path) -> None:
    import tensorflow as tf

    from wszoo.exporting import parity

    for folder in (out / "tied_ae").iterdir():
        tf.saved_model.load(str(folder))
    (file,) = out.glob("*.tflite")
    parity.run(file.read_bytes(), {"input": np.zeros((1, 28, 28, 1), "float32")})


def cache(value: float) -> Callable[[Path], Any]:
    from wszoo.transferring.features import cache

    model, x = model_of(value), np.ones((2000, 28, 28, 1), "float32") * value
    return lambda out: cache.features(model, x, folder=out)


def cached(out: Path) -> None:
    from wszoo.transferring.features import files as cache_files

    for file in out.glob("*.features"):
        cache_files.read(file)


def picture(value: float) -> Callable[[Path], Any]:
    from wszoo import pictures

    images = {"a": np.random.default_rng(int(value)).random((10, 28, 28, 1))}
    return lambda out: pictures.images(out / "p.png", images)


def drawn(out: Path) -> None:
    from PIL import Image

    Image.open(out / "p.png").load()


def search(value: float) -> Callable[[Path], Any]:
    import keras

    from wszoo.tuner import search

    keras.utils.set_random_seed(0)
    data = np.random.default_rng(0).random((32, 64)).astype("float32"), np.arange(32) % 2
    inputs = x = keras.Input((64,))
    for i in range(3):
        x = keras.layers.Dense(64, name=f"d{i}")(x)
    net = keras.Model(inputs, keras.layers.Dense(2, name="head")(x), name="net")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile("sgd", loss, metrics=["accuracy"])
    return lambda out: search(
        net, data, data, out / f"s{value}", plans=3, epochs=1, seeds=1, finalists=2, parent="train"
    )


def search_goes_on(out: Path) -> None:
    """No trial was given up for the disk's fault."""
    for value in (1, 2):
        front = search(value)(out)
        assert front.complete and not front.failed, front


WRITERS: dict[str, tuple[Callable[..., Any], Callable[[Path], None]]] = {
    "weights": (weights, weights_are),
    "save": (save, saved),
    "backup of pretraining": (backup, lambda out: backup(2)(out)),
    "transfer": (transfer, transfer_goes_on),
    "search": (search, search_goes_on),
    "export": (export, exported),
    "cache": (cache, cached),
    "picture": (picture, drawn),
}
