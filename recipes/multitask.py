"""Three tasks on one backbone, or a backbone a task: what sharing saves, and what it costs.

    python recipes/multitask.py --data mnist --width 12 --steps 300

The tasks are the class of an image of a stroke, and the slant (degrees) and thickness (pixels) of
the stroke, both measured on the image itself (moments; distance to the background), which stand in
for annotations and need no labelling; Castro et al. 2019, "Morpho-MNIST", measure the same. The
arms: `separate`, a conv_net a task; `shared`, one conv_net with three heads and equal weights of
the losses; `uncertainty`, the same with learnt weights (Kendall et al. 2018). All have the same
steps and learning rate. Each with labels for all training images, and with few: then the class
alone is known for few images, on which the separate model trains as many steps.

Writes metrics.json (a row a run; a run that was broken off goes on), multitask.md and
multitask.png (errors relative to those of the separate models) to --out.

Measured by the command above (docs/multitask/multitask.md), 3 seeds, one learning rate for all arms
that was not tuned for any: sharing stores a third, leaves slant as good, and makes class and
thickness worse, also where labels are few. With all labels the learnt weights give a lower error in
class than equal ones in each of the seeds; the spread between seeds is of the same size.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import Progress
from scipy.ndimage import distance_transform_edt

import wszoo
from wszoo import batches, checksums, claims, pictures, report
from wszoo.command_line import run
from wszoo.command_line.options import ANY, DataDir, Smoke, folder, rate, text, whole
from wszoo.data import load
from wszoo.files import write_text
from wszoo.tasks.several import Head, attach_heads, compile_heads, known, sharing_between_tasks
from wszoo.training import cosine

ARMS = ("separate", "shared", "uncertainty")
METRIC = {"class": "error (%)", "slant": "error (degrees)", "thickness": "error (pixels)"}


def main(
    data: Annotated[str, text("A source of images of strokes.")] = "digits",
    examples: Annotated[int, whole("Training images.", most=ANY)] = 1000,
    few: Annotated[int, whole("Labelled ones where labels are few.", most=ANY)] = 100,
    seeds: Annotated[int, whole("Draws of labels and first weights.")] = 3,
    steps: Annotated[int, whole("Of every training.")] = 400,
    batch_size: Annotated[int, whole("Images a step.", most=4096)] = 50,
    learning_rate: Annotated[float, rate("Of Adam, at its height.")] = 3e-3,
    width: Annotated[int, whole("Of conv_net.", most=4096)] = 16,
    data_dir: DataDir = None,
    out: Annotated[Path, folder("Folder of the results.")] = Path("runs/multitask"),
    smoke: Smoke = False,
) -> None:
    """Train three tasks together and apart."""
    if smoke:
        examples, few, seeds, steps = min(examples, 200), min(few, 40), min(seeds, 2), 8
    settings = {"data": data, "examples": examples, "few": few, "steps": steps, "width": width}
    settings |= {"batch_size": batch_size, "learning_rate": learning_rate}
    source = load(data, image_size=28, data_dir=data_dir)
    study = Study(source, settings)
    todo = [(n, arm, seed) for seed in range(seeds) for n in (examples, few) for arm in ARMS]
    with claims.claimed(out, settings | {"source": source}, "a run"):
        rows = [row for row in trained(out / "metrics.json", study, todo) if row["seed"] < seeds]
        lines = page(rows, settings, seeds)
        write_text(out / "multitask.md", "\n".join(lines) + "\n")
        pictures.bars(
            out / "multitask.png",
            {arm: relative(rows, arm) for arm in ARMS},
            y="error ÷ mean of the separate models",
            title=f"{data}: three tasks on one backbone, {seeds} seeds",
        )
    Console().print(sharing_between_tasks(study.model(list(METRIC))).table())
    Console().print("\n".join(lines))


def trained(file: Path, study: "Study", todo: list[tuple[int, str, int]]) -> list[dict]:
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


class Study:
    """The data, and how one arm is trained and measured."""

    def __init__(self, source: Any, settings: dict):
        self.settings = settings
        self.x, y = source.arrays("train")
        self.x, y = self.x[: settings["examples"]], y[: settings["examples"]]
        self.targets = {"class": y, **attributes(self.x)}
        self.test_x, test_y = source.arrays("test")
        self.test_x, test_y = self.test_x[:2000], test_y[:2000]
        self.test = {"class": test_y, **attributes(self.test_x)}
        self.heads = {"class": Head("classification", source.num_classes)} | {
            name: Head("regression", 1, float(v.mean()), float(v.std()))
            for name, v in self.targets.items()
            if name != "class"
        }
        self.cache: dict[tuple, dict] = {}

    def model(self, tasks: list[str]) -> keras.Model:
        net = wszoo.get(
            "conv_net",
            input_shape=self.x.shape[1:],
            width=self.settings["width"],
            depth=4,
            head=None,
        )
        return attach_heads(net, {name: self.heads[name] for name in tasks})

    def run(self, labels: int, arm: str, seed: int) -> dict:
        """Errors of an arm by task, and the parameters that it stores."""
        if arm != "separate":
            return self.train(list(METRIC), labels, "uncertainty" if arm[0] == "u" else None, seed)
        scores: dict[str, Any] = {"stored": 0}
        for name in METRIC:
            n = labels if name == "class" else len(self.x)  # the others do not see the labels
            key = (name, n, seed)
            if key not in self.cache:
                self.cache[key] = self.train([name], n, None, seed)
            found = self.cache[key]
            scores |= {name: found[name], "stored": scores["stored"] + found["stored"]}
        return scores

    def train(self, tasks: list[str], labels: int, weights: str | None, seed: int) -> dict:
        keras.utils.set_random_seed(seed)
        model, heads = self.model(tasks), {name: self.heads[name] for name in tasks}
        steps, size = self.settings["steps"], self.settings["batch_size"]
        optimizer = keras.optimizers.Adam(
            cosine(self.settings["learning_rate"], steps, warmup=steps // 10)
        )
        compile_heads(model, heads, optimizer=optimizer, weights=weights)
        rng = batches.generator(seed)
        named = batches.shuffled(len(self.x), rng)[:labels]
        targets = {name: self.targets[name].copy() for name in tasks}
        x = self.x
        if tasks == ["class"]:  # nothing to learn from the others
            x, targets = x[named], {"class": targets["class"][named]}
        elif "class" in tasks:
            hidden = np.setdiff1d(np.arange(len(x)), named)
            targets["class"][hidden] = -1
        rows = batches.stream(len(x), steps * size, rng)
        y, weight = known({name: t[rows] for name, t in targets.items()}, heads)
        model.fit(x[rows], y, sample_weight=weight, batch_size=size, shuffle=False, verbose=0)
        outputs = model.predict(self.test_x, batch_size=500, verbose=0)
        return {n: error(n, outputs[n], self.test[n]) for n in tasks} | {
            "stored": int(model.count_params())
        }


def attributes(images: np.ndarray) -> dict[str, np.ndarray]:
    """Slant (degrees, leaning right is positive) and thickness (pixels) of strokes `(n, r, c, 1)`.

    Slant is the shear that makes the image upright; thickness four times the mean distance of the
    stroke's pixels to the background, which is the width of a long bar.
    """
    mass = images[..., 0].astype("float64") + 1e-9
    mass /= mass.sum(axis=(1, 2), keepdims=True)
    rows, columns = np.mgrid[: mass.shape[1], : mass.shape[2]]
    middle = [(mass * axis).sum(axis=(1, 2), keepdims=True) for axis in (rows, columns)]
    across = (mass * (rows - middle[0]) * (columns - middle[1])).sum(axis=(1, 2))
    down = (mass * np.square(rows - middle[0])).sum(axis=(1, 2))
    strokes = images[..., 0] > 0.5 * images[..., 0].max(axis=(1, 2), keepdims=True)
    widths = [4 * distance_transform_edt(s)[s].mean() if s.any() else 0.0 for s in strokes]
    return {
        "slant": np.degrees(np.arctan2(-across, down)).astype("float32"),
        "thickness": np.asarray(widths, "float32"),
    }


def error(task: str, outputs: np.ndarray, wanted: np.ndarray) -> float:
    """Percent of wrong classes, or the mean absolute error."""
    if task == "class":
        return float(100 * np.mean(outputs.argmax(1) != wanted))
    return float(np.mean(np.abs(outputs[:, 0] - wanted)))


def groups(rows: list[dict], value: Callable[[dict, str], float]) -> dict[str, list[float]]:
    """What the page and the picture compare: the three tasks, once for each number of labels."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for task in METRIC:
            found.setdefault(f"{task}, {row['labels']} labels", []).append(value(row, task))
    return found


def relative(rows: list[dict], arm: str) -> dict[str, list[float]]:
    def own(row: dict, task: str) -> float:
        same = [r for r in rows if (r["arm"], r["labels"]) == ("separate", row["labels"])]
        return row[task] / np.mean([r[task] for r in same])

    return groups([row for row in rows if row["arm"] == arm], own)


def page(rows: list[dict], settings: dict, seeds: int) -> list[str]:
    """Markdown: a row an arm and number of labels, mean ± sd of the errors over the seeds."""
    columns = [f"{task}: {unit}" for task, unit in METRIC.items()]
    lines = [
        "# Several tasks on one backbone",
        "",
        f"`recipes/multitask.py` on {settings['data']}: conv_net (width {settings['width']}), "
        f"{settings['examples']} training images, {settings['steps']} steps; mean ± sd over "
        f"{seeds} seeds. `labels` is how many images have a class; all have slant and thickness.",
        "",
        "| labels | arm | stored | " + " | ".join(columns) + " |",
        "|" + " --- |" * (3 + len(columns)),
    ]
    for labels in dict.fromkeys(row["labels"] for row in rows):
        for arm in ARMS:
            mine = [r for r in rows if (r["labels"], r["arm"]) == (labels, arm)]
            cells = [
                "{:.2f} ± {:.2f}".format(*report.mean_sd([r[t] for r in mine])) for t in METRIC
            ]
            lines.append(
                f"| {labels} | {arm} | {mine[0]['stored']:,} | " + " | ".join(cells) + " |"
            )
    return [*lines, "", "![errors relative to separate models](multitask.png)"]


if __name__ == "__main__":
    run(main)
