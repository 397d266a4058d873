"""Classify recordings: score a recurrent network on speakers it never heard, and on your files.

    python recipes/classify_audio.py --data spoken_digit --data-dir TFDS
    python recipes/classify_audio.py --data spoken_digit --wav one.wav --wav two.wav
    python recipes/classify_audio.py --data my_words/ --model rnn --epochs 20 --wav new.wav

With `--model NAME.TAG` the weights are used as they are, if their classes are those of the data;
with `--model rnn` the network is trained on the data first. Your own data are a folder
`class/x.wav` or `{train,validation,test}/class/x.wav`; give the splits as folders to keep speakers
apart. Writes metrics.json, confusion.png and (trained) model.keras to --out, and prints what it
takes each --wav for.

Measured: see the section on recordings in README.md.
"""

import json
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer

import wszoo
from wszoo import report, training
from wszoo.command_line import run
from wszoo.command_line.options import DataDir, Seed, file, folder, rate, settings, text, whole
from wszoo.data import Source, load
from wszoo.data.formats.recordings import read_frames
from wszoo.files import write_json


def main(
    data: Annotated[str, text("spoken_digit, or a folder.")] = "spoken_digit",
    model: Annotated[str, text("NAME.TAG, or a NAME to train.")] = "rnn.spoken_digit",
    wav: Annotated[list[Path] | None, file("Recordings to classify.", suffix=".wav")] = None,
    set_: Annotated[str, settings("Settings to train with, JSON.")] = "{}",
    sharing: Annotated[str | None, text("A plan to train under.")] = None,
    epochs: Annotated[int, whole("Of the training.")] = 15,
    learning_rate: Annotated[float, rate("Of AdamW, cosine to zero.")] = 3e-3,
    seed: Seed = 0,
    data_dir: DataDir = None,
    out: Annotated[Path, folder("Folder of the results.")] = Path("runs/classify_audio"),
    smoke: Annotated[bool, typer.Option(help="Two tiny epochs, to see that it runs.")] = False,
) -> None:
    """Classify recordings, of speakers that were never heard and of your own."""
    keras.utils.set_random_seed(seed)
    if "." in model and (set_ != "{}" or sharing is not None):
        option = "--set" if sharing is None else "--sharing"
        raise ValueError(f"{option} is for training a NAME; {model!r} has its own")
    heard = None if not wav else read_frames(wav)  # a bad file is said before training
    source = load(data, data_dir=data_dir, max_per_split=100 if smoke else None)
    if len(source.input_shape) != 2:
        raise ValueError(f"{data} holds no recordings; its examples are {source.input_shape}")
    if "." in model:
        net = pretrained(model, source)
    else:
        options = json.loads(set_) | {"unroll": False}
        net = train(model, source, options, sharing, 2 if smoke else epochs, learning_rate, seed)

    x, y = source.arrays("test")
    found = np.asarray(net.predict(x, batch_size=256, verbose=0)).argmax(1)
    accuracy = float(np.mean(found == y))
    table = np.zeros((source.num_classes, source.num_classes), int)
    np.add.at(table, (y, found), 1)
    held = training.evaluate(net, source, "classification", split="validation")
    validation = held["validation_accuracy"]
    print(f"{model} on {data}: {accuracy:.3f} of {len(y)} test recordings are right")
    print(f"(of the validation recordings {validation:.3f})")
    out.mkdir(parents=True, exist_ok=True)
    report.confusion(out / "confusion.png", table, source.class_names, title=f"{model}, {data}")
    answers = [] if heard is None else classify(net, heard, source, wav or [])
    metrics = {
        "model": model,
        "data": data,
        "accuracy": accuracy,
        "validation_accuracy": validation,
        "confusion": table.tolist(),
        "files": answers,
    }
    write_json(out / "metrics.json", metrics)
    if "." not in model:
        wszoo.save(net, out / "model.keras")
    print(f"wrote metrics.json and confusion.png to {out}")


def pretrained(name: str, source: Source) -> keras.Model:
    net = wszoo.get(name)
    shapes = (net.input_shape[1:], net.output_shape[1:])
    if shapes != (source.input_shape, (source.num_classes,)):
        raise ValueError(
            f"{name} maps {shapes[0]} to {shapes[1][0]} classes; {source.name} has "
            f"{source.input_shape} and {source.num_classes}. Train on it: --model rnn"
        )
    return net


def train(
    name: str,
    source: Source,
    settings: dict,
    sharing: str | None,
    epochs: int,
    learning_rate: float,
    seed: int,
) -> keras.Model:
    keras.utils.set_random_seed(seed)
    settings |= {"input_shape": source.input_shape, "head": source.num_classes}
    net = wszoo.get(name, sharing=sharing, **{"dropout": 0.2} | settings)
    x, y = source.arrays("train")
    steps = epochs * -(-len(x) // 64)
    optimizer = keras.optimizers.AdamW(training.cosine(learning_rate, steps, warmup=steps // 15))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(optimizer, loss=loss, metrics=["accuracy"])
    validation = source.arrays("validation")
    net.fit(x, y, batch_size=64, epochs=epochs, validation_data=validation, verbose=2)
    return net


def classify(net: keras.Model, x: np.ndarray, source: Source, paths: list[Path]) -> list[dict]:
    """Prints and returns the class of each recording, and how sure the network is."""
    scores = np.asarray(keras.ops.softmax(net.predict(x, verbose=0)))
    answers = []
    for path, row in zip(paths, scores, strict=True):
        best = int(row.argmax())
        answers.append(
            {"file": path.name, "class": source.class_names[best], "score": float(row[best])}
        )
        print(f"{path}: {source.class_names[best]} ({row[best]:.2f})")
    return answers


if __name__ == "__main__":
    run(main)
