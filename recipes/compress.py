"""Make a trained model smaller by tying its layers, and bring it back by a short training.

    python recipes/compress.py conv_net.mnist --data card --fraction 0.5
    python recipes/compress.py my_model.keras --data my_images/ --sites 'block*_conv' --relax 4

Takes weights of the zoo or any functional `.keras` file and a data source: prices merges of layers
that could share (`wszoo.suggest`), takes the cheapest plan that is small enough, gives private
low-rank parts of the tied sites what that leaves, starts where the inputs are fitted best, and
trains on the targets and on the original's outputs. Beside it, an untied network of fewer channels
that stores no more learns from the original for `--rival-epochs`. Prints the table, and writes
metrics.json, merges.png, model.keras, a SavedModel and a .tflite file to --out.

Measured over seeds: see docs/compress.md.
"""

import time
from pathlib import Path
from typing import Annotated, Any

import keras
import typer
from rich.console import Console
from rich.table import Table

import wszoo
from wszoo import evaluation, tasks, training
from wszoo.command_line import run
from wszoo.command_line.options import (
    ANY,
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
    word,
    words,
)
from wszoo.files import write_json
from wszoo.tuner.compressing.compress import compress
from wszoo.tuner.compressing.narrow import narrower
from wszoo.tuner.compressing.recovery import Recovery, recover
from wszoo.tuner.pricing.suggest import METHODS


def main(
    target: Annotated[str, argument(text("NAME.TAG or a .keras file."))],
    data: Annotated[str, text("A source; card: that of the weights.")] = "card",
    fraction: Annotated[
        float, number("Of the parameters, to keep at most.", above=0, below=1)
    ] = 0.5,
    method: Annotated[str, word(f"auto, {', '.join(METHODS)}.", valid=("auto", *METHODS))] = "auto",
    sites: Annotated[str | None, words("Those that may share: globs, commas.")] = None,
    relax: Annotated[
        int | None,
        whole("Rank of a private part; 0: none; else what fits.", least=0, most=4096),
    ] = None,
    epochs: Annotated[int, whole("Of the recovery.")] = 5,
    learning_rate: Annotated[float, rate("Of the recovery.")] = 5e-3,
    rival_epochs: Annotated[int, whole("Of the narrower network; 0: none.", least=0)] = 10,
    examples: Annotated[int, whole("Training examples to use.", most=ANY)] = 10000,
    seed: Seed = 0,
    data_dir: DataDir = None,
    manual_dir: ManualDir = None,
    out: Annotated[Path, folder("Folder of the results.")] = Path("runs/compress"),
    smoke: Annotated[bool, typer.Option(help="Few examples, to see that it runs.")] = False,
) -> None:
    """Make a trained model smaller by tying its layers, and bring it back by a short training."""
    if smoke:
        examples, epochs, rival_epochs = 256, 1, 1
    keras.utils.set_random_seed(seed)
    model = wszoo.load(target) if target.endswith(".keras") else wszoo.get(target)
    source, task = evaluation.data_of(model, target, data, data_dir=data_dir, manual_dir=manual_dir)
    x, y = source.arrays("train")
    step = max(1, len(x) // examples)
    train = x[::step], (x if tasks.find(task).restores else y)[::step]
    recovery = Recovery(epochs, learning_rate)

    started = time.perf_counter()
    made = compress(
        model,
        train,
        fraction=fraction,
        method=method,
        sites=chosen(model, sites),
        relax=relax,
        recovery=recovery,
        seed=seed,
        verbose=2,
    )
    seconds = time.perf_counter() - started
    console = Console()
    console.print(made.suggestion.table())
    made.suggestion.picture(out / "merges.png")
    rows = [row(name, m, source, task) for name, m in (("original", model), ("tied", made.model))]
    rows += rival(model, made.model, train, rival_epochs, recovery, seed, source, task)
    console.print(table(rows, made.plan.pattern, source.name))
    wszoo.save(made.model, out / "model.keras")
    files = wszoo.export(made.model, out / "export", ["saved_model", "litert"]).files
    about = {"target": target, "data": source.name, "plan": made.plan.to_dict(), "rows": rows}
    about |= {"files": {str(f.path): f.file.file_bytes for f in files}}
    write_json(out / "times.json", {"seconds": seconds})
    write_json(out / "metrics.json", about)
    print(f"compressed in {seconds:.0f} s; model.keras, export/, merges.png, metrics.json in {out}")


def chosen(model: keras.Model, globs: str | None) -> tuple[str, ...] | None:
    if globs is None:
        return None
    return wszoo.SharingPlan.untied(wszoo.sites(model)).match(*split(globs))


def rival(
    model: keras.Model,
    tied: keras.Model,
    train: tuple,
    epochs: int,
    recovery: Recovery,
    seed: int,
    source: Any,
    task: str,
) -> list[dict[str, Any]]:
    """The row of the narrower network, or none where there can be none."""
    if not epochs:
        return []
    try:
        keras.utils.set_random_seed(seed)  # the narrower network begins with new weights
        made = narrower(wszoo.untied_twin(model), tied.count_params())
    except ValueError as error:
        print(f"no narrower network beside it: {error}")
        return []
    steps = Recovery(epochs, recovery.learning_rate)
    made = recover(made, model, train, steps, seed=seed, verbose=2)
    return [row("narrower, distilled", made, source, task)]


def row(name: str, model: keras.Model, source: Any, task: str) -> dict[str, Any]:
    scores = training.evaluate(model, source, task)
    size = wszoo.audit(model)
    about = {"model": name, "parameters": size.stored_parameters, "bytes": size.stored_bytes}
    return about | {key: round(value, training.DIGITS) for key, value in scores.items()}


def table(rows: list[dict[str, Any]], plan: str, data: str) -> Table:
    made = Table(title=f"plan {plan}, test split of {data}", title_justify="left")
    for name in rows[0]:
        made.add_column(name, justify="left" if name == "model" else "right")
    for one in rows:
        made.add_row(*(f"{v:,}" if isinstance(v, int) else str(v) for v in one.values()))
    return made


if __name__ == "__main__":
    run(main)
