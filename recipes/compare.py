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

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from wszoo.cli import run
from wszoo.comparison import Conditions, Study, registered, summarise
from wszoo.comparison.arms import parse_settings
from wszoo.comparison.summary import sentence
from wszoo.comparison.tables import markdown, picture, tables
from wszoo.data import load
from wszoo.files import write_json, write_text

EDGE = (
    "(*) the best learning rate was the least or the largest of those tried. Seconds are this "
    "machine's, with whatever else it had to do."
)


def main(
    model: Annotated[str, typer.Argument(help="A registered model.")],
    data: Annotated[str, typer.Option(help="A source: a name, an .npz file, a folder.")],
    plans: Annotated[str, typer.Option(help="By commas: default,untied,cycle:2.")] = "",
    arm: Annotated[list[str] | None, typer.Option(help='label=PLAN@{"tiles": 2}.')] = None,
    settings: Annotated[str, typer.Option("--set", help="Settings of all arms, as JSON.")] = "{}",
    samples: Annotated[str, typer.Option(help="Training samples, by commas.")] = "50,200",
    seeds: Annotated[int, typer.Option(help="Trainings of each arm that are scored.")] = 5,
    steps: Annotated[int, typer.Option(help="Training steps of every arm.")] = 600,
    batch_size: int = 32,
    points: Annotated[int, typer.Option(help="How often validation is scored.")] = 20,
    rates: Annotated[str, typer.Option(help="Learning rates to try.")] = "1e-3,3e-3,1e-2",
    tune_seeds: Annotated[int, typer.Option(help="Trainings of each rate.")] = 2,
    noise: Annotated[float, typer.Option(help="Autoencoders restore inputs with so much.")] = 0.0,
    target: Annotated[float | None, typer.Option(help="Validation score to reach.")] = None,
    reference: Annotated[str | None, typer.Option(help="The arm to compare with.")] = None,
    image_size: Annotated[int | None, typer.Option(help="Resize images to this side.")] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Where TFDS keeps data sets.")] = None,
    manual_dir: Annotated[Path | None, typer.Option(help="Where raw files lie.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the results.")] = Path("runs/compare"),
    smoke: Annotated[bool, typer.Option(help="A few steps, to see that it runs.")] = False,
) -> None:
    """Train a registered model under several plans, under equal conditions, and compare."""
    source = load(data, image_size=image_size, data_dir=data_dir, manual_dir=manual_dir)
    arms, task = registered(
        model,
        source,
        plans=[p for p in plans.split(",") if p],
        variants=arm or [],
        settings=parse_settings(settings, "--set"),
    )
    if reference not in (None, *(a.label for a in arms)):
        raise ValueError(f"--reference {reference}: the arms are {[a.label for a in arms]}")
    counts, tried = numbers("--samples", samples, int), tuple(numbers("--rates", rates, float))
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
    metrics = {"title": title, "conditions": asdict(conditions), "rows": plain}
    write_json(out / "metrics.json", metrics | {"trainings": results})
    picture(out / "comparison.png", rows, conditions, title=title)
    print(f"wrote metrics.json, comparison.md and comparison.png to {out}")


def numbers(option: str, text: str, kind: type) -> list:
    try:
        return [kind(part) for part in text.split(",")]
    except ValueError as error:
        raise ValueError(f"{option} takes numbers by commas, not {text!r}") from error


if __name__ == "__main__":
    run(main)
