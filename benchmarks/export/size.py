"""Sizes of exported files, ours beside what Keras and the TFLite converter write, in one run.

    python -m benchmarks.export.size

Every registered model with its shipped weights (each tag), on the test data of its card, and the
models of `benchmarks/export/others.py`, with random weights and inputs; as SavedModel and LiteRT at
each precision. `stock` and `ours` are the bytes of weights in the file ÷ the model's stored bytes
at that precision, read from the file (`wszoo audit FILE`). Writes docs/export_size.md.
"""

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import keras
import typer

import wszoo
from benchmarks.export.others import FIXED_BATCH, LARGE, OTHERS, stir
from wszoo import evaluation, registry
from wszoo.command_line import run
from wszoo.exporting import parity
from wszoo.exporting.inspect import inspect_tflite
from wszoo.exporting.stored import inspect_file
from wszoo.exporting.tflite.convert import convert
from wszoo.exporting.tflite.precisions import BYTES
from wszoo.files import written_whole

OUT = Path(__file__).resolve().parents[2] / "docs" / "export_size.md"
SLACK = 64 * 1024  # bytes for graph and metadata
COLUMNS = ("model", "file", "stock", "ours", "file, KiB", "room, KiB", "error", "metric")
INTRO = """# Sizes of exported files

Made by `python -m benchmarks.export.size`. *stock* and *ours*: bytes of weights in the file ÷ bytes
of the model's weights, each once, at that precision; stock is `model.export` for the SavedModel and
`TFLiteConverter` for LiteRT. *room*: how far the whole file, graph and metadata included, is below
1.05 × those weights + 64 KiB; negative where it is above, as for SavedModels of many nodes: they
keep what TensorFlow writes beside the weights (20 to 170 KiB for shipped weights). *error*: largest
difference to Keras, relative to the largest output. *metric*: accuracy, or R² of a reconstruction,
in Keras → in the file, on the whole test split of the card's data.
"""


def main(
    models: Annotated[
        str, typer.Option(help="Measure these alone, separated by commas; all by default.")
    ] = "",
    data_dir: Annotated[Path | None, typer.Option(help="Where TFDS keeps data sets.")] = None,
    manual_dir: Annotated[Path | None, typer.Option(help="Where raw files lie.")] = None,
    smoke: Annotated[bool, typer.Option(help="Two small models; writes nothing.")] = False,
) -> None:
    """Sizes of exported files, ours beside what Keras and the TFLite converter write."""
    tags = [f"{n}.{tag}" for n in wszoo.list_models() for tag in wszoo.info(n).weights]
    asked = [name for name in models.split(",") if name] or [*tags, *OTHERS, *LARGE]
    if smoke:
        asked = ["tied_ae.digits", "holder"]
    if unknown := sorted(set(asked) - {*tags, *OTHERS, *LARGE}):
        raise ValueError(f"unknown models {unknown}; valid are {[*tags, *OTHERS, *LARGE]}")
    stored = OUT.with_suffix(".json")
    kept = json.loads(stored.read_text()) if stored.exists() else {}
    for name in asked:
        if name in tags:
            model, card = wszoo.get(name), evaluation.card_of(name)
            source = evaluation.source_of(card, data_dir=data_dir, manual_dir=manual_dir)
            real = evaluation.for_export(model, source, registry.entry(card["model"]).task)
            batch = FIXED_BATCH.get(card["model"])
        else:
            keras.utils.set_random_seed(0)
            model, batch = (OTHERS | LARGE)[name](), FIXED_BATCH.get(name)
            stir(model)
            inputs = parity.random_inputs(model, 4, seed=1)
            real = {"inputs": inputs, "calibration": parity.random_inputs(model, 32, seed=2)}
        kept[name] = rows(name, model, batch, real)
    if not smoke:
        write(kept, tags)


def write(kept: dict[str, list[str]], tags: list[str]) -> None:
    """The rows, and the page made of them; rows of what no longer exists are dropped."""
    known = {name: kept[name] for name in [*tags, *OTHERS, *LARGE] if name in kept}
    with written_whole(OUT.with_suffix(".json")) as part:
        part.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n")
    head = [f"| {' | '.join(COLUMNS)} |", "|" + "---|" * len(COLUMNS)]
    ours = [row for name, rows in known.items() if name in tags for row in rows]
    others = [row for name, rows in known.items() if name not in tags for row in rows]
    note = (
        "`transpose`, `transpose_b`, `einsum`, `holder` and `conv` are a tied autoencoder in five "
        "spellings;\n`mobilenet` and `resnet` are MobileNetV2 and ResNet50 of Keras Applications "
        "under `wszoo.retie`; the\nothers are in `benchmarks/export/others.py`. Random weights and "
        "inputs.\n"
    )
    text = [INTRO, "## Shipped weights\n", *head, *ours]
    text += ["\n## Models that are not ours\n", note, *head, *others]
    with written_whole(OUT) as part:
        part.write_text("\n".join(text) + "\n")


def rows(name: str, model: Any, batch: int | None, real: dict[str, Any]) -> list[str]:
    """A row a file, printed as they come."""
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        model.export(f"{folder}/stock", verbose=False)
        ours = wszoo.export(model, folder, "saved_model").files[0]
        stock = inspect_file(f"{folder}/stock").stored_bytes
        lines.append(line(name, "SavedModel", stock, ours))
        print(lines[-1], flush=True)
        for precision in BYTES:
            options = real | {"signature_batch": batch, "bound": float("inf")}
            try:
                ours = wszoo.export(model, folder, "litert", precision, **options).files[0]
                stock = inspect_tflite(
                    convert(
                        model, precision, shareable=False, batch=batch,
                        calibration=real["calibration"],
                    )
                ).stored_bytes  # fmt: skip
                lines.append(line(name, f"LiteRT {precision}", stock, ours))
            except ValueError as error:
                lines.append(f"| `{name}` | LiteRT {precision} | refused: {error} |||||||")
            print(lines[-1], flush=True)
    return lines


def line(name: str, kind: str, stock: int, ours: Any) -> str:
    room = (1.05 * ours.stored_bytes + SLACK - ours.file.file_bytes) / 1024
    error = "" if ours.max_error is None else f"{ours.max_error:.1e}"
    metric = "{:.4f} → {:.4f}".format(*ours.metric) if ours.metric else ""
    cells = (f"`{name}`", kind, f"{stock / ours.stored_bytes:.3f}", f"{ours.ratio:.3f}")
    sizes = (f"{ours.file.file_bytes / 1024:.1f}", f"{room:.1f}")
    return f"| {' | '.join([*cells, *sizes, error, metric])} |"


if __name__ == "__main__":
    run(main)
