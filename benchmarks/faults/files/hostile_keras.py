"""Hostile files of Keras: configs, notes beside them, archives, weights."""

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.faults.files import samples
from benchmarks.faults.files.hostile_parts import BOMB, CODE, GIANT, NO_JSON, Case


def changed(sound: Path, path: Path, **members: Any) -> Path:
    """A copy of a zip with other members: bytes, a function of the JSON there, or None for gone."""
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in dict.fromkeys([*old.namelist(), *members]):
            data = old.read(name) if name in old.namelist() else b""
            change = members.get(name, data)
            if callable(change):
                value = json.loads(data)
                change(value)
                change = json.dumps(value).encode()
            if change is not None:
                new.writestr(name, change)
    return path


def sound_keras(folder: Path) -> Path:
    samples.keras_file(folder)
    return folder / "model.keras"


def keras_configs(folder: Path, canary: Path) -> Iterator[Case]:
    """Configs that name what is to be run or read, or layers larger than memory."""
    import keras

    sound, code = sound_keras(folder), CODE.format(str(canary))
    ends = keras.Input((3,))
    evil = keras.layers.Lambda(eval(f"lambda x: ({code}, x)[1]"))
    keras.Model(ends, evil(ends)).save(folder / "lambda.keras")
    canary.unlink(missing_ok=True)  # it ran where it was written
    yield "a Lambda with code", ".keras", folder / "lambda.keras"

    def layer(value: dict) -> dict:
        return next(v for v in value["config"]["layers"] if v["class_name"] == "Conv2D")

    def named(module: str, name: str, config: Any) -> Any:
        new = {"module": module, "class_name": name, "config": config, "registered_name": name}
        return lambda value: layer(value).update(new)

    def activation(name: str, module: str = "builtins") -> Any:
        function = {"module": module, "class_name": "function", "config": name,
                    "registered_name": name}  # fmt: skip
        return lambda value: layer(value)["config"].update(activation=function)

    def giant(value: dict) -> None:
        layer(value)["config"]["filters"] = GIANT * GIANT

    def large(value: dict) -> None:
        layer(value)["config"]["filters"] = GIANT

    url = {"origin": canary.as_uri(), "fname": "fetched"}
    lookup = {"vocabulary": "/etc/passwd", "name": "words"}
    configs = {
        "a class of os": named("os", "system", {"command": f"touch {canary}"}),
        "a class of subprocess": named("subprocess", "Popen", {"args": ["touch", str(canary)]}),
        "exec as activation": activation("exec"),
        "os.system as activation": activation("system", "os"),
        "get_file as a layer": named("keras.utils", "get_file", url),
        "a pickled torch module": named(
            "keras.layers", "TorchModuleWrapper", {"module": {"class_name": "__bytes__", "config": {
                "value": "gASVIQAAAAAAAACMBXBvc2l4lIwGc3lzdGVtlJOUjAR0cnVllIWUUpQu"}}}),
        "a vocabulary from a path": named("keras.layers", "StringLookup", lookup),
        "a weight of 10^12 columns": giant,
        "a weight of 10^6 columns": large,
        "an activation of no name": activation("no_such_thing"),
        "a layer that is a number": lambda value: value["config"].update(layers=[5]),
        "no layers": lambda value: value["config"].pop("layers"),
        "inbound nodes of nonsense": lambda value: layer(value).update(inbound_nodes=[[1, 2]]),
        "a compile config of nonsense": lambda value: value.update(compile_config={"loss": 5}),
        "an optimizer of os": lambda value: value.update(compile_config={"optimizer": {
            "module": "os", "class_name": "system", "config": {"command": f"touch {canary}"}}}),
    }  # fmt: skip
    for number, (what, change) in enumerate(configs.items()):
        path = changed(sound, folder / f"config_{number}.keras", **{"config.json": change})
        yield what, ".keras", path
    for number, (what, data) in enumerate(NO_JSON.items()):
        path = changed(sound, folder / f"text_{number}.keras", **{"config.json": data})
        yield f"config.json is {what}", ".keras", path


def keras_notes(folder: Path, canary: Path) -> Iterator[Case]:
    """`wszoo.json` with other types than wszoo writes."""
    sound = sound_keras(folder)
    notes: dict[str, Any] = {
        "sites are a number": {"sites": 5}, "sites are lists": {"sites": [[1], [2]]},
        "the pattern is a list": {"pattern": [1]}, "declared is null": {"declared": None},
        "facts are a list": {"about": [1]}, "a fact named model": {"about": {"model": 1}},
        "flags are a text": {"trainable": "no"}, "flags of other digits": {
            "trainable": {"layers": "9", "variables": "9"}},
        "optimized by places that are not there": {"optimized": [99]},
        "optimized by a text": {"optimized": "all"},
        "a pattern of another length": {"pattern": "A" * 1000},
    }  # fmt: skip
    for number, (what, new) in enumerate(notes.items()):
        path = changed(
            sound, folder / f"note_{number}.keras", **{"wszoo.json": lambda v, n=new: v.update(n)}
        )
        yield what, ".keras", path
    for number, (what, data) in enumerate(NO_JSON.items()):
        path = changed(sound, folder / f"text_{number}.keras", **{"wszoo.json": data})
        yield f"wszoo.json is {what}", ".keras", path


def keras_archives(folder: Path, canary: Path) -> Iterator[Case]:
    """Archives that are larger inside, or whose weights are not there."""
    sound = sound_keras(folder)
    for name in ("model.weights.h5", "config.json", "wszoo.json", "assets/words.txt"):
        path = folder / f"bomb_{Path(name).suffix[1:]}_{name[0]}.keras"
        changed(sound, path, **{name: None})
        with (
            zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
            archive.open(name, "w", force_zip64=True) as member,
        ):
            for _ in range(BOMB // 2**20):
                member.write(bytes(2**20))
        yield f"{name} of a GB of zeros", ".keras", path
    for number, (what, write) in enumerate(bad_hdf5(canary).items()):
        file = folder / f"{number}.h5"
        write(file)
        path = folder / f"weights_{number}.keras"
        changed(sound, path, **{"model.weights.h5": file.read_bytes()})
        yield f"{what} in a .keras", ".keras", path
    twice = folder / "twice.keras"
    shutil.copy(sound, twice)
    with zipfile.ZipFile(twice, "a") as archive:
        archive.writestr("config.json", "{}")
    yield "a member twice", ".keras", twice


def bad_hdf5(canary: Path) -> dict[str, Any]:
    """What it is → the function that writes it to a path."""
    import h5py

    def writer(fill: Any) -> Any:
        def write(path: Path) -> None:
            with h5py.File(path, "w") as file:
                fill(file)

        return write

    def doubling(file: Any) -> None:
        group = file
        for _ in range(60):
            inner = group.create_group("a")
            group["b"] = inner
            group = inner

    def virtual(file: Any) -> None:
        layout = h5py.VirtualLayout((10,), "f4")
        layout[:] = h5py.VirtualSource("/etc/other.h5", "x", (10,))
        file.create_virtual_dataset("x", layout)

    text = h5py.string_dtype()
    return {
        "an external link": writer(lambda f: f.update(x=h5py.ExternalLink("/etc/passwd", "/x"))),
        "a soft link": writer(lambda f: f.update(x=h5py.SoftLink("/y"))),
        "10^12 floats without contents": writer(lambda f: f.create_dataset("x", (GIANT, GIANT))),
        "10^12 floats in chunks": writer(
            lambda f: f.create_dataset("x", (GIANT, GIANT), chunks=(10, 10), compression="gzip")
        ),
        "zeros of a GB, packed": writer(
            lambda f: f.create_dataset("x", (BOMB,), "u1", chunks=(2**24,), compression="gzip")
        ),
        "contents in another file": writer(
            lambda f: f.create_dataset("x", (9,), "u1", external=[("/etc/hostname", 0, 9)])
        ),
        "a virtual data set": writer(virtual),
        "a group that holds itself": writer(lambda f: f.update({"a/b": f["/"]})),
        "groups that double 60 times": writer(doubling),
        "texts of any length": writer(lambda f: f.create_dataset("x", data=["a"], dtype=text)),
        "nothing": writer(lambda f: None),
    }


def hdf5(folder: Path, canary: Path) -> Iterator[Case]:
    """Bare weight files, and one whose card has its checksum."""
    for number, (what, write) in enumerate(bad_hdf5(canary).items()):
        path = folder / f"{number}.weights.h5"
        write(path)
        yield f"{what} in a .weights.h5", ".weights.h5, bare", path
