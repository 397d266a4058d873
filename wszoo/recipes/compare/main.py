"""All arms take the same number of steps on the same draws of samples.

Each chooses its learning rate from the same few by its score on validation. Writes metrics.json,
comparison.md and comparison.png to --out, and each finished training to --out/trainings.

The target is the worst arm's mean validation score at the end. A difference counts where the 95 %
t-interval of the paired differences over seeds leaves out 0; else the verdict is "no difference".

Measured: see the section on comparisons in README.md and docs/claims.md.
"""

import json
from dataclasses import asdict

from rich.console import Console
from rich.progress import Progress

from wszoo import checks
from wszoo.command_line import options as option
from wszoo.comparison import Conditions, Study, registered, summarise
from wszoo.comparison.summary import sentence
from wszoo.comparison.tables import markdown, picture, tables
from wszoo.data import load
from wszoo.files import write_json, write_text
from wszoo.recipes.compare import Compare
from wszoo.report import untimed

EDGE = (
    "(*) the best learning rate was the least or the largest of those tried. Seconds are this "
    "machine's, with whatever else it had to do."
)


def main(options: Compare) -> None:
    """Train a registered model under several plans, under equal conditions, and compare."""
    source = load(options.data, **option.reading(options))
    arms, task = registered(
        options.model,
        source,
        plans=[] if options.plans is None else option.split(options.plans),
        variants=options.arm or [],
        settings=json.loads(options.set_),
    )
    if options.reference is not None:
        checks.one_of("--reference", options.reference, [arm.label for arm in arms])
    conditions = conditions_of(options, task)
    seeds = 2 if options.smoke else options.seeds
    counts = [int(count) for count in option.split(options.samples)]
    study = Study(arms, source, conditions, counts, seeds, options.out / "trainings")
    with Progress(transient=True) as progress:
        bar = progress.add_task("trainings", total=study.trainings)
        results = study.run(lambda done: progress.update(bar, completed=done))
    on = f"{source.name}, {seeds} seeds, {conditions.steps} steps of {conditions.batch_size}"
    write(options, results, conditions, title=f"{options.model} on {on}")


def conditions_of(options: Compare, task: str) -> Conditions:
    """What all arms have in common."""
    rates = tuple(float(rate) for rate in option.split(options.rates))
    steps, points, tune_seeds = options.steps, options.points, options.tune_seeds
    if options.smoke:
        steps, points, tune_seeds, rates = 10, 2, 1, rates[:2]
    return Conditions(task, steps, options.batch_size, points, options.noise, rates, tune_seeds)


def write(options: Compare, results: list[dict], conditions: Conditions, *, title: str) -> None:
    """Prints and writes the comparison as tables, sentences and a picture."""
    out = options.out
    rows = summarise(results, conditions, reference=options.reference, target=options.target)
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
