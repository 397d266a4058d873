"""A SavedModel for TF Serving and a .tflite file a precision, scored on their own test data.

Writes the files and, beside them, a table of sizes and of the task's metric in Keras and in each
file, `metrics.json`, and a picture of both. A precision whose file loses more of the metric than
`--max-loss`, by more than the loss's error, is refused, and the table says by how much.
"""

from pathlib import Path
from typing import Any

import keras
from rich.console import Console
from rich.table import Table

import wszoo
from wszoo import evaluation, pictures, tasks
from wszoo.command_line import options as option
from wszoo.exporting import parity
from wszoo.exporting.tflite.precisions import BYTES
from wszoo.files import write_json
from wszoo.recipes.export_all import ExportAll


def main(options: ExportAll) -> None:
    """Export pretrained weights in every format and precision, with sizes and metrics."""
    target, out = options.target, options.out
    model = evaluation.model_of(target)
    source, task = evaluation.data_of(model, target, options.data, **option.reading(options))
    real = evaluation.for_export(model, source, task)
    limits = {"prefer": options.prefer, "max_loss": options.max_loss, "bound": options.bound}
    rows: list[dict[str, Any]] = [saved_model(model, out)]
    for precision in ("float32", "int8") if options.smoke else BYTES:
        rows.append(litert(model, out, precision, real | limits))
    Console().print(table(model, source.name, rows))
    write_json(out / "metrics.json", rows)
    if tasks.find(task).restores and len(source.input_shape) == 3:
        picture(out, {name: x[:10] for name, x in real["inputs"].items()}, rows)


def saved_model(model: keras.Model, out: Path) -> dict[str, Any]:
    """Writes a SavedModel; its row."""
    (made,) = wszoo.export(model, out, "saved_model").files
    return {"file": "SavedModel", "path": str(made.path), "bytes": made.file.file_bytes}


def litert(
    model: keras.Model, out: Path, precision: str, options: dict[str, Any]
) -> dict[str, Any]:
    """Writes a .tflite file; its row, with the reason where it is refused."""
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


def table(model: keras.Model, data: str, rows: list[dict[str, Any]]) -> Table:
    """A rich table: a row a file."""
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
    """Writes what each file makes of the images `x`."""
    (images,) = x.values()
    shown = {"input": images}
    for row in rows:
        if str(row.get("path", "")).endswith(".tflite"):
            name = row["file"].removeprefix("LiteRT ")
            (shown[name],) = parity.run(Path(row["path"]).read_bytes(), x).values()
    pictures.images(out / "outputs.png", shown)
