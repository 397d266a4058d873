"""Classifiers learn the labels, autoencoders their own input, language models the next character.

The measured results stand in the cards; `wszoo info NAME` prints them.
"""

import dataclasses
import json
from functools import partial
from pathlib import Path

import keras

from wszoo import claims, registry, tasks, training, weights
from wszoo.command_line import options as option
from wszoo.data import Source, load
from wszoo.files import remove_whole
from wszoo.locks import only_one
from wszoo.recipes.pretrain import Pretrain
from wszoo.recipes.pretrain.cards import card_of, home
from wszoo.recipes.pretrain.epochs import QUARTERS, epoch_maker

DECIDE = ("model", "tag", "epochs", "batch_size", "max_examples", "views", "turns", "noise")


def main(options: Pretrain) -> None:
    """Train a registered model on a source and write it, with its card, to saved_models/."""
    if options.smoke:
        options = dataclasses.replace(options, epochs=2, max_examples=256, seeds=1)
    entry = registry.entry(options.model)
    source, drawn = sources(options)
    config = settings_of(entry, source, options)
    check_fits(entry, source)
    plan = entry.plan(options.sharing, **config)
    epoch, examples = epoch_maker(entry.task, drawn, options)
    decides = {name: getattr(options, name) for name in DECIDE}
    decides |= {"plan": plan.pattern, "data": source, "drawn": drawn}
    name = f"{options.model}.{options.tag}"
    runs = options.run_dir / "pretrain" / name
    scores: list[dict[str, float]] = []
    nets: list[keras.Model] = []
    with only_one(runs, f"a pretraining of {name}"):
        for seed in range(options.seed, options.seed + options.seeds):
            keras.utils.set_random_seed(seed)
            net = entry.make(plan, **config)
            stream = training.EpochData(
                partial(epoch, seed), options.batch_size, examples, options.epochs
            )
            compile_for(entry.task, net, len(stream) * options.epochs, options)
            claims.claim(runs / f"seed_{seed}", decides | {"seed": seed, "network": net})
            fit(net, stream, runs / f"seed_{seed}")
            scores.append(training.evaluate(net, source, entry.task, noise=options.noise))
            print(f"seed {seed}: {scores[-1]}", flush=True)
            nets = nets or [net]
        card = card_of(entry, source, plan, entry.settings(config), options)
        card["metrics"] = training.spread(scores)
        saved = weights.write((options.out or home()) / name, nets[0], card)
        print(json.dumps(card["metrics"], indent=1))
        print(f"wrote {saved.folder}")
        remove_whole(runs)


def sources(options: Pretrain) -> tuple[Source, Source]:
    """The data, and those whose drawings are drawn anew, which are larger where there are such."""
    read = partial(load, options.data, **option.reading(options))
    source = read(length=options.length)
    if options.views == "pen" and options.data == "omniglot_small":
        return source, load(options.data, **option.reading(options) | {"image_size": 105})
    return source, source


def settings_of(entry: registry.Entry, source: Source, options: Pretrain) -> dict[str, object]:
    """The model's settings that are not its defaults."""
    config = {"input_shape": source.input_shape} | json.loads(options.set_)
    if "vocabulary" in entry.config:
        config.setdefault("vocabulary", len(source.vocabulary))
    if tasks.find(entry.task).labels:
        config.setdefault("head", source.num_classes * (QUARTERS if options.turns else 1))
    return config


def check_fits(entry: registry.Entry, source: Source) -> None:
    """Raises `ValueError` where a model of tokens meets other data, or the other way round."""
    modelling = source.arrays("train")[1].ndim == 2
    if modelling != tasks.find(entry.task).continues or bool(source.vocabulary) != (
        "vocabulary" in entry.config
    ):
        kind = "a text" if modelling else "labelled texts" if source.vocabulary else "no text"
        raise ValueError(f"{source.name} is {kind}; {entry.name} is for {entry.task} of other data")


def compile_for(task: str, model: keras.Model, steps: int, options: Pretrain) -> None:
    """Compiles a model to be trained for so many steps."""
    rate = training.cosine(options.learning_rate, steps, warmup=steps // 15)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=options.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias", "scale"])
    if not tasks.find(task).labels:
        model.compile(optimizer, loss=tasks.find(task).loss())
        return
    smoothing = options.label_smoothing
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=smoothing)
    model.compile(optimizer, loss=loss, metrics=["accuracy"])


def fit(model: keras.Model, stream: training.EpochData, folder: Path) -> None:
    """Trains a model, from where the backup in the folder stands."""
    backup = training.Resume(folder, delete_checkpoint=False)
    model.fit(
        stream,
        epochs=stream.epochs,
        shuffle=False,
        verbose=2,
        callbacks=[*stream.callbacks, backup],
    )
