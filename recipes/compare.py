"""Train a registered model under several plans, under equal conditions, and compare.

    python recipes/compare.py tied_ae --data digits --set '{"widths": [32, 8]}' \\
        --plans default,untied --samples 50,200,797
    python recipes/compare.py tiled_net --data digits --image-size 14 \\
        --set '{"kernel_size": 3}' --arm 'conv={"tiles": 1}' --arm 'tiled={"tiles": 2}' \\
        --arm 'local={"model": "local_net"}' --reference conv --samples 50,200

All arms take the same number of steps on the same draws of samples; each chooses its learning rate
from the same few by its score on validation. `--arm` adds an arm with settings of its own:
`label=PLAN`, `label={…}` or `label=PLAN@{…}`; the plan `default` is the model's own. Writes
metrics.json, comparison.md and comparison.png to --out, and each finished training to
--out/trainings: a comparison that is killed goes on when the same command is given again, and may
be given more arms, seeds and samples.

The target is the worst arm's mean validation score at the end. A difference counts where the 95 %
t-interval of the paired differences over seeds leaves out 0; else the verdict is "no difference".

Measured: see the section on comparisons in README.md and docs/claims.md.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from rich.console import Console
from rich.progress import Progress

from wszoo import checks
from wszoo.command_line import run
from wszoo.command_line.options import (
    ANY,
    RATE,
    Data,
    DataDir,
    ManualDir,
    Smoke,
    argument,
    folder,
    number,
    numbers,
    settings,
    split,
    text,
    whole,
    words,
)
from wszoo.comparison import Conditions, Study, registered, summarise
from wszoo.comparison.summary import sentence
from wszoo.comparison.tables import markdown, picture, tables
from wszoo.data import load
from wszoo.files import write_json, write_text
from wszoo.report import untimed

RESTORE = "Autoencoders restore inputs with noise of this standard deviation."
EDGE = (
    "(*) the best learning rate was the least or the largest of those tried. Seconds are this "
    "machine's, with whatever else it had to do."
)


def main(
    model: Annotated[str, argument(text("A registered model."))],
    data: Data,
    plans: Annotated[str | None, words("By commas: default,untied,cycle:2.")] = None,
    arm: Annotated[list[str] | None, text('label=PLAN@{"tiles": 2}.')] = None,
    set_: Annotated[str, settings("Settings of all arms, as JSON.")] = "{}",
    samples: Annotated[str, numbers("Training samples, by commas.", kind=int, least=1)] = "50,200",
    seeds: Annotated[int, whole("Trainings of each arm that are scored.", least=2, most=1000)] = 5,
    steps: Annotated[int, whole("Training steps of every arm.")] = 600,
    batch_size: Annotated[int, whole("Samples a step.", most=ANY)] = 32,
    points: Annotated[int, whole("How often validation is scored.")] = 20,
    rates: Annotated[
        str, numbers("Learning rates to try.", kind=float, above=0, most=RATE)
    ] = "1e-3,3e-3,1e-2",
    tune_seeds: Annotated[int, whole("Trainings of each rate.")] = 2,
    noise: Annotated[float, number(RESTORE, least=0, most=100)] = 0.0,
    target: Annotated[float | None, number("Validation score to reach.")] = None,
    reference: Annotated[str | None, text("The arm to compare with.")] = None,
    image_size: Annotated[int | None, whole("Resize images to this side.", most=4096)] = None,
    data_dir: DataDir = None,
    manual_dir: ManualDir = None,
    out: Annotated[Path, folder("Folder of the results.")] = Path("runs/compare"),
    smoke: Smoke = False,
) -> None:
    """Train a registered model under several plans, under equal conditions, and compare."""
    source = load(data, image_size=image_size, data_dir=data_dir, manual_dir=manual_dir)
    arms, task = registered(
        model,
        source,
        plans=[] if plans is None else split(plans),
        variants=arm or [],
        settings=json.loads(set_),
    )
    if reference is not None:
        checks.one_of("--reference", reference, [a.label for a in arms])
    counts, tried = list(map(int, split(samples))), tuple(map(float, split(rates)))
    if smoke:
        steps, points, seeds, tune_seeds, tried = 10, 2, 2, 1, tried[:2]
    conditions = Conditions(task, steps, batch_size, points, noise, tried, tune_seeds)
    study = Study(arms, source, conditions, counts, seeds, out / "trainings")
    with Progress(transient=True) as progress:
        bar = progress.add_task("trainings", total=study.trainings)
        results = study.run(lambda done: progress.update(bar, completed=done))

    rows = summarise(results, conditions, reference=reference, target=target)
    title = f"{model} on {source.name}, {seeds} seeds, {steps} steps of {batch_size}"
    Console().print(*tables(rows, conditions, title=title), sep="\n")
    print(EDGE)
    notes = [sentence(row, conditions) for row in rows if row["differences"]]
    counted = [f"{r['samples']:,} samples" for r in rows if r["differences"]]
    lines = [f"- {n}, {note}." for n, note in zip(counted, notes, strict=True)]
    print("\n".join(lines))
    page = [f"# {title}", markdown(rows, conditions), EDGE, "\n".join(lines)]
    write_text(out / "comparison.md", "\n\n".join(page) + "\n")
    plain = [r | {"differences": {k: asdict(d) for k, d in r["differences"].items()}} for r in rows]
    # How long the trainings took stands in the page and in their own files.
    metrics = {"title": title, "conditions": asdict(conditions), "rows": plain}
    write_json(out / "metrics.json", untimed(metrics | {"trainings": results}))
    picture(out / "comparison.png", rows, conditions, title=title)
    print(f"wrote metrics.json, comparison.md and comparison.png to {out}")


if __name__ == "__main__":
    run(main)
