"""One call that writes a model for other programs, each shared weight once."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wszoo.export.inspect import Inspection
from wszoo.export.litert import Outputs, check_precision, litert, stored_bytes
from wszoo.export.onnx_file import onnx_file
from wszoo.export.saved_model import check_labels, saved_model
from wszoo.export.serving import how_to_serve, messages
from wszoo.export.stored import inspect_file, next_version

if TYPE_CHECKING:
    import keras
    from rich.table import Table

FORMATS = ("saved_model", "litert", "onnx")


@dataclass(frozen=True)
class Exported:
    """A file (or SavedModel folder) that was written, and what it stores.

    `stored_bytes` are the model's weights, each once, at the file's precision. Files other than
    SavedModels have been run: `max_error` and `mean_error` are differences to Keras relative to the
    largest magnitude of an output. `metric` is the task's metric of Keras and of a LiteRT file, and
    `float_ops` counts the operators of a full int8 file that work on floats.
    """

    format: str
    path: Path
    precision: str
    stored_bytes: int
    file: Inspection
    max_error: float | None = None
    mean_error: float | None = None
    metric: tuple[float, float] | None = None
    float_ops: Mapping[str, int] = field(default_factory=dict)

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
        """A rich table, a row a file."""
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
        return table


def export(
    model: "keras.Model",
    folder: str | os.PathLike,
    formats: Sequence[str] = FORMATS[:2],
    precision: str = "float32",
    *,
    inputs: Mapping[str, Any] | None = None,
    bound: float | None = None,
    metric: Callable[[Outputs], float] | None = None,
    calibration: Mapping[str, Any] | None = None,
    signature_batch: int | None = None,
    prefer: str = "speed",
    labels: Sequence[str] | None = None,
    uint8: bool = False,
    warmup: bool = False,
) -> ExportReport:
    """Writes a functional model for other programs, every shared weight once.

    `"saved_model"` writes `folder/<model>/<version>/` for TF Serving, always in float32, under the
    next free version number. `"litert"` writes `folder/<model>.<precision>.tflite`, replacing one
    that stands; the file is run and compared with Keras. `"onnx"` writes `folder/<model>.onnx`
    likewise, in float32; it needs the extra `onnx`.

    Args:
        precision: of LiteRT weights: `"float32"`, `"float16"`, `"dynamic_int8"` or `"int8"`.
        inputs: what the LiteRT file is compared on: arrays by input name; random by default.
        bound: the largest difference allowed, relative to the largest magnitude of an output.
        metric: scores outputs (arrays by output name, for `inputs`); it may change by one point.
        calibration: for int8, arrays by input name, a hundred real examples or more.
        signature_batch: a fixed batch dimension for LiteRT, which loops such as a GRU's need.
        prefer: where size and speed disagree, see `wszoo.export.share_constants`.
        labels: class names; gives the SavedModel a second signature, see
            `wszoo.export.saved_model`.
        uint8: the exported inputs are uint8 images, divided by 255 in the graph.
        warmup: give the SavedModel a warm-up request (the first of `inputs`, or zeros); needs the
            extra `serving`.

    Raises:
        ValueError: for an unknown format or precision, a model without a graph, int8 without
            calibration, labels that do not fit its output, another backend than TensorFlow, and a
            LiteRT file that differs from Keras by more than `bound`, or in its metric. Nothing is
            left behind.
        ImportError: for `warmup` without the extra `serving`, and ONNX without the extra `onnx`.
    """
    from wszoo.sharing.graph import as_functional

    formats = (formats,) if isinstance(formats, str) else tuple(formats)
    if unknown := [name for name in formats if name not in FORMATS]:
        raise ValueError(f"unknown format {unknown[0]!r}; valid are {', '.join(FORMATS)}")
    check_precision(precision, calibration)
    if "saved_model" in formats:  # what may be refused is refused before anything is written
        if labels is not None:
            check_labels(as_functional(model), labels)
        if warmup:
            messages()
    folder = Path(folder)
    files = []
    if "litert" in formats:  # first: its numbers may be refused too
        made = litert(
            model,
            folder / f"{model.name}.{precision}.tflite",
            precision,
            inputs=inputs,
            bound=bound,
            metric=metric,
            calibration=calibration,
            prefer=prefer,
            batch=signature_batch,
            uint8=uint8,
        )
        files.append(
            Exported(
                "litert",
                made.path,
                precision,
                made.stored_bytes,
                inspect_file(made.path),
                made.max_error,
                made.mean_error,
                made.metric,
                made.float_ops,
            )
        )
    if "onnx" in formats:
        options = {} if bound is None else {"bound": bound}
        written = onnx_file(model, folder / f"{model.name}.onnx", inputs=inputs, **options)
        files.append(
            Exported(
                "onnx",
                written.path,
                "float32",
                written.stored_bytes,
                inspect_file(written.path),
                written.max_error,
                written.mean_error,
            )
        )
    if "saved_model" in formats:
        request = first_request(model, inputs, uint8) if warmup else None
        path = saved_model(
            model, next_version(folder / model.name), labels=labels, uint8=uint8, warmup=request
        )
        stored = stored_bytes(as_functional(model), "float32")
        files.append(Exported("saved_model", path, "float32", stored, inspect_file(path)))
    return ExportReport(model.name, tuple(files))


def first_request(
    model: "keras.Model", inputs: Mapping[str, Any] | None, uint8: bool
) -> dict[str, Any]:
    """One example `(1, …)` of each input, by name: the first that is given, or zeros."""
    import numpy as np

    request = {}
    for tensor in model.inputs:
        name, shape = tensor._keras_history.operation.name, (1, *tensor.shape[1:])
        given = None if inputs is None else np.asarray(inputs[name])[:1]
        value = np.zeros([size or 1 for size in shape]) if given is None else given
        if uint8:
            value = np.round(255 * value)
        request[name] = value.astype("uint8" if uint8 else tensor.dtype)
    return request
