"""Train a registered model on a source and write it, with its card, to saved_models/.

    python recipes/pretrain.py tied_ae --data fashion_mnist --tag fashion_mnist
    python recipes/pretrain.py conv_net --data omniglot_small --tag omniglot --views pen --turns

Classifiers learn the labels, autoencoders their own input, language models the next character.
Several --seeds train the same thing
again: the first seed's weights are kept and the card says how far the seeds lie apart. A run that
is killed goes on from its last epoch when the same command is given again, and ends as an
unbroken one would. The measured results stand in the cards; `wszoo info NAME` prints them.
"""

import json
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer

from wszoo import batches, checks, claims, registry, tasks, training, weights
from wszoo.command_line import run
from wszoo.command_line.options import (
    ANY,
    Data,
    DataDir,
    ManualDir,
    Seed,
    argument,
    folder,
    name,
    number,
    rate,
    settings,
    text,
    whole,
    word,
)
from wszoo.data import Source, load
from wszoo.data.sets import pen
from wszoo.files import remove_whole
from wszoo.locks import only_one

VIEWS = ("none", "pen")
REPO = Path(__file__).resolve().parent.parent


def main(
    model: Annotated[str, argument(text("A registered model."))],
    data: Data,
    tag: Annotated[str, name("The tag of the weights.")],
    set_: Annotated[str, settings("The model's settings as JSON: '{\"width\": 32}'.")] = "{}",
    sharing: Annotated[str | None, text("A plan, such as AABBCC or cycle:2.")] = None,
    epochs: Annotated[int, whole("Of each training.")] = 20,
    batch_size: Annotated[int, whole("Examples a step.", most=ANY)] = 64,
    learning_rate: Annotated[float, rate("Of AdamW, cosine to zero.")] = 2e-3,
    weight_decay: Annotated[float, number("Of AdamW.", least=0, below=1)] = 0.02,
    label_smoothing: Annotated[float, number("Of classifiers.", least=0, below=1)] = 0.1,
    views: Annotated[str, word("none, or pen: draw line drawings anew.", valid=VIEWS)] = "none",
    turns: Annotated[bool, typer.Option(help="Each class turned by quarters is a class.")] = False,
    noise: Annotated[
        float, number("Autoencoders restore inputs with so much.", least=0, most=100)
    ] = 0.0,
    image_size: Annotated[int | None, whole("Resize images to this side.", most=4096)] = None,
    length: Annotated[int | None, whole("Tokens of an example, for texts.", most=65536)] = None,
    max_examples: Annotated[int | None, whole("Train on so many.", most=ANY)] = None,
    seed: Seed = 0,
    seeds: Annotated[int, whole("How often to train, with seeds from --seed on.")] = 1,
    data_dir: DataDir = None,
    manual_dir: ManualDir = None,
    out: Annotated[Path, folder("Folder of all weights.")] = REPO / "saved_models",
    run_dir: Annotated[Path, folder("Backups of unfinished runs.")] = Path("runs"),
    smoke: Annotated[bool, typer.Option(help="Two tiny epochs, to see that it runs.")] = False,
) -> None:
    """Train a registered model on a source and write it, with its card, to saved_models/."""
    checks.file_name("--tag", tag)
    if smoke:
        epochs, max_examples, seeds = 2, 256, 1
    entry = registry.entry(model)
    read = partial(load, data, data_dir=data_dir, manual_dir=manual_dir)
    source = read(image_size=image_size, length=length)
    drawn = read(image_size=105) if views == "pen" and data == "omniglot_small" else source
    config = {"input_shape": source.input_shape} | json.loads(set_)
    if "vocabulary" in entry.config:
        config.setdefault("vocabulary", len(source.vocabulary))
    if tasks.find(entry.task).labels:
        config.setdefault("head", source.num_classes * (4 if turns else 1))
    check_fits(entry, source)
    plan = entry.plan(sharing, **config)

    epoch, examples = epoch_maker(entry.task, drawn, views, turns, max_examples, noise)
    decides = {"model": model, "tag": tag, "plan": plan.pattern, "data": source, "drawn": drawn}
    decides |= {"epochs": epochs, "batch_size": batch_size, "max_examples": max_examples}
    decides |= {"views": views, "turns": turns, "noise": noise}
    scores = []
    runs = run_dir / "pretrain" / f"{model}.{tag}"
    with only_one(runs, f"a pretraining of {model}.{tag}"):
        for nth in range(seeds):
            folder = runs / f"seed_{seed + nth}"
            keras.utils.set_random_seed(seed + nth)
            net = entry.make(plan, **config)
            stream = training.EpochData(partial(epoch, seed + nth), batch_size, examples, epochs)
            compile_for(entry.task, net, learning_rate, weight_decay, label_smoothing, stream)
            claims.claim(folder, decides | {"seed": seed + nth, "network": net})
            net.fit(
                stream,
                epochs=epochs,
                shuffle=False,
                verbose=2,
                callbacks=[*stream.callbacks, training.Resume(folder, delete_checkpoint=False)],
            )
            scores.append(training.evaluate(net, source, entry.task, noise=noise))
            print(f"seed {seed + nth}: {scores[-1]}", flush=True)
            if nth == 0:
                kept = net
        card = {
            "model": model,
            "tag": tag,
            "plan": plan.to_dict(),
            "config": entry.settings(config),
            "data": f"{source.name}: {source.origin}",
            "licence": source.licence,
            "source": {"name": data, "image_size": image_size}
            | ({} if length is None else {"length": length}),
            "noise": noise,
            "command": shlex.join(["python", "recipes/pretrain.py", *portable(sys.argv[1:])]),
            "seed": seed,
            "epochs": epochs,
            "metrics": training.spread(scores),
        }
        if source.vocabulary:
            card["vocabulary"] = source.vocabulary
        saved = weights.write(out / f"{model}.{tag}", kept, card)
        print(json.dumps(card["metrics"], indent=1))
        print(f"wrote {saved.folder}")
        remove_whole(runs)


def epoch_maker(
    task: str, source: Source, views: str, turns: bool, max_examples: int | None, noise: float
) -> tuple[Any, int]:
    """`(make, examples)`: the function (seed, epoch) → (x, y), and the examples of an epoch."""
    (x, y), kind = source.arrays("train"), tasks.find(task)
    if turns and (views != "pen" or not kind.labels):
        raise ValueError("--turns needs a classifier and --views pen")
    if noise and not kind.restores:
        raise ValueError(f"--noise is for autoencoders; this model's task is {task}")
    x, y = x[:max_examples], y[:max_examples]
    if kind.continues:
        return windows_maker(x, y)
    copies = 4 if turns else 1
    drawings = pen.prepare(x) if views == "pen" else None

    def make(seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        rng = batches.generator(seed, epoch)
        order = batches.shuffled(len(x) * copies, rng)
        index, turn = order // copies, order % copies
        seen = x[index] if drawings is None else pen.views(drawings, index, turn, rng)
        if kind.restores:
            return training.noisy(seen, noise, rng) if noise else seen, seen
        classes = source.num_classes * copies
        return seen, np.eye(classes, dtype="float32")[y[index] + turn * source.num_classes]

    return make, len(x) * copies


def windows_maker(x: np.ndarray, y: np.ndarray) -> tuple[Any, int]:
    """As `epoch_maker`: the windows of an epoch begin at places of its own, one text's length in
    all. `x` are windows that follow each other, `y` the same moved by one."""
    text, (count, size) = np.append(x.ravel(), y[-1, -1]), x.shape

    def make(seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
        rng = batches.generator(seed, epoch)
        starts = rng.integers(size) + size * batches.shuffled(count - 1, rng)
        seen = text[starts[:, None] + np.arange(size + 1)]
        return seen[:, :-1], seen[:, 1:]

    return make, count - 1


def check_fits(entry: registry.Entry, source: Source) -> None:
    """Raises `ValueError` where a model of tokens meets other data, or the other way round."""
    modelling = source.splits["train"][1].ndim == 2
    if modelling != tasks.find(entry.task).continues or bool(source.vocabulary) != (
        "vocabulary" in entry.config
    ):
        kind = "a text" if modelling else "labelled texts" if source.vocabulary else "no text"
        raise ValueError(f"{source.name} is {kind}; {entry.name} is for {entry.task} of other data")


def compile_for(
    task: str,
    model: keras.Model,
    learning_rate: float,
    weight_decay: float,
    label_smoothing: float,
    stream: training.EpochData,
) -> None:
    steps = len(stream) * stream.epochs
    optimizer = keras.optimizers.AdamW(
        training.cosine(learning_rate, steps, warmup=steps // 15), weight_decay=weight_decay
    )
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias", "scale"])
    if not tasks.find(task).labels:
        model.compile(optimizer, loss=tasks.find(task).loss())
        return
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing)
    model.compile(optimizer, loss=loss, metrics=["accuracy"])


def portable(arguments: list[str]) -> list[str]:
    """The command without the folders of one machine."""
    kept, skip = [], False
    for given in arguments:
        local = given.split("=")[0] in ("--data-dir", "--manual-dir", "--out", "--run-dir")
        if not (skip or local):
            kept.append(given)
        skip = local and "=" not in given
    return kept


if __name__ == "__main__":
    run(main)
