"""Hostile files of other kinds: arrays, plans, cards, images, sounds, exported models."""

import json
import shutil
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults.files import samples
from benchmarks.faults.files.hostile_parts import BOMB, CODE, GIANT, NO_JSON, Case


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
    files = samples.weights(folder)
    sound = json.loads(files["card.json"][0].read_text())
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
        shutil.copy(files[".weights.h5, bare"][0], path / "model.weights.h5")
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
        model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], [tensor]))
        path = folder / f"{name}.onnx"
        path.write_bytes(model.SerializeToString())
        yield f"an ONNX constant that is {name}", ".onnx", path
