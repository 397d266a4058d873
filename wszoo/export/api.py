"""One call that writes a model for other programs, each shared weight once."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wszoo.export.classify import check_labels
from wszoo.export.gate import MAX_LOSS, Metric
from wszoo.export.inspect import Inspection
from wszoo.export.litert import check_precision, litert
from wszoo.export.names import by_input
from wszoo.export.onnx_file import onnx_file
from wszoo.export.saved_model import write_saved_model
from wszoo.export.serving import first_request, how_to_serve, messages
from wszoo.export.stored import as_next_version, inspect_file
from wszoo.files import on_disk, working_folder

if TYPE_CHECKING:
    import keras
    from rich.table import Table

FORMATS = ("saved_model", "litert", "onnx")


@dataclass(frozen=True)
class Exported:
    """A file (or SavedModel folder) that was written, and what it stores.

    `stored_bytes` are the model's weights, each once, at the file's precision. Every file has been
    run: `max_error` and `mean_error` are differences to Keras relative to the largest magnitude of
    an output. `metric` is the task's metric of Keras and of a LiteRT file, `metric_error` the
    standard error of their difference where it is known, `changed` the examples whose score changed
    by more than a point, and `float_ops` counts the operators of a full int8 file that work on
    floats. `notes` say what was done that was not asked for.
    """

    format: str
    path: Path
    precision: str
    stored_bytes: int
    file: Inspection
    max_error: float | None = None
    mean_error: float | None = None
    metric: tuple[float, float] | None = None
    metric_error: float | None = None
    changed: tuple[int, ...] = ()
    float_ops: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        """Bytes of constants in the file ÷ stored bytes of the model."""
        return self.file.stored_bytes / max(self.stored_bytes, 1)


@dataclass(frozen=True)
class ExportReport:
    """Everything that one `export` wrote."""

    model: str
    files: tuple[Exported, ...]

    def to_dict(self) -> dict:
        files = [
            asdict(item) | {"path": str(item.path), "ratio": item.ratio} for item in self.files
        ]
        return {"model": self.model, "files": files}

    @property
    def serving(self) -> str:
        """TF Serving's configuration and calls for the SavedModel, empty without one."""
        paths = [item.path for item in self.files if item.format == "saved_model"]
        return how_to_serve(paths[0]) if paths else ""

    def table(self) -> "Table":
        """A rich table, a row a file, with their notes below."""
        from rich.table import Table

        table = Table(title=f"export of {self.model}", title_justify="left")
        table.add_column("format")
        table.add_column("path", overflow="fold")
        for name in ("weights, bytes", "in the file", "ratio", "max error"):
            table.add_column(name, justify="right")
        scored = any(item.metric for item in self.files)
        if scored:
            table.add_column("metric, Keras → file", justify="right")
        for item in self.files:
            error = "" if item.max_error is None else f"{item.max_error:.1e}"
            sizes = (f"{item.stored_bytes:,}", f"{item.file.stored_bytes:,}", f"{item.ratio:.3f}")
            row = [f"{item.format} {item.precision}", str(item.path), *sizes, error]
            if scored:
                row.append("{:.4f} → {:.4f}".format(*item.metric) if item.metric else "")
            table.add_row(*row)
        notes = [
            f"{item.format} {item.precision}: {note}" for item in self.files for note in item.notes
        ]
        table.caption, table.caption_justify = "\n".join(notes) or None, "left"
        return table


def export(
    model: "keras.Model",
    folder: str | os.PathLike,
    formats: Sequence[str] = FORMATS[:2],
    precision: str = "float32",
    *,
    inputs: Mapping[str, Any] | None = None,
    bound: float | None = None,
    metric: Metric | None = None,
    max_loss: float = MAX_LOSS,
    calibration: Mapping[str, Any] | None = None,
    signature_batch: int | None = None,
    prefer: str = "speed",
    labels: Sequence[str] | None = None,
    uint8: bool = False,
    warmup: bool = False,
) -> ExportReport:
    """Writes a model for other programs, every shared weight once.

    `"saved_model"` writes `folder/<model>/<version>/` for TF Serving, always in float32, under the
    next free version number. `"litert"` writes `folder/<model>.<precision>.tflite`, replacing one
    that stands. `"onnx"` writes `folder/<model>.onnx` likewise, in float32; it needs the extra
    `onnx`. Every file is run and compared with Keras, a SavedModel in another process.

    Files compute as `model.predict` does (`training=False`), which Keras lets override a
    `training=True` in the graph: a Dropout that was called with it, as for Monte Carlo dropout,
    drops when the model is called and drops nothing in `predict` and in a file.

    Args:
        precision: of LiteRT weights: `"float32"`, `"float16"`, `"dynamic_int8"` or `"int8"`.
        inputs: what files are compared on: arrays by input name (a SavedModel on the first of
            them); random by default.
        bound: the largest difference allowed, relative to the largest magnitude of an output.
        metric: scores outputs (arrays by output name, for `inputs`), more being better: one score
            an example, or one number.
        max_loss: how much of the metric a LiteRT file may lose, beyond two standard errors of the
            paired difference; a gain is never refused. See `wszoo.export.gate`.
        calibration: for int8, arrays by input name, a hundred real examples or more.
        signature_batch: a fixed batch dimension for LiteRT; loops such as a GRU's need one, and
            get 1 by default, with a note.
        prefer: where size and speed disagree, see `wszoo.export.share_constants`.
        labels: class names; gives the SavedModel a second signature, see
            `wszoo.export.saved_model`.
        uint8: the exported inputs are uint8 images, divided by 255 in the graph.
        warmup: give the SavedModel a warm-up request (the first of `inputs`, or random); needs the
            extra `serving`.

    Raises:
        ValueError: for an unknown format or precision, a model that was not built, int8 without
            calibration, labels that do not fit its output, inputs of other names, another backend
            than TensorFlow, a file that cannot be loaded or differs from Keras by more than
            `bound`, and a LiteRT file that loses more than `max_loss` of its metric. Nothing is
            left behind; where a converter fails, the error names a file with its log.
        ImportError: for `warmup` without the extra `serving`, and ONNX without the extra `onnx`.
    """
    from wszoo.export.whole import exportable

    formats = (formats,) if isinstance(formats, str) else tuple(formats)
    if unknown := [name for name in formats if name not in FORMATS]:
        raise ValueError(f"unknown format {unknown[0]!r}; valid are {', '.join(FORMATS)}")
    check_precision(precision, calibration)
    model = exportable(model)
    if "saved_model" in formats:  # what may be refused is refused before anything is written
        if labels is not None:
            check_labels(model, labels)
        if warmup:
            messages()
    inputs = None if inputs is None else by_input(model, inputs)
    calibration = by_input(model, calibration) if calibration else None
    files = []
    with working_folder(folder) as stage:  # one file that is refused leaves none of the others
        if "litert" in formats:
            made = litert(
                model,
                stage / f"{model.name}.{precision}.tflite",
                precision,
                inputs=inputs,
                bound=bound,
                metric=metric,
                max_loss=max_loss,
                calibration=calibration,
                prefer=prefer,
                batch=signature_batch,
                uint8=uint8,
            )
            more = {n: getattr(made, n) for n in ("metric", "metric_error", "changed", "float_ops")}
            files.append(_exported("litert", made, precision, notes=made.notes, **more))
        if "onnx" in formats:
            options = {} if bound is None else {"bound": bound}
            written = onnx_file(model, stage / f"{model.name}.onnx", inputs=inputs, **options)
            files.append(_exported("onnx", written, notes=written.notes))
        if "saved_model" in formats:
            served = write_saved_model(
                model,
                stage / model.name / "1",
                labels=labels,
                uint8=uint8,
                warmup=first_request(model, inputs, uint8) if warmup else None,
                inputs=inputs,
                bound=bound,
            )
            files.append(_exported("saved_model", served))
        moved = [_moved(item, Path(folder), model.name) for item in files]
    return ExportReport(model.name, tuple(moved))


def _exported(format: str, written: Any, precision: str = "float32", **more: Any) -> Exported:
    return Exported(
        format,
        written.path,
        precision,
        written.stored_bytes,
        inspect_file(written.path),
        written.max_error,
        written.mean_error,
        **more,
    )


def _moved(item: Exported, folder: Path, name: str) -> Exported:
    """The file in its place: a SavedModel under the next version, others over one that stands."""
    if item.format == "saved_model":
        path = as_next_version(item.path, folder / name)
    else:
        path = item.path.replace(folder / item.path.name)
    on_disk(path.parent)
    return replace(item, path=path)
