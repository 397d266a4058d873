"""One run on one split: probe, trained head, then everything; the best by validation is kept.

The head starts at its closed form (`probe`), is trained on the features of the frozen backbone
(`frozen`), and then trains with everything else (`finetuned`). What has the least loss on the
validation examples is the model; the test examples are for it alone. Writes metrics.json,
curves.png, model.keras and, of classes, confusion.png and doubtful.png (test images that it is
wrong about, the surest first, then those it is least sure of) to --out.

The same command goes on where it was stopped, and one that is done is not trained again.
"""

import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

import wszoo
from wszoo import fingerprints, pictures
from wszoo.command_line import options as option
from wszoo.data import Source
from wszoo.data.examples import examples
from wszoo.files import remove_whole, write_json
from wszoo.locks import only_one
from wszoo.predicting.showing import sheet
from wszoo.recipes.finetune import Finetune
from wszoo.recipes.finetune.choosing import COLOUR, source_for
from wszoo.transferring.result import Result

PATIENCE = 5  # epochs without a smaller loss
FROZEN: dict[str, object] = {"name": "frozen", "train": "head", "epochs": 30, "learning_rate": 1e-3}
EVERYTHING: dict[str, object] = {"epochs": 20, "learning_rate": 1e-3}
# A backbone of ImageNet takes half a minute an epoch, and forgets all it knows at a rate of 1e-3.
LARGE: dict[str, object] = {"epochs": 4, "learning_rate": 3e-4}
KEPT = ("backbone", "task", "order", "head", "image_size", "resize", "labels_per_class", "weights",
        "seed", "smoke")  # fmt: skip
SHOWN = 20  # images of a contact sheet


def finetune(options: Finetune) -> None:
    """Trains, keeps the best, and says what was learnt and how to go on."""
    data, out = source_for(options), options.out
    decides = {name: getattr(options, name) for name in KEPT} | {"data": data}
    run = out / "run" / fingerprints.digest(decides)
    with only_one(out, "a run"):
        for other in (out / "run").glob("*"):
            if other != run:  # of other data or settings
                remove_whole(other)
        result = trained(options, data, run)
        write(options, data, result)


def trained(options: Finetune, data: Source | str, run: Path) -> Result:
    """The transfer run, whose backups are in `run`."""
    large = ":" in (options.backbone or "") or options.backbone == COLOUR
    finetuned = {"name": "finetuned", "train": "all"} | (LARGE if large else EVERYTHING)
    phases = [FROZEN, finetuned]
    if options.smoke:
        phases = [phase | {"epochs": 1} for phase in phases]
    return wszoo.transfer(
        options.backbone or "",
        options.task,
        data,
        head=options.head,
        order=options.order and option.split(options.order),
        freeze={"phases": phases},
        early_stopping=PATIENCE,
        cache=False if options.cache == "off" else options.cache,
        weights=None if options.weights == "none" else options.weights,
        image_size=options.image_size,
        resize=options.resize,
        resume=run,
        seed=options.seed,
        verbose=1 if sys.stdout.isatty() else 2,
    )


def best_of(result: Result) -> str:
    """The phase whose epoch has the least loss on validation."""
    named = {"start": "probe"}
    phase = min(result.history, key=lambda row: row["val_loss"])["phase"]
    return named.get(phase, phase)


def table(result: Result) -> Table:
    """A rich table: the best epoch of each phase on validation."""
    names = [key for key in result.history[0] if key.startswith("val_")]
    made = Table("", title=f"{result.backbone}, on validation", title_justify="left")
    for name in names:
        made.add_column(name.removeprefix("val_"), justify="right")
    for phase in dict.fromkeys(row["phase"] for row in result.history):
        rows = [row for row in result.history if row["phase"] == phase]
        best = min(rows, key=lambda row: row["val_loss"])
        label = {"start": "probe"}.get(phase, phase)
        made.add_row(label, *(f"{best.get(name, np.nan):.4f}" for name in names))
    return made


def write(options: Finetune, data: Source | str, result: Result) -> None:
    """Prints and writes what was learnt, and how to go on."""
    out, best = options.out, best_of(result)
    out.mkdir(parents=True, exist_ok=True)
    Console().print(table(result))
    scores = ", ".join(f"{name} {value:.4f}" for name, value in result.metrics["test"].items())
    print(f"least loss on validation: {best}. On the test examples: {scores}")
    print(*result.notes, sep="\n")
    metrics: dict[str, object] = {"backbone": result.backbone, "data": options.data, "best": best}
    metrics["metrics"] = result.metrics
    write_json(out / "metrics.json", metrics | {"history": result.history})
    result.picture(out / "curves.png")
    wszoo.save(result.model, out / "model.keras")
    wrote = ["metrics.json", "curves.png", "model.keras"]
    if result.task.labels:
        wrote += judged(options, data, result)
    print(f"Wrote {', '.join(wrote)} to {out}. To go on:")
    file = out / "model.keras"
    print(
        f"  wszoo predict {file} {'PHOTO …' if len(result.model.input_shape) == 4 else 'INPUT …'}"
    )
    print(f"  wszoo export {file} {out / 'export'}")


def judged(options: Finetune, data: Source | str, result: Result) -> list[str]:
    """Prints the commonest mistakes on the test examples; the pictures that it wrote of them."""
    known = examples(data)
    x, y = known.splits["test"]
    names, out = result.class_names, options.out
    outputs = np.asarray(result.model.predict(x, batch_size=128, verbose=0)).astype("float64")
    powers = np.exp(outputs - outputs.max(-1, keepdims=True))
    shares = powers / powers.sum(-1, keepdims=True)
    guessed = shares.argmax(-1)
    counts = np.zeros((len(names), len(names)), int)
    np.add.at(counts, (y, guessed), 1)
    pictures.confusion(out / "confusion.png", counts, names, title=f"{result.backbone}, test")
    for count, true, taken in mistakes(counts)[:3]:
        print(f"  {names[true]} taken for {names[taken]}: {count} of {counts[true].sum()}")
    if x.ndim != 4:
        return ["confusion.png"]
    sure = shares.max(-1)
    order = np.lexsort((np.where(guessed == y, sure, -sure), guessed == y))[:SHOWN]
    verbs = np.where(guessed == y, "", "taken for ")
    words = [f"{names[y[i]]}\n{verbs[i]}{names[guessed[i]]} {sure[i]:.2f}" for i in order]
    sheet(out / "doubtful.png", x[order], words)
    return ["confusion.png", "doubtful.png"]


def mistakes(counts: np.ndarray) -> list[tuple[int, int, int]]:
    """`(count, true class, taken for)`, the commonest first."""
    wrong = [(int(counts[t, p]), t, p) for t, p in zip(*np.nonzero(counts), strict=True) if t != p]
    return sorted(wrong, key=lambda row: -row[0])
