"""A sound file of every kind that wszoo reads, small enough to be read some hundred times."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

CONFIG = {"input_shape": (8, 8, 1), "width": 4, "depth": 2, "head": 3}


def make(folder: Path) -> dict[str, list[str]]:
    """Kind → the file to damage and the path to read, which may be its folder."""
    files: dict[str, list[str]] = {}
    for write in (keras_file, weights, exported, arrays, features, backups, search, texts, media):
        files |= {kind: [str(a), str(b)] for kind, (a, b) in write(folder).items()}
    return files


def network() -> Any:
    import keras

    import wszoo

    keras.utils.set_random_seed(0)
    return wszoo.get("conv_net", **CONFIG)


def inputs() -> np.ndarray:
    return np.random.default_rng(0).random((4, 8, 8, 1), "float32")


def keras_file(folder: Path) -> dict[str, tuple[Path, Path]]:
    import wszoo

    model = network()
    model.compile("adam", "mse", jit_compile=False)
    model.fit(inputs(), np.zeros((4, 3)), verbose=0)
    wszoo.save(model, folder / "model.keras")
    return {".keras": (folder / "model.keras",) * 2}


def weights(folder: Path) -> dict[str, tuple[Path, Path]]:
    import wszoo
    from wszoo import weights

    model = network()
    card = {
        "model": "conv_net", "tag": "sample", "config": CONFIG, "data": "none", "licence": "CC0",
        "plan": wszoo.plan_of(model).restrict(["block_0", "block_1"]).to_dict(),
        "command": "none", "seed": 0, "metrics": {"test_accuracy": 0.5}, "notes": "a sample",
    }  # fmt: skip
    saved = weights.write(folder / "conv_net.sample", model, card)
    bare = folder / "bare.weights.h5"
    shutil.copy(saved.weights, bare)
    return {
        ".weights.h5 with card": (saved.weights, saved.folder),
        "card.json": (saved.folder / "card.json", saved.folder),
        ".weights.h5, bare": (bare, bare),
    }


def exported(folder: Path) -> dict[str, tuple[Path, Path]]:
    import keras

    import wszoo
    from wszoo.checksums import unsealed

    model = network()
    model = keras.Model(model.inputs, model.outputs, name="sample")
    formats = ["saved_model", "litert", "onnx"]
    report = wszoo.export(model, folder / "out", formats)
    served, lite, onnx = (
        next(f.path for f in report.files if f.format == name) for name in formats
    )
    others = folder / "others.tflite"
    others.write_bytes(unsealed(lite.read_bytes()))
    files = {".tflite": (lite, lite), ".tflite of others": (others, others), ".onnx": (onnx, onnx)}
    for name in ("saved_model.pb", "variables.index", "variables.data-00000-of-00001"):
        (file,) = served.rglob(name)
        files[f"SavedModel, {name}"] = (file, served)
    return files


def arrays(folder: Path) -> dict[str, tuple[Path, Path]]:
    path = folder / "data.npz"
    x, y = np.random.default_rng(0).random((30, 8, 8, 1), "float32"), np.arange(30) % 3
    np.savez_compressed(path, x_train=x, y_train=y)
    return {".npz": (path, path)}


def features(folder: Path) -> dict[str, tuple[Path, Path]]:
    from benchmarks.faults.files import readers

    readers.read_features(folder / "features")
    (file,) = (folder / "features").glob("*.features")
    return {"features": (file, folder / "features")}


def backups(folder: Path) -> dict[str, tuple[Path, Path]]:
    from wszoo.transferring.training.backup import Backup, Record

    record = Record()
    for loss in (1.0, 0.5, 0.7):
        record.add({"phase": "all", "epoch": 0, "val_loss": loss})
    run, model = folder / "run", network()
    model.compile("sgd", "mse")
    Backup(run).write(model, record, model.get_weights())
    from benchmarks.faults.files import readers

    (folder / "pretrain").mkdir()
    resume = readers.resume_of(folder / "pretrain")
    resume._save_model()
    (backup,) = (folder / "pretrain").glob("*.h5")
    return {
        "backup of transfer": (run / "state.weights.h5", run),
        "best weights of transfer": (run / "best_1.npz", run),
        "backup of pretrain": (backup, folder / "pretrain"),
    }


def search(folder: Path) -> dict[str, tuple[Path, Path]]:
    from benchmarks.faults.files import readers

    place = folder / "search"
    readers.tuner_of(place).search(*readers.pair(), validation_data=readers.pair(), verbose=0)
    trials = place / "trials"
    trial = trials / "trial_0000"
    return {
        "trial.json of a search": (trial / "trial.json", place),
        "oracle.json of a search": (trials / "oracle.json", place),
        "tuner0.json of a search": (trials / "tuner0.json", place),
        "weights of a trial": (trial / "checkpoint.weights.h5", place),
    }


def texts(folder: Path) -> dict[str, tuple[Path, Path]]:
    import yaml

    from benchmarks.faults.files import readers
    from wszoo.checksums import json_with_sum

    (folder / "row.json").write_text(json_with_sum({"label": "a", "validation": 0.123456}))
    phases = [{"name": "head", "train": "head", "epochs": 2, "learning_rate": 0.01}]
    (folder / "plan.yaml").write_text(yaml.safe_dump({"phases": phases}))
    rows = [f"{word} is what it says,{word}" for word in ("one", "two", "three")]
    (folder / "texts.csv").write_text("\n".join(["text,label", *rows * 10]) + "\n")
    times = [f"2020-01-01 {hour:02}:00:00,{hour / 7:.3f}" for hour in range(24)]
    (folder / "series.csv").write_text("\n".join(["timestamp,value", *times]) + "\n")
    (folder / "book.txt").write_text("the quick brown fox jumps over the lazy dog\n" * 40)
    files = {
        "results of a comparison": "row.json", "freeze plan (YAML)": "plan.yaml",
        "texts (csv)": "texts.csv", "series (csv)": "series.csv", "text": "book.txt",
    }  # fmt: skip
    run = folder / "claimed"
    run.mkdir()
    (run / "results").write_text("some")
    readers.read_claim(run)
    pairs: dict[str, tuple[Path, Path]] = {k: (folder / f, folder / f) for k, f in files.items()}
    return pairs | {"settings.json": (run / "settings.json", run)}


def media(folder: Path) -> dict[str, tuple[Path, Path]]:
    from PIL import Image
    from scipy.io import wavfile

    pixels = np.random.default_rng(0).integers(0, 255, (12, 16, 3), "uint8")
    tone = (2**14 * np.sin(np.arange(4000) / 5)).astype("int16")
    write: dict[str, Callable[[Path], Any]] = {
        "png": lambda path: Image.fromarray(pixels).save(path),
        "jpg": lambda path: Image.fromarray(pixels).save(path),
        "tiff": lambda path: Image.fromarray(pixels).save(path),
        "wav": lambda path: wavfile.write(path, 8000, tone),
    }
    files = {}
    for suffix, write_to in write.items():
        for name in ("a", "b"):
            for number in range(3):
                path = folder / suffix / name / f"{number}.{suffix}"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_to(path)
        files[suffix] = (folder / suffix / "a" / f"1.{suffix}", folder / suffix)
    return files
