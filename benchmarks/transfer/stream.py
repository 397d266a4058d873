"""More photos than memory: fine-tuning on a stream of files, against plain Keras on the same files.

    python -m benchmarks.transfer.stream --archive clothing10.zip

Photos of one megapixel are made of those in the archive, in a folder that is removed at the end.
Two arms learn from it, each in a process of its own, with the same backbone, batches and epochs:
`wszoo` is `wszoo.transfer` on the folder, `keras` is `keras.utils.image_dataset_from_directory`
and `fit`. Both score validation in every epoch and test at the end. First the backbone is frozen
and a head trained on it, then, on fewer photos, all of it is trained for an epoch. Seconds run from
the folder to the scores, with listing and tracing, without imports and loading of the backbone.
Images a second are those of train, in each epoch. Peak memory is the whole process's.
Writes docs/streams/metrics.json and docs/streams.md.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import keras
import typer

import wszoo
from benchmarks.transfer.photos import link
from benchmarks.transfer.speed import cores, peak_mb
from wszoo.command_line import run
from wszoo.data import load
from wszoo.data.splits import SPLITS
from wszoo.files import write_json, write_text

DOCS = Path(__file__).resolve().parents[2] / "docs"
BACKBONE = "efficientnet_lite0.imagenet"
ARMS = ("wszoo", "keras")
WAYS = {"head": "backbone frozen, a head trained", "all": "all of it trained"}
BATCH = 32
COLUMNS = ("", "seconds", "processor seconds", "images a second", "peak MB", "test accuracy")


def main(
    archive: Annotated[Path, typer.Option(help="Zip file of JPEGs, …/class/name.jpg.")],
    photos: Annotated[int, typer.Option(help="Of which the head learns.")] = 20_000,
    photos_all: Annotated[int, typer.Option(help="Of which the whole model learns.")] = 1000,
    epochs: Annotated[int, typer.Option(help="Of the head.")] = 5,
    size: Annotated[int, typer.Option(help="Pixels a side.")] = 160,
    folder: Annotated[
        Path | None, typer.Option(help="Working files; by default temporary.")
    ] = None,
    docs: Annotated[Path, typer.Option(help="Folder of the page.")] = DOCS,
    note: Annotated[str, typer.Option(help="What else to say of the run.")] = "",
    arm: Annotated[str, typer.Option(help="ARM:WAY in this process.", hidden=True)] = "",
) -> None:
    """Streams of photos against plain Keras."""
    if arm:
        assert folder is not None
        print(json.dumps(measure(*arm.split(":"), folder, epochs, size)))
        return
    work = folder or Path(tempfile.mkdtemp(prefix="wszoo-photos-"))
    try:
        found = {
            "photos": {"head": photos, "all": photos_all},
            "epochs": {"head": epochs, "all": 1},
            "size": size,
            "cores": cores(),
            "note": note,
            "arms": compare(archive, work, {"head": photos, "all": photos_all}, epochs, size),
        }
    finally:
        if folder is None:
            shutil.rmtree(work)
    write_json(docs / "streams" / "metrics.json", found)
    write_text(docs / "streams.md", page(found))
    print(page(found))


def compare(
    archive: Path, work: Path, photos: dict[str, int], epochs: int, size: int
) -> dict[str, dict[str, Any]]:
    """What each arm took in each way, `head` and `all`."""
    making = [str(archive), str(work / "head"), str(photos["head"])]
    subprocess.run([sys.executable, "-m", "benchmarks.transfer.photos", *making], check=True)
    link(work / "head", work / "all", photos["all"])
    every = [f"{arm}:{way}" for way in WAYS for arm in ARMS]
    return {arm: run_arm(arm, work, epochs, size) for arm in every}


def run_arm(arm: str, work: Path, epochs: int, size: int) -> dict[str, Any]:
    common = ["--archive", "-", "--folder", str(work), "--epochs", str(epochs), "--size", str(size)]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.transfer.stream", "--arm", arm, *common],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{arm}: {done.stderr[-2000:]}")
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(arm, row, file=sys.stderr, flush=True)
    return row


def measure(arm: str, way: str, work: Path, epochs: int, size: int) -> dict[str, Any]:
    """One arm, here: seconds, images a second, peak memory and test accuracy."""
    folder, epochs = work / way, epochs if way == "head" else 1
    keras.utils.set_random_seed(0)
    net = wszoo.get(BACKBONE, head=None, input_shape=(size, size, 3))
    learn = {"wszoo": streamed, "keras": plain}[arm]
    started, busy = time.perf_counter(), time.process_time()
    accuracy = learn(net, folder, way, epochs, size)
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    images = epochs * len(list((folder / "train").rglob("*.jpg")))
    return {
        "seconds": round(seconds, 2),
        "processor_seconds": round(busy, 2),
        "images_a_second": round(images / seconds, 1),
        "peak_mb": peak_mb(),
        "accuracy": accuracy,
    }


def streamed(net: keras.Model, folder: Path, way: str, epochs: int, size: int) -> float:
    with tempfile.TemporaryDirectory() as cache:
        result = wszoo.transfer(
            net,
            "classification",
            load(folder, image_size=size, resize="crop", stream=True),
            freeze=way,
            epochs=epochs,
            batch_size=BATCH,
            learning_rate=rate(way),
            schedule="constant",
            probe_first=False,
            cache=cache,
            verbose=0,
        )
    return round(result.metrics["test"]["accuracy"], 4)


def plain(net: keras.Model, folder: Path, way: str, epochs: int, size: int) -> float:
    """Transfer learning as Keras' guide has it; its files are cut to a square too."""
    train, validation, test = (
        keras.utils.image_dataset_from_directory(
            folder / split,
            image_size=(size, size),
            batch_size=BATCH,
            crop_to_aspect_ratio=True,
            shuffle=split == "train",
            seed=0,
            verbose=False,
        )
        for split in SPLITS
    )
    net.trainable = way == "all"
    inputs = keras.Input((size, size, 3))
    features = net(keras.layers.Rescaling(1 / 255)(inputs), training=way == "all")
    model = keras.Model(inputs, keras.layers.Dense(len(train.class_names))(features))
    model.compile(
        keras.optimizers.Adam(rate(way)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # which makes this backbone 15 times slower on a processor
    )
    model.fit(train, validation_data=validation, epochs=epochs, verbose=0)
    return round(model.evaluate(test, verbose=0, return_dict=True)["accuracy"], 4)


def rate(way: str) -> float:
    return 1e-3 if way == "head" else 1e-4


def page(found: dict[str, Any]) -> str:
    photos, epochs = found["photos"], found["epochs"]
    lines = [
        "# More photos than memory, against plain Keras",
        "",
        "Written by `python -m benchmarks.transfer.stream`. Photos of one megapixel, jittered from "
        "a small set, in batches of "
        f"{BATCH} at {found['size']} pixels a side, with `{BACKBONE}`. `wszoo` is "
        "`wszoo.transfer` on a stream of the files, `keras` is "
        "`keras.utils.image_dataset_from_directory` and `fit`. Both score validation in every "
        "epoch and test at the end, each in a process of its own, one after the other, on "
        f"{found['cores']} CPU core(s). Seconds run from the folder to the scores, with listing "
        "and tracing, without imports and loading of the backbone; images a second are those of "
        f"train, in each epoch; peak memory is the whole process's. {found['note']}".strip(),
    ]
    for way, said in WAYS.items():
        often = "1 epoch" if epochs[way] == 1 else f"{epochs[way]} epochs"
        lines += ["", f"## {said.capitalize()}: {photos[way]:,} photos, {often}", ""]
        lines += [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
        for arm in ARMS:
            row = found["arms"][f"{arm}:{way}"]
            times = f"{row['seconds']:.0f} | {row['processor_seconds']:.0f}"
            numbers = f"{times} | {row['images_a_second']:.1f} | {row['peak_mb']:,}"
            lines.append(f"| {arm} | {numbers} | {row['accuracy']:.3f} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    run(main)
