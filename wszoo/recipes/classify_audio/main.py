"""A recurrent network is scored on speakers that it never heard, and classifies your files.

With data it writes metrics.json, confusion.png and (trained) model.keras to --out, and prints what
it takes each --wav for; without, it prints that alone.

Measured: see the section on recordings in README.md.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

import wszoo
from wszoo import pictures, training
from wszoo.data import Source, load
from wszoo.data.formats.recordings import read_frames
from wszoo.files import write_json
from wszoo.recipes.classify_audio import ClassifyAudio
from wszoo.sharing.about import about, describe


def main(options: ClassifyAudio) -> None:
    """Classify recordings, of speakers that were never heard and of your own."""
    keras.utils.set_random_seed(options.seed)
    model, wav = options.model, options.wav or []
    heard = read_frames(wav) if wav else np.zeros(0)  # a bad file is said before training
    if options.data is None:
        net = wszoo.get(model)
        classify(net, heard, about(net)["class_names"], wav)
        return
    few = 100 if options.smoke else None
    source = load(options.data, data_dir=options.data_dir, max_per_split=few)
    if len(source.input_shape) != 2:
        shape = source.input_shape
        raise ValueError(f"{options.data} holds no recordings; its examples are {shape}")
    net = pretrained(model, source) if "." in model else train(source, options)
    x, y = source.arrays("test")
    classes = np.asarray(net.predict(x, batch_size=256, verbose=0)).argmax(1)
    accuracy = float(np.mean(classes == y))
    table = np.zeros((source.num_classes, source.num_classes), int)
    np.add.at(table, (y, classes), 1)
    held = training.evaluate(net, source, "classification", split="validation")
    validation = held["validation_accuracy"]
    print(f"{model} on {options.data}: {accuracy:.3f} of {len(y)} test recordings are right")
    print(f"(of the validation recordings {validation:.3f})")
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    title = f"{model}, {options.data}"
    pictures.confusion(out / "confusion.png", table, source.class_names, title=title)
    metrics = {
        "model": model,
        "data": options.data,
        "accuracy": accuracy,
        "validation_accuracy": validation,
        "confusion": table.tolist(),
        "files": classify(net, heard, source.class_names, wav) if wav else [],
    }
    write_json(out / "metrics.json", metrics)
    if "." not in model:
        wszoo.save(net, out / "model.keras")
    print(f"wrote metrics.json and confusion.png to {out}")


def pretrained(name: str, source: Source) -> keras.Model:
    """The weights of a tag. Raises `ValueError` where their classes are not those of the data."""
    net = wszoo.get(name)
    shapes = (net.input_shape[1:], net.output_shape[1:])
    if shapes != (source.input_shape, (source.num_classes,)):
        raise ValueError(
            f"{name} maps {shapes[0]} to {shapes[1][0]} classes; {source.name} has "
            f"{source.input_shape} and {source.num_classes}. Train on it: --model rnn"
        )
    return net


def train(source: Source, options: ClassifyAudio) -> keras.Model:
    """A network that learnt from the source, and knows its classes."""
    keras.utils.set_random_seed(options.seed)
    settings = {"dropout": 0.2} | json.loads(options.set_) | {"unroll": False}
    settings |= {"input_shape": source.input_shape, "head": source.num_classes}
    net = wszoo.get(options.model, sharing=options.sharing, **settings)
    x, y = source.arrays("train")
    epochs = 2 if options.smoke else options.epochs
    steps = epochs * -(-len(x) // 64)
    rate = training.cosine(options.learning_rate, steps, warmup=steps // 15)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(keras.optimizers.AdamW(rate), loss=loss, metrics=["accuracy"])
    validation = source.arrays("validation")
    net.fit(x, y, batch_size=64, epochs=epochs, validation_data=validation, verbose=2)
    describe(net, task="classification", class_names=list(source.class_names))
    return net


def classify(
    net: keras.Model, x: np.ndarray, names: Sequence[str], paths: list[Path]
) -> list[dict[str, object]]:
    """Prints and returns the class of each recording, and how sure the network is."""
    scores = np.asarray(keras.ops.softmax(net.predict(x, verbose=0)))
    answers = []
    for path, row in zip(paths, scores, strict=True):
        best = int(row.argmax())
        answers.append({"file": path.name, "class": names[best], "score": float(row[best])})
        print(f"{path}: {names[best]} ({row[best]:.2f})")
    return answers
