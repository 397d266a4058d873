"""Which layers of a model to tie: a search, and the front of metric against stored parameters.

    python recipes/search_ties.py conv_net --data fashion_mnist --examples 8000
    python recipes/search_ties.py tied_lm --data tiny_shakespeare --by-depth --max-parameters 0.6
    python recipes/search_ties.py my_model.keras --data my_images/ --sites 'block_*'

The untied model is trained first; every plan starts from it, tied groups from the mean of their
weights. Untied and fully tied are always among the plans; the best few are trained again on new
seeds, and of plans that are equal within the noise the smaller is named. Writes metrics.json,
front.png and model.keras, the smallest plan within --points of the untied model, to --out.

The same command goes on where it was stopped, also by Ctrl-C or kill. With KERASTUNER_TUNER_ID,
KERASTUNER_ORACLE_IP and KERASTUNER_ORACLE_PORT set it is the chief ("chief") or a worker of a
search over several processes or machines that share --out.
"""

from pathlib import Path
from typing import Annotated

import keras
import typer
from rich.console import Console
from rich.progress import Progress

import wszoo
from wszoo import evaluation, registry, tasks
from wszoo.command_line import run
from wszoo.command_line.options import (
    ANY,
    Data,
    DataDir,
    ManualDir,
    Seed,
    argument,
    folder,
    number,
    rate,
    split,
    text,
    whole,
    words,
)
from wszoo.data import Source, load
from wszoo.files import write_json
from wszoo.tuner import Front, SearchSpace, search


def main(
    target: Annotated[str, argument(text("A registered model or a .keras file."))],
    data: Data,
    sites: Annotated[str | None, words("Globs by commas; default: declared.")] = None,
    by_depth: Annotated[bool, typer.Option(help="Sites of one block move together.")] = False,
    max_parameters: Annotated[
        float | None, number("At most so many stored; up to 1.0: of untied.", above=0)
    ] = None,
    points: Annotated[float, number("What the plan named may lose.", least=0, most=100)] = 0.5,
    plans: Annotated[int, whole("Different plans to try.")] = 24,
    epochs: Annotated[int, whole("Epochs of a full trial, and of the parent.")] = 3,
    short: Annotated[int, whole("Epochs of a first look.")] = 1,
    seeds: Annotated[int, whole("Seeds of the finalists.")] = 3,
    examples: Annotated[int | None, whole("Train on so many.", most=ANY)] = None,
    learning_rate: Annotated[float, rate("Of Adam.", "--rate")] = 1e-3,
    batch_size: Annotated[int, whole("Examples a step.", most=ANY)] = 64,
    seed: Seed = 0,
    data_dir: DataDir = None,
    manual_dir: ManualDir = None,
    out: Annotated[Path, folder("Folder of the search.")] = Path("runs/search_ties"),
    smoke: Annotated[bool, typer.Option(help="A few plans and examples, to see it run.")] = False,
) -> None:
    """Which layers of a model to tie: metric against stored parameters."""
    keras.utils.set_random_seed(seed)
    model, source, task = untied_model(target, data, data_dir, manual_dir)
    objective = compiled(model, task, learning_rate)
    train, held = source.arrays("train"), source.arrays("validation")
    if smoke:
        examples, plans, epochs, seeds = 200, 4, 1, 2
        held = (held[0][:100], held[1][:100])
    train = (train[0][:examples], train[1][:examples])
    if tasks.find(task).restores:
        train, held = (train[0], train[0]), (held[0], held[0])
    chosen = None if sites is None else split(sites)
    whole = None if max_parameters is None else max_parameters
    if whole is not None and whole > 1:
        whole = int(whole)
    space = SearchSpace.of(model, chosen, by_depth=by_depth, max_parameters=whole)
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
            model, train, held, out, space=space, objective=objective, epochs=epochs,
            short=min(short, epochs), plans=plans, seeds=seeds, seed=seed, batch_size=batch_size,
            report=report,
        )  # fmt: skip
    finish(front, out, points)


def untied_model(
    target: str, data: str, data_dir: Path | None, manual_dir: Path | None
) -> tuple[keras.Model, Source, str]:
    if target.endswith(".keras"):
        model = wszoo.untied_twin(wszoo.load(target))
        source, task = evaluation.data_of(
            model, target, data, data_dir=data_dir, manual_dir=manual_dir
        )
        return model, source, task
    source, task = load(data, data_dir=data_dir, manual_dir=manual_dir), registry.entry(target).task
    settings = {"input_shape": source.input_shape}
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


def finish(front: Front, out: Path, points: float) -> None:
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


if __name__ == "__main__":
    run(main)
