"""Put a pretrained backbone under a new head, on few labels, beside its rivals.

    python recipes/finetune.py conv_net.omniglot --data digits --labels-per-class 5 --seeds 5

`frozen` is logistic regression on the backbone's features; `finetune` starts from that and trains
everything; `scratch` trains the same network from random values; `pixels` is logistic regression
on the image itself. Trained modes move the images a little; `finetune-plain` and `scratch-plain`
do not. `all` runs the first four side by side on the same draws of labels. Learning rates and
strengths were chosen for each mode by one search over held-out images
(benchmarks/transfer/settings.py). Writes metrics.json, curves.png, model.keras and saved_model/ (of
the mode that is best on the validation images) to --out.

`--mode plan` is one run of your own, `wszoo.transfer` with its options; it goes on from its last
epoch when the same command is given again after it was killed:

    python recipes/finetune.py conv_net.omniglot --mode plan --data my_images/ --freeze plan.yaml
    python recipes/finetune.py keras:MobileNetV3Small --mode plan --data list.csv --image-size 96

With `--distribution data_parallel` several processes share each batch (docs/distribution.md).

Measured, digits, test accuracy over 5 seeds: see the table in README.md.
"""

import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer
from rich.console import Console
from rich.progress import Progress

import wszoo
from wszoo import checks, report, tasks
from wszoo.arguments import parameters
from wszoo.command_line import option_values, run
from wszoo.command_line.options import (
    ANY,
    Data,
    DataDir,
    Smoke,
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
from wszoo.data import Source, load
from wszoo.data.csv_file import is_table_file
from wszoo.data.images import RESIZE
from wszoo.exporting.saved_model.write import saved_model
from wszoo.files import remove_whole, write_json
from wszoo.locks import only_one
from wszoo.tasks import heads, probe
from wszoo.tasks.named_heads import HEADS
from wszoo.transferring import backbones
from wszoo.transferring.result import Result
from wszoo.transferring.run import transfer
from wszoo.transferring.training import processes as distributed
from wszoo.transferring.training import repeated as tune


@dataclass(frozen=True)
class Mode:
    """Closed form (`strength`: scikit-learn's C) or trained (`learning_rate`)."""

    pretrained: bool
    strength: float = 100.0
    learning_rate: float | None = None
    jitter: bool = False


TASKS = tasks.names(head=True)
MODES = {
    "pixels": Mode(pretrained=False, strength=1.0),
    "scratch": Mode(pretrained=False, learning_rate=1e-2, jitter=True),
    "frozen": Mode(pretrained=True),
    "finetune": Mode(pretrained=True, learning_rate=3e-3, jitter=True),
    "scratch-plain": Mode(pretrained=False, learning_rate=1e-2),
    "finetune-plain": Mode(pretrained=True, learning_rate=1e-3),
}


OWN, RIVALS = "Of --mode plan", "Of the other modes"


def plan_flag(help: str) -> Any:
    return typer.Option(help=help, rich_help_panel=OWN)


ALL = "pixels,scratch,frozen,finetune"
HELD = ("validation", "test")


def main(
    context: typer.Context,
    backbone: Annotated[str, argument(text("A model with its tag."))] = "conv_net.omniglot",
    data: Data = "digits",
    mode: Annotated[
        str, text(f"all, or some of {','.join(MODES)}; or plan: a run of your own.")
    ] = "all",
    labels_per_class: Annotated[list[int] | None, whole("Give it several times.")] = None,
    seeds: Annotated[int, whole("Draws of the labels.", panel=RIVALS)] = 5,
    steps: Annotated[int, whole("Of the trained modes.", panel=RIVALS)] = 120,
    task: Annotated[
        str, word(f"One of {', '.join(TASKS)}.", valid=TASKS, panel=OWN)
    ] = "classification",
    order: Annotated[
        str | None, words("Of ordinal: the classes from low to high, by commas.", panel=OWN)
    ] = None,
    head: Annotated[str, word(f"One of {', '.join(HEADS)}.", valid=HEADS, panel=OWN)] = "dense",
    freeze: Annotated[str | None, text("head, all, a glob, or a plan.yaml.", panel=OWN)] = None,
    epochs: Annotated[int, whole("Where --freeze is no plan.", panel=OWN)] = 20,
    batch_size: Annotated[int, whole("At most.", most=ANY, panel=OWN)] = 32,
    learning_rate: Annotated[float, rate("Of Adam, cosine to zero.", panel=OWN)] = 1e-3,
    lr_decay: Annotated[
        float, number("Factor of the rate from stage to stage.", above=0, most=10, panel=OWN)
    ] = 1.0,
    lora: Annotated[int | None, whole("Rank of low-rank adapters.", most=4096, panel=OWN)] = None,
    cache: Annotated[str, text("auto, off, or a folder of features.", panel=OWN)] = "auto",
    augment: Annotated[bool, plan_flag("Move, turn and scale images a little.")] = False,
    views: Annotated[int, whole("So many fixed views of each image.", least=0, panel=OWN)] = 0,
    l2_sp: Annotated[
        float, number("Pull towards the pretrained weights.", least=0, most=1e6, panel=OWN)
    ] = 0.0,
    early_stopping: Annotated[int | None, whole("Epochs without progress.", panel=OWN)] = None,
    mixed_precision: Annotated[bool, plan_flag("Compute in 16 bits.")] = False,
    class_weight: Annotated[str | None, word("balanced.", valid=("balanced",), panel=OWN)] = None,
    accumulate: Annotated[int, whole("Batches a step.", panel=OWN)] = 1,
    tensorboard: Annotated[Path | None, folder("Folder of logs.", panel=OWN)] = None,
    weights: Annotated[
        str, text("Of keras:NAME: imagenet, none or a file.", panel=OWN)
    ] = "imagenet",
    image_size: Annotated[int | None, whole("Of keras:NAME.", most=4096, panel=OWN)] = None,
    resize: Annotated[str | None, word("Images: crop, pad or stretch.", valid=RESIZE)] = None,
    distribution: Annotated[
        str | None,
        word(
            "data_parallel: several processes, see docs/distribution.md.",
            valid=("data_parallel",),
            panel=OWN,
        ),
    ] = None,
    seed: Annotated[int, whole("Of a run of your own.", least=0, most=2**32 - 1, panel=OWN)] = 0,
    on_broken: Annotated[
        str | None,
        word("refuse (the default) or skip broken image files.", valid=("refuse", "skip")),
    ] = None,
    data_dir: DataDir = None,
    out: Annotated[Path, folder("Folder of the results.")] = Path("runs/finetune"),
    smoke: Smoke = False,
) -> None:
    """Put a pretrained backbone under a new head, on few labels, beside its rivals."""
    names = split(ALL if mode == "all" else mode)
    if mode != "plan":
        checks.some_of("--mode", names, MODES if len(names) > 1 else ("all", "plan", *MODES))
    check_options(context, RIVALS if mode == "plan" else OWN, mode)
    check_own(backbone, cache, task, order, weights, image_size)
    processes = distributed.start(distribution, seed=seed)  # before anything is computed
    if mode == "plan":
        asked = {k: v for k, v in locals().items() if k in parameters(transfer)}
        if len(labels_per_class or []) > 1:
            raise ValueError(
                f"--mode plan takes one --labels-per-class; received {labels_per_class}"
            )
        places = {"data_dir": data_dir, "on_broken": on_broken, "resize": resize}
        known = source_for(backbone, data, task, image_size, **places)
        if labels_per_class and isinstance(known, Source):
            known = known.subset(labels_per_class[0], seed=seed)
        own_run(out, smoke, **asked | {"data": known, "distribution": processes})
        return
    counts = labels_per_class or [5]
    if smoke:
        counts, seeds, steps = counts[:1], min(seeds, 2), 12
    keras.utils.set_random_seed(0)  # dropout, if the backbone has some; draws have their own
    net = wszoo.get(backbone, head=None)
    options = {"data_dir": data_dir, "on_broken": on_broken, "resize": resize}
    source = load(data, image_size=net.input_shape[1], **options)
    if source.input_shape != net.input_shape[1:]:
        raise ValueError(
            f"{backbone} takes images {net.input_shape[1:]}; {data} has {source.input_shape}"
        )
    rivals = Rivals(net, source, steps)

    started, results = time.perf_counter(), []
    with Progress(transient=True) as progress:
        task = progress.add_task("training", total=len(names) * len(counts) * seeds)
        for name in names:
            for labels in counts:
                for seed in range(seeds):
                    results.append(rivals.run(name, labels, seed))
                    progress.advance(task)
    seconds = time.perf_counter() - started

    print(f"{backbone} → {data}: test accuracy, mean ± sd over {seeds} draws ({seconds:.0f} s)")
    table = report.grid(results, row="mode", column="labels/class", value="test")
    Console().print(table)
    validation = {n: np.mean([r["validation"] for r in results if r["mode"] == n]) for n in names}
    best = max(names, key=validation.__getitem__)
    out.mkdir(parents=True, exist_ok=True)
    metrics = {"backbone": backbone, "data": data, "steps": steps, "best": best}
    write_json(out / "metrics.json", report.untimed(metrics | {"results": results}))
    draw(out / "curves.png", results)
    times = [{k: v for k, v in r.items() if k in ("mode", "labels/class", "seed", "seconds")}
             for r in results]  # fmt: skip
    write_json(out / "times.json", times)
    print(f"best on validation: {best}. Wrote metrics.json and curves.png to {out}")
    trained = [name for name in names if name != "pixels"]  # pixels have no backbone to keep
    if trained:
        keep = max(trained, key=validation.__getitem__)
        model = rivals.classifier(keep, max(counts), 0)
        wszoo.save(model, out / "model.keras")
        saved_model(model, out / "saved_model" / "1")
        print(f"and model.keras and saved_model/1: {keep}, {max(counts)} labels a class")


def check_options(context: typer.Context, panel: str, mode: str) -> None:
    """Raises `ValueError` where an option was given that this mode would pass over."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if (
            source is not None
            and source.name == "COMMANDLINE"
            and getattr(option, "rich_help_panel", None) == panel
        ):
            raise ValueError(f"{option.opts[0]} does not go with --mode {mode}; it is one {panel}")


def check_own(
    backbone: str, cache: str, task: str, order: Any, weights: str, image_size: int | None
) -> None:
    """Raises `ValueError` for options of a run of your own that do not go together."""
    if cache not in ("auto", "off"):
        folder = option_values.new_folder("--cache", Path(cache))
        if not folder.exists() and (near := checks.near(cache, ("auto", "off"))):
            raise ValueError(f"--cache must be auto, off or a folder; received {cache!r}{near}")
    if order is not None and not tasks.find(task).ordered:
        raise ValueError(f"--order is for --task ordinal, not for {task}")
    if ":" not in backbone and (weights != "imagenet" or image_size is not None):
        option = "--image-size" if weights == "imagenet" else "--weights"
        raise ValueError(f"{option} is for a backbone keras:NAME; received {backbone!r}")


def source_for(
    backbone: str, data: str, task: str, image_size: int | None, **places: Any
) -> Source | str:
    """The data of a run of your own; targets that are no classes stay in their .npz."""
    if data.endswith(".npz") and not tasks.find(task).labels:
        return data
    found = backbones.find(backbone, image_size=image_size)
    if is_table_file(Path(data)):
        places["targets"] = "numbers" if tasks.find(task).numbers else None
        places["vocabulary"] = found.vocabulary or None
    return load(data, image_size=found.size, **places)


def own_run(out: Path, smoke: bool, **options: Any) -> None:
    """One run of `wszoo.transfer`; its backups are in `out` until it ends."""
    options["cache"] = {"off": False}.get(options["cache"], options["cache"])
    options["weights"] = None if options["weights"] == "none" else options["weights"]
    options["order"] = options["order"] and options["order"].split(",")
    options["augment"] = "jitter" if options["augment"] else None
    options["epochs"] = min(2, options["epochs"]) if smoke else options["epochs"]
    chief = options["distribution"].chief
    with only_one(out, "a run") if chief else nullcontext():  # the others share its folder
        bar = 1 if sys.stdout.isatty() else 2  # a bar that is no terminal's is many lines
        result = wszoo.transfer(**options, resume=out / "run", verbose=bar)
        if chief:
            write(out, result)


def write(out: Path, result: Result) -> None:
    for table in (result.freeze_plan.table(result.model), result.table()):
        Console(width=110).print(table)
    for phase, reason in result.cache.items():
        print(f"{phase}: {'features were kept' if reason is None else f'no cache: {reason}'}")
    print(*result.notes, sep="\n")
    record = {"backbone": result.backbone, "freeze_plan": result.freeze_plan.to_dict()}
    record |= {"cache": result.cache, "metrics": result.metrics, "history": result.history}
    write_json(out / "metrics.json", record)
    result.picture(out / "curves.png")
    wszoo.save(result.model, out / "model.keras")
    wrote = "metrics.json, curves.png, model.keras"
    if keras.backend.backend() == "tensorflow":
        saved_model(result.model, out / "saved_model" / "1")
        wrote += ", saved_model/1"
    remove_whole(out / "run")
    print(f"Wrote {wrote} to {out}")


class Rivals:
    """Runs one mode on one draw of labels; what the draws have in common is made once."""

    def __init__(self, net: keras.Model, source: Source, steps: int):
        self.net, self.source, self.steps = net, source, steps
        self.model = heads.attach_head(net, source.num_classes)
        self.pretrained = net.get_weights()
        self.features = {s: probe.features(net, source.arrays(s)[0]) for s in HELD}
        self.pixels = {s: flat(source.arrays(s)[0]) for s in HELD}
        self.trainers: dict[tune.Schedule, tune.Trainer] = {}

    def run(self, name: str, labels: int, seed: int) -> dict:
        """Accuracy on validation and test, and the curve over training steps."""
        started = time.perf_counter()
        few = self.source.subset(labels, seed=seed)
        if MODES[name].learning_rate is None:
            linear, curve = self.probe(name, few), []
            rows = self.features if MODES[name].pretrained else self.pixels
            scores = {s: probe.accuracy(rows[s], few.arrays(s)[1], linear) for s in HELD}
        else:
            curve = self.train(name, few, seed)
            scores = {s: tune.accuracy(self.model, *few.arrays(s)) for s in HELD}
        seconds = round(time.perf_counter() - started, 2)
        row = {"mode": name, "labels/class": labels, "seed": seed, "seconds": seconds}
        return row | scores | {"curve": curve}

    def classifier(self, name: str, labels: int, seed: int) -> keras.Model:
        """The whole model that a mode ends with."""
        few = self.source.subset(labels, seed=seed)
        if MODES[name].learning_rate is None:
            self.model.set_weights([*self.pretrained, *self.probe(name, few)])
        else:
            self.train(name, few, seed)
        return self.model

    def probe(self, name: str, few: Source) -> probe.Linear:
        x, y = few.arrays("train")
        mode = MODES[name]
        if mode.pretrained:
            self.net.set_weights(self.pretrained)
            x = probe.features(self.net, x)
        classes = self.source.num_classes
        return probe.fit_probe(flat(x), y, classes=classes, strength=mode.strength)

    def train(self, name: str, few: Source, seed: int) -> list:
        mode = MODES[name]
        assert mode.learning_rate is not None
        schedule = tune.Schedule(mode.learning_rate, self.steps, jitter=mode.jitter)
        if schedule not in self.trainers:
            self.trainers[schedule] = tune.Trainer(self.model, schedule)
        start = [*self.pretrained, *self.probe(name, few)]
        if not mode.pretrained:
            start = heads.random_start(self.model, seed)
        arrays = few.arrays("train"), few.arrays("validation")
        return self.trainers[schedule].run(start, *arrays, seed=seed)


def flat(x: np.ndarray) -> np.ndarray:
    return x.reshape(len(x), -1)


def draw(path: Path, results: list[dict]) -> None:
    """Validation accuracy over steps of the trained modes; the closed forms as levels."""
    panels: dict = {}
    levels: dict = {}
    for row in results:
        title = f"{row['labels/class']} labels a class"
        home = panels if row["curve"] else levels
        value = row["curve"] or row["validation"]
        home.setdefault(title, {}).setdefault(row["mode"], []).append(value)
        panels.setdefault(title, {})
    report.curves(path, panels, levels=levels, x="training steps", y="validation accuracy")


if __name__ == "__main__":
    run(main)
