"""A run of your own: one call of `wszoo.transfer` with its options."""

import sys
from contextlib import nullcontext
from pathlib import Path

import keras
from rich.console import Console

import wszoo
from wszoo.command_line import options as option
from wszoo.exporting.saved_model.write import saved_model
from wszoo.files import remove_whole, write_json
from wszoo.locks import only_one
from wszoo.recipes.finetune import OF_OWN, Finetune
from wszoo.recipes.finetune.choosing import source_for
from wszoo.transferring.result import Result
from wszoo.transferring.training import processes as distributed

AS_GIVEN = tuple(name for name in OF_OWN if name not in ("augment", "distribution"))
BOTH = ("task", "head", "freeze", "lora", "image_size", "resize", "seed")


def own_run(options: Finetune) -> None:
    """One run of `wszoo.transfer`; its backups are in --out until it ends."""
    processes = distributed.start(options.distribution, seed=options.seed)  # before all else
    arguments = {name: getattr(options, name) for name in (*AS_GIVEN, *BOTH)}
    arguments |= {
        "cache": {"off": False}.get(options.cache, options.cache),
        "weights": None if options.weights == "none" else options.weights,
        "order": options.order and option.split(options.order),
        "augment": "jitter" if options.augment else None,
        "epochs": min(2, options.epochs) if options.smoke else options.epochs,
    }
    data = source_for(options)
    out, chief = options.out, processes is None or processes.chief
    with only_one(out, "a run") if chief else nullcontext():  # the others share its folder
        bar = 1 if sys.stdout.isatty() else 2  # a bar that is no terminal's is many lines
        result = wszoo.transfer(
            options.backbone or "",
            data=data,
            distribution=processes,
            resume=out / "run",
            verbose=bar,
            **arguments,
        )
        if chief:
            write(out, result)


def write(out: Path, result: Result) -> None:
    """Prints what was done and measured, and writes it with the model."""
    for table in (result.freeze_plan.table(result.model), result.table()):
        Console(width=110).print(table)
    for phase, reason in result.cache.items():
        print(f"{phase}: {'features were kept' if reason is None else f'no cache: {reason}'}")
    print(*result.notes, sep="\n")
    about = {"backbone": result.backbone, "freeze_plan": result.freeze_plan.to_dict()}
    about |= {"cache": result.cache}
    measured = {"metrics": result.metrics, "history": result.history}
    write_json(out / "metrics.json", about | measured)
    result.picture(out / "curves.png")
    wszoo.save(result.model, out / "model.keras")
    wrote = "metrics.json, curves.png, model.keras"
    if keras.backend.backend() == "tensorflow":
        saved_model(result.model, out / "saved_model" / "1")
        wrote += ", saved_model/1"
    remove_whole(out / "run")
    print(f"Wrote {wrote} to {out}")
