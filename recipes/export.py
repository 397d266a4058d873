"""Export pretrained weights in every format and precision, measured on their own test data.

    python recipes/export.py tied_ae.fashion_mnist
    python recipes/export.py my_model.keras --data my_images/

Writes a SavedModel for TF Serving, a .tflite file a precision, and, beside them, a table of sizes
and of the task's metric in Keras and in each file, `metrics.json`, and a picture of both. A
precision whose file loses more of the metric than `--max-loss`, by more than the loss's error, is
refused, and the table says by how much.
"""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

import wszoo
from wszoo import evaluation, pictures, tasks
from wszoo.command_line import run
from wszoo.command_line.options import DataDir, ManualDir, argument, folder, number, text, word
from wszoo.exporting import gate, parity
from wszoo.exporting.tflite.precisions import BYTES
from wszoo.exporting.tflite.share import PREFER
from wszoo.files import write_json


def main(
    target: Annotated[str, argument(text("NAME.TAG or a .keras file."))],
    data: Annotated[str, text("A source; card: that of the weights.")] = "card",
    out: Annotated[Path, folder("The folder to write to.")] = Path("runs/export"),
    prefer: Annotated[str, word("speed, load, size or integer.", valid=PREFER)] = "speed",
    max_loss: Annotated[
        float,
        number("What a file may lose beyond the loss's error.", least=0, most=1),
    ] = gate.MAX_LOSS,
    bound: Annotated[
        float | None,
        number("The largest difference ÷ the largest output.", above=0, most=1),
    ] = None,
    data_dir: DataDir = None,
    manual_dir: ManualDir = None,
    smoke: Annotated[bool, typer.Option(help="float32 and int8 alone.")] = False,
) -> None:
    """Export pretrained weights in every format and precision, with sizes and metrics."""
    model = wszoo.load(target) if target.endswith(".keras") else wszoo.get(target)
    source, task = evaluation.data_of(model, target, data, data_dir=data_dir, manual_dir=manual_dir)
    real = evaluation.for_export(model, source, task)
    limits = {"prefer": prefer, "max_loss": max_loss, "bound": bound}
    rows: list[dict[str, Any]] = [saved_model(model, out)]
    for precision in ("float32", "int8") if smoke else BYTES:
        rows.append(litert(model, out, precision, real | limits))
    console = Console()
    console.print(table(model, source.name, rows))
    write_json(out / "metrics.json", rows)
    if tasks.find(task).restores and len(source.input_shape) == 3:
        picture(out, {name: x[:10] for name, x in real["inputs"].items()}, rows)


def saved_model(model: Any, out: Path) -> dict[str, Any]:
    (made,) = wszoo.export(model, out, "saved_model").files
    return {"file": "SavedModel", "path": str(made.path), "bytes": made.file.file_bytes}


def litert(model: Any, out: Path, precision: str, options: dict[str, Any]) -> dict[str, Any]:
    row = {"file": f"LiteRT {precision}"}
    try:
        (made,) = wszoo.export(model, out, "litert", precision, **options).files
    except ValueError as error:
        return row | {"refused": str(error)}
    measured = {
        name: getattr(made, name)
        for name in ("max_error", "metric", "metric_error", "changed", "float_ops", "notes")
    }
    return row | {"path": str(made.path), "bytes": made.file.file_bytes} | measured


def table(model: Any, data: str, rows: list[dict[str, Any]]) -> Table:
    stored = wszoo.audit(model)
    made = Table(
        title=f"{model.name}: {stored.stored_parameters:,} stored of "
        f"{stored.unrolled_parameters:,} parameters; test split of {data}",
        title_justify="left",
    )
    for name in ("file", "bytes", "accuracy, R² or nats saved", "note"):
        made.add_column(name, justify="left" if name in ("file", "note") else "right")
    for row in rows:
        metric = "{:.5f} → {:.5f}".format(*row["metric"]) if "metric" in row else ""
        floats = ", ".join(f"{n} {op}" for op, n in row.get("float_ops", {}).items())
        notes = [f"float: {floats}"] if floats else []
        notes += [row["refused"]] if "refused" in row else row.get("notes", ())
        made.add_row(row["file"], f"{row.get('bytes', 0):,}", metric, "\n".join(notes))
    return made


def picture(out: Path, x: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    (images,) = x.values()
    shown = {"input": images}
    for row in rows:
        if str(row.get("path", "")).endswith(".tflite"):
            name = row["file"].removeprefix("LiteRT ")
            (shown[name],) = parity.run(Path(row["path"]).read_bytes(), x).values()
    pictures.images(out / "outputs.png", shown)


if __name__ == "__main__":
    run(main)
