"""Prices merges of layers that could share, takes the cheapest plan that is small enough.

Takes weights of the zoo or any functional `.keras` file and a data source. Private low-rank parts
of the tied sites get what the plan leaves (`wszoo.suggest`, `compress`); the tied model starts
where the inputs are fitted best, and trains on the targets and on the original's outputs. Beside
it, an untied network of fewer channels that stores no more learns from the original for `--rival-
epochs`. Prints the table, and writes metrics.json, merges.png, model.keras, a SavedModel and a
.tflite file to --out.

Measured over seeds: see docs/compress.md.
"""

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import keras
from rich.console import Console
from rich.table import Table

import wszoo
from wszoo import evaluation, tasks, training
from wszoo.command_line import options as option
from wszoo.data import Source
from wszoo.files import write_json
from wszoo.recipes.compress import Compress
from wszoo.tuner.compressing.compress import compress
from wszoo.tuner.compressing.narrow import narrower
from wszoo.tuner.compressing.recovery import Recovery, recover


def main(options: Compress) -> None:
    """Make a trained model smaller by tying its layers, and bring it back by a short training."""
    if options.smoke:
        options = dataclasses.replace(options, examples=256, epochs=1, rival_epochs=1)
    keras.utils.set_random_seed(options.seed)
    target, out = options.target, options.out
    model = evaluation.model_of(target)
    source, task = evaluation.data_of(model, target, options.data, **option.reading(options))
    x, y = source.arrays("train")
    step = max(1, len(x) // options.examples)
    train = x[::step], (x if tasks.find(task).restores else y)[::step]

    started = time.perf_counter()
    made = compress(
        model,
        train,
        fraction=options.fraction,
        method=options.method,
        sites=chosen(model, options.sites),
        relax=options.relax,
        recovery=Recovery(options.epochs, options.learning_rate),
        seed=options.seed,
        verbose=2,
    )
    seconds = time.perf_counter() - started
    console = Console()
    console.print(made.suggestion.table())
    made.suggestion.picture(out / "merges.png")
    rows = [row(name, m, source, task) for name, m in (("original", model), ("tied", made.model))]
    if options.rival_epochs and (rival := narrow_rival(model, made.model, train, options)):
        rows.append(row("narrower, distilled", rival, source, task))
    console.print(table(rows, made.plan.pattern, source.name))
    wszoo.save(made.model, out / "model.keras")
    files = wszoo.export(made.model, out / "export", ["saved_model", "litert"]).files
    about = {"target": target, "data": source.name, "plan": made.plan.to_dict(), "rows": rows}
    about |= {"files": {str(f.path): f.file.file_bytes for f in files}}
    write_json(out / "times.json", {"seconds": seconds})
    write_json(out / "metrics.json", about)
    print(f"compressed in {seconds:.0f} s; model.keras, export/, merges.png, metrics.json in {out}")


def chosen(model: keras.Model, globs: str | None) -> Sequence[str] | None:
    """The sites that some globs, by commas, name."""
    if globs is None:
        return None
    return wszoo.SharingPlan.untied(wszoo.sites(model)).match(*option.split(globs))


def narrow_rival(
    model: keras.Model, tied: keras.Model, train: tuple, options: Compress
) -> keras.Model | None:
    """A narrower network that stores no more, distilled; `None` where there can be none."""
    try:
        keras.utils.set_random_seed(options.seed)  # it begins with new weights
        made = narrower(wszoo.untied_twin(model), tied.count_params())
    except ValueError as error:
        print(f"no narrower network beside it: {error}")
        return None
    steps = Recovery(options.rival_epochs, options.learning_rate)
    return recover(made, model, train, steps, seed=options.seed, verbose=2)


def row(name: str, model: keras.Model, source: Source, task: str) -> dict[str, Any]:
    """Sizes and scores of a model, as a row of the table."""
    scores = training.evaluate(model, source, task)
    size = wszoo.audit(model)
    about = {"model": name, "parameters": size.stored_parameters, "bytes": size.stored_bytes}
    return about | {key: round(value, training.DIGITS) for key, value in scores.items()}


def table(rows: list[dict[str, Any]], plan: str, data: str) -> Table:
    """A rich table: a row a model."""
    made = Table(title=f"plan {plan}, test split of {data}", title_justify="left")
    for name in rows[0]:
        made.add_column(name, justify="left" if name == "model" else "right")
    for one in rows:
        made.add_row(*(f"{v:,}" if isinstance(v, int) else str(v) for v in one.values()))
    return made
