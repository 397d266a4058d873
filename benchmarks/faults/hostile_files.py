"""Files as somebody would make them who means harm: `files(folder)` writes them all.

Each would, if it were believed, run code (which would write the file `canary`), read or write
elsewhere, or take more memory than there is.
"""

import json
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults import samples

Case = tuple[str, str, Path]  # what it is, the kind of its reader, the path to read
GIANT = 10**6
CODE = "__import__('pathlib').Path({!r}).write_text('ran')"
BOMB = 2**30  # bytes of zeros


def files(folder: Path, *, short: bool = False) -> Iterator[Case]:
    """Makes the files one after the other; with `short`, those that cost next to nothing."""
    canary = folder / "canary"
    long = (keras_configs, keras_notes, keras_archives, hdf5, cards, media, models)
    for make in (plans, arrays, *(() if short else long)):
        place = folder / make.__name__
        place.mkdir()
        yield from make(place, canary)


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


NO_JSON: dict[str, bytes] = {
    "brackets 100,000 deep": b"[" * 100_000,
    "objects 100,000 deep": b'{"a":' * 100_000,
    "a list": b"[1, 2]",
    "null": b"null",
    "empty": b"",
    "no UTF-8": b'{"a": "\xff\xfe"}',
}


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


def arrays(folder: Path, canary: Path) -> Iterator[Case]:
    """`.npz` files: pickles, arrays that are not there, bombs."""

    class Evil:
        def __reduce__(self) -> Any:
            return eval, (CODE.format(str(canary)),)

    y = np.arange(10) % 2
    np.savez(folder / "pickle.npz", x=np.array([Evil()] * 10, object), y=y)
    yield "pickled objects", ".npz", folder / "pickle.npz"
    for name, shape in (("giant", (GIANT, GIANT)), ("negative", (-5, 4)), ("text", ("a", "b"))):
        path = folder / f"{name}.npz"
        np.savez(path, y=y)
        head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape!r}, }}\n".encode()
        with zipfile.ZipFile(path, "a") as archive:
            data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(40)
            archive.writestr("x.npy", data)
        yield f"an array of shape {shape}", ".npz", path
    path = folder / "code.npz"
    with zipfile.ZipFile(path, "w") as archive:
        head = f"{CODE.format(str(canary))}\n".encode()
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
    yield "code for a header", ".npz", path
    path = folder / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({BOMB},), }}\n".encode()
        with archive.open("x.npy", "w", force_zip64=True) as member:
            member.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head)
            for _ in range(BOMB // 2**20):
                member.write(bytes(2**20))
    yield "zeros of a GB, packed", ".npz", path


def plans(folder: Path, canary: Path) -> Iterator[Case]:
    """YAML: tags of Python, aliases that multiply, brackets without end."""
    laughs = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12))
    code = CODE.format(str(canary))
    texts = {
        "an object of Python": f"!!python/object/apply:eval [{json.dumps(code)}]",
        "a name of Python": "phases: !!python/name:os.system ''",
        "aliases that multiply": f"a0: &a0 [x, y]\n{laughs}\nphases: *a11\n",
        "aliases in a phase": f"a0: &a0 [x, y]\n{laughs}\nphases: [{{name: a, train: *a11}}]\n",
        "a list that holds itself": "phases: &a [*a]",
        "brackets 10,000 deep": "phases: " + "[" * 10_000,
        "a time of nonsense": "phases: !!timestamp x",
        "two MB": "phases: [" + "1, " * 700_000 + "]",
        "keys that are lists": "? [a, b]\n: c\n",
        "a phase that is a number": "phases: [5]",
        "phases without an end": "phases: {a: 1}",
        "an empty file": "",
    }
    for number, (what, text) in enumerate(texts.items()):
        path = folder / f"plan_{number}.yaml"
        path.write_text(text)
        yield f"YAML: {what}", "freeze plan (YAML)", path


def cards(folder: Path, canary: Path) -> Iterator[Case]:
    """Cards with other types, paths in names, and models larger than memory."""
    made = samples.weights(folder)
    sound = json.loads(made["card.json"][0].read_text())
    del sound["own_sha256"]
    wrong: dict[str, list[Any]] = {
        key: [None, [], True, {"a": [1]}, 10**400, "x" * 10] for key in sound
    }
    for key in ("plan", "config", "metrics", "versions"):
        wrong[key][3] = {"sites": [1], "pattern": {"a": 1}, "width": "wide", "none": 1}
    for key, types in (("data", str), ("licence", str), ("command", str), ("notes", str)):
        wrong[key] = [value for value in wrong[key] if not isinstance(value, types)]
    wrong["seed"].remove(10**400)
    wrong["versions"].pop(3)
    wrong["model"] += ["../conv_net", "conv_net/x", ".."]
    wrong["tag"] = [*wrong["tag"][:-1], "../../precious", "..", "a b", "a;b", "a\nb", ""]
    wrong["sha256"] += ["", "0" * 63, "0" * 64, "G" * 64]
    settings = [{"width": GIANT}, {"width": -1}, {"depth": GIANT}, {"input_shape": [1]},
                {"no_such": 1}, {"width": [1]}]  # fmt: skip
    wrong["config"] += [samples.CONFIG | setting for setting in settings]
    wrong["stored_parameters"].remove(10**400)
    wrong["source"] = [None, [], "mnist", {"name": "mnist", "download": True}]
    wrong["vocabulary"] = [None, "text", [1, 2]]
    wrong["noise"] = ["much", None, []]
    texts = [(f"{key} is {json.dumps(value)[:30]}", json.dumps(sound | {key: value}))
             for key, values in wrong.items() for value in values]  # fmt: skip
    texts += [(f"without {key}", json.dumps({k: v for k, v in sound.items() if k != key}))
              for key in sound if key != "notes"]  # fmt: skip
    texts += [(what, data.decode("latin-1")) for what, data in NO_JSON.items()]
    texts += [("17 MB", json.dumps(sound | {"notes": "x" * 17_000_000}))]
    texts += [("a metric that is NaN", json.dumps(sound | {"metrics": {"a": float("nan")}}))]
    for number, (what, text) in enumerate(texts):
        path = folder / f"card_{number}"
        path.mkdir()
        shutil.copy(made[".weights.h5, bare"][0], path / "model.weights.h5")
        (path / "card.json").write_text(text, encoding="latin-1")
        yield f"a card: {what}", "card.json", path


def media(folder: Path, canary: Path) -> Iterator[Case]:
    """Images of more pixels than memory holds, and a recording without channels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    png = b"\x89PNG\r\n\x1a\n" + chunk(
        b"IHDR", struct.pack(">IIBBBBB", 10**5, 10**5, 8, 2, 0, 0, 0)
    )
    png += chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    bmp = b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + struct.pack(
        "<IiiHHIIiiII", 40, 12_000, 12_000, 1, 24, 0, 0, 0, 0, 0, 0)  # fmt: skip
    wav = b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + struct.pack(
        "<IHHIIHH", 16, 1, 0, 8000, 0, 0, 16) + b"data" + struct.pack("<I", 2**30)  # fmt: skip
    for suffix, data in (("png", png), ("bmp", bmp), ("wav", wav)):
        for name in ("a", "b"):
            (folder / suffix / name).mkdir(parents=True)
            for number in range(6):
                (folder / suffix / name / f"{number}.{suffix}").write_bytes(data)
        yield (
            f"a .{suffix} that declares too much",
            suffix if suffix == "wav" else "png",
            folder / suffix,
        )


def models(folder: Path, canary: Path) -> Iterator[Case]:
    """`.tflite` files whose tables stand in many places, ONNX files that point elsewhere."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    for places in (3_000, 30_000):
        builder = flatbuffers.Builder(1024)
        schema.TensorStart(builder)
        tensor = schema.TensorEnd(builder)
        schema.SubGraphStartTensorsVector(builder, places)
        for _ in range(places):
            builder.PrependUOffsetTRelative(tensor)
        tensors = builder.EndVector()
        schema.SubGraphStart(builder)
        schema.SubGraphAddTensors(builder, tensors)
        graph = schema.SubGraphEnd(builder)
        schema.ModelStartSubgraphsVector(builder, places)
        for _ in range(places):
            builder.PrependUOffsetTRelative(graph)
        graphs = builder.EndVector()
        schema.ModelStart(builder)
        schema.ModelAddVersion(builder, 3)
        schema.ModelAddSubgraphs(builder, graphs)
        builder.Finish(schema.ModelEnd(builder), file_identifier=b"TFL3")
        path = folder / f"places_{places}.tflite"
        path.write_bytes(bytes(builder.Output()))
        yield f"a .tflite of {places:,}² tensors", ".tflite", path
    import onnx

    for name, external in (("elsewhere", True), ("giant", False)):
        tensor = onnx.TensorProto(name="w", data_type=1, dims=[3] if external else [GIANT, GIANT])
        if external:
            tensor.data_location = onnx.TensorProto.EXTERNAL
            tensor.external_data.add(key="location", value="/etc/passwd")
        made = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], [tensor]))
        path = folder / f"{name}.onnx"
        path.write_bytes(made.SerializeToString())
        yield f"an ONNX constant that is {name}", ".onnx", path
