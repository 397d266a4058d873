"""The untied model is trained first; every plan starts from it, tied groups from the mean.

Untied and fully tied are always among the plans; the best few are trained again on new seeds, and
of plans that are equal within the noise the smaller is named. Writes metrics.json, front.png and
model.keras, the smallest plan within --points of the untied model, to --out.
"""

import dataclasses
from pathlib import Path
from typing import Any

import keras
from rich.console import Console
from rich.progress import Progress

import wszoo
from wszoo import evaluation, registry, tasks
from wszoo.command_line import options as option
from wszoo.data import Source, load
from wszoo.data.source import Pair
from wszoo.files import write_json
from wszoo.recipes.search_ties import SearchTies
from wszoo.tuner import Front, SearchSpace, search

HELD = 100  # validation examples of a smoke run


def main(options: SearchTies) -> None:
    """Which layers of a model to tie: metric against stored parameters."""
    if options.smoke:
        options = dataclasses.replace(options, examples=200, plans=4, epochs=1, seeds=2)
    keras.utils.set_random_seed(options.seed)
    model, source, task = untied_model(options)
    objective = compiled(model, task, options.learning_rate)
    train, held = splits(source, task, options)
    space = SearchSpace.of(
        model,
        None if options.sites is None else option.split(options.sites),
        by_depth=options.by_depth,
        max_parameters=limit(options.max_parameters),
    )
    print(f"{space.count:,} plans of {len(space.units)} units")
    with Progress(transient=True) as progress:
        bar = progress.add_task("trials", total=None)

        def report(oracle) -> None:
            best = oracle.get_best_trials(1)
            named = ""
            if best and best[0].score is not None:
                named = f", best {best[0].hyperparameters.values['plan']} {best[0].score:.4f}"
            progress.update(bar, description=f"trial {len(oracle.trials)}{named}")

        front = search(
            model,
            train,
            held,
            options.out,
            space=space,
            objective=objective,
            epochs=options.epochs,
            short=min(options.short, options.epochs),
            plans=options.plans,
            seeds=options.seeds,
            seed=options.seed,
            batch_size=options.batch_size,
            report=report,
        )
    finish(front, options.out, options.points)


def untied_model(options: SearchTies) -> tuple[keras.Model, Source, str]:
    """The model with every site on its own, the data, and the task."""
    target, data, places = options.target, options.data, option.reading(options)
    if target.endswith(".keras"):
        model = wszoo.untied_twin(wszoo.load(target))
        source, task = evaluation.data_of(model, target, data, **places)
        return model, source, task
    source, task = load(data, **places), registry.entry(target).task
    settings: dict[str, Any] = {"input_shape": source.input_shape}
    if tasks.find(task).labels:
        settings["head"] = source.num_classes
    if tasks.find(task).continues:
        settings["vocabulary"] = source.num_classes
    try:
        return registry.get(target, sharing="untied", **settings), source, task
    except ValueError as error:
        raise ValueError(f"{target} on {data}: {error}") from error


def compiled(model: keras.Model, task: str, rate: float) -> str:
    """Compiles the model for its task; what is searched for."""
    optimizer = keras.optimizers.Adam(rate)
    kind = tasks.find(task)
    metrics = [] if kind.restores else ["accuracy"]
    model.compile(optimizer, loss=kind.loss(), metrics=metrics)
    return "val_accuracy" if kind.labels else "val_loss"


def splits(source: Source, task: str, options: SearchTies) -> tuple[Pair, Pair]:
    """Inputs and targets to train on, and those to compare plans by."""
    (x, y), (x_held, y_held) = source.arrays("train"), source.arrays("validation")
    held = HELD if options.smoke else None
    x, y = x[: options.examples], y[: options.examples]
    x_held, y_held = x_held[:held], y_held[:held]
    if tasks.find(task).restores:
        return (x, x), (x_held, x_held)
    return (x, y), (x_held, y_held)


def limit(max_parameters: float | None) -> float | int | None:
    """A share of the untied model's parameters, or a number of them."""
    if max_parameters is None or max_parameters <= 1:
        return max_parameters
    return int(max_parameters)


def finish(front: Front, out: Path, points: float) -> None:
    """Prints and writes what the search has by now, and the model when it is done."""
    if not front.points:
        print("no plan has run in full yet; give the same command again to go on")
        return
    Console().print(front.table())
    write_json(out / "metrics.json", front.to_dict())
    front.picture(out / "front.png")
    if not front.complete:
        print("stopped; give the same command again to go on")
        return
    named = front.smallest_within(points)
    wszoo.save(front.build(named), out / "model.keras")
    print(
        f"smallest within {points} points of untied: {named.pattern}, {named.parameters:,} stored "
        f"parameters, {front.metric} {named.mean:.4f} over {len(named.scores)} seeds\n"
        f"wrote metrics.json, front.png and model.keras to {out}"
    )
