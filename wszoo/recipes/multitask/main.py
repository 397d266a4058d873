"""Three tasks on one backbone, or a backbone a task: what sharing saves, and what it costs.

The tasks are the class of an image of a stroke, and the slant (degrees) and thickness (pixels) of
the stroke, both measured on the image itself (moments; distance to the background), which stand in
for annotations and need no labelling; Castro et al. 2019, "Morpho-MNIST", measure the same. The
arms: `separate`, a conv_net a task; `shared`, one conv_net with three heads and equal weights of
the losses; `uncertainty`, the same with learnt weights (Kendall et al. 2018). All have the same
steps and learning rate. Each with labels for all training images, and with few: then the class
alone is known for few images, on which the separate model trains as many steps.

Writes metrics.json (a row a run; a run that was broken off goes on), multitask.md and
multitask.png (errors relative to those of the separate models) to --out.

Measured (docs/multitask/multitask.md), 3 seeds, one learning rate for all arms that was not tuned
for any: sharing stores a third, leaves slant as good, and makes class and thickness worse, also
where labels are few. With all labels the learnt weights give a lower error in class than equal ones
in each of the seeds; the spread between seeds is of the same size.
"""

import dataclasses
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from wszoo import checksums, claims, pictures
from wszoo.command_line import options as option
from wszoo.data import load
from wszoo.files import write_text
from wszoo.recipes.multitask import Multitask
from wszoo.recipes.multitask.page import page, relative
from wszoo.recipes.multitask.study import ARMS, METRIC, Study
from wszoo.tasks.several import sharing_between_tasks

KEPT = ("data", "examples", "few", "steps", "width", "batch_size", "learning_rate")


def main(options: Multitask) -> None:
    """Train three tasks together and apart."""
    if options.smoke:
        options = smoke(options)
    out, seeds = options.out, options.seeds
    settings = {name: getattr(options, name) for name in KEPT}
    source = load(options.data, **option.reading(options))
    study = Study(source, settings)
    counts = (options.examples, options.few)
    todo = [(n, arm, seed) for seed in range(seeds) for n in counts for arm in ARMS]
    with claims.claimed(out, settings | {"source": source}, "a run"):
        rows = [row for row in trained(out / "metrics.json", study, todo) if row["seed"] < seeds]
        lines = page(rows, settings, seeds)
        write_text(out / "multitask.md", "\n".join(lines) + "\n")
        pictures.bars(
            out / "multitask.png",
            {arm: relative(rows, arm) for arm in ARMS},
            y="error ÷ mean of the separate models",
            title=f"{options.data}: three tasks on one backbone, {seeds} seeds",
        )
    Console().print(sharing_between_tasks(study.model(list(METRIC))).table())
    print("\n".join(lines))


def smoke(options: Multitask) -> Multitask:
    """The same with little of everything."""
    most = {"examples": 200, "few": 40, "seeds": 1, "steps": 8}
    less = {name: min(getattr(options, name), limit) for name, limit in most.items()}
    return dataclasses.replace(options, **less)


def trained(file: Path, study: Study, todo: list[tuple[int, str, int]]) -> list[dict]:
    """Rows of all runs in the file, after those of `todo` that it lacks were run."""
    rows: list[dict] = checksums.read_json(file)["results"] if file.is_file() else []
    done = {(row["labels"], row["arm"], row["seed"]) for row in rows}
    with Progress(transient=True) as progress:
        for labels, arm, seed in progress.track(todo, description="training"):
            if (labels, arm, seed) not in done:
                row = {"labels": labels, "arm": arm, "seed": seed}
                rows.append(row | study.run(labels, arm, seed))
                checksums.write_json(file, study.settings | {"results": rows})
    return rows
