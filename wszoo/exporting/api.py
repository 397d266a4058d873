"""One call that writes a model for other programs, each shared weight once."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wszoo import checks
from wszoo.arguments import checked, one_word
from wszoo.exporting.formats.format import check_taken, find, names
from wszoo.exporting.gate import MAX_LOSS, Metric
from wszoo.exporting.names import by_input
from wszoo.exporting.report import Exported, ExportReport
from wszoo.exporting.stored import as_next_version
from wszoo.exporting.tflite.batch import batch_size
from wszoo.exporting.tflite.share import PREFER
from wszoo.files import on_disk, working_folder

if TYPE_CHECKING:
    import keras

DEFAULT = ("saved_model", "litert")
_UNASKED = {"precision": "float32", "signature_batch": None, "prefer": "speed", "labels": None,
            "uint8": False, "warmup": False}  # fmt: skip


def _some_formats(name: str, value: object) -> object:
    return checks.some_of(name, value, names())


@checked(formats=_some_formats, signature_batch=batch_size, prefer=one_word(*PREFER))
def export(
    model: "keras.Model",
    folder: str | os.PathLike,
    formats: Sequence[str] = DEFAULT,
    precision: str = "float32",
    *,
    inputs: Mapping[str, np.ndarray] | None = None,
    bound: float | None = None,
    metric: Metric | None = None,
    max_loss: float = MAX_LOSS,
    calibration: Mapping[str, np.ndarray] | None = None,
    signature_batch: int | str | None = None,
    prefer: str = "speed",
    labels: Sequence[str] | None = None,
    uint8: bool = False,
    warmup: bool = False,
    **settings: object,
) -> ExportReport:
    """Writes a model for other programs, every shared weight once.

    `"saved_model"` writes `folder/<model>/<version>/` for TF Serving, always in float32, under the
    next free version number. `"litert"` writes `folder/<model>.<precision>.tflite`, replacing one
    that stands. `"onnx"` writes `folder/<model>.onnx` likewise, in float32; it needs the extra
    `onnx`. Every file is run and compared with Keras, a SavedModel in another process.

    What the model means goes with it: task, class names, range and size of images, licence of the
    data, plan; see `wszoo.exporting.facts`.

    Files compute as `model.predict` does (`training=False`), which Keras lets override a
    `training=True` in the graph: a Dropout that was called with it, as for Monte Carlo dropout,
    drops when the model is called and drops nothing in `predict` and in a file.

    Args:
        formats: of `wszoo.exporting.formats`.
        precision: of LiteRT weights: `"float32"`, `"float16"`, `"dynamic_int8"` or `"int8"`.
        inputs: what files are compared on: arrays by input name (a SavedModel on the first of
            them); random by default.
        bound: the largest difference allowed, relative to the largest magnitude of an output.
        metric: scores outputs (arrays by output name, for `inputs`), more being better: one score
            an example, or one number.
        max_loss: how much of the metric a LiteRT file may lose, beyond two standard errors of the
            paired difference; a gain is never refused. See `wszoo.exporting.gate`.
        calibration: for int8, arrays by input name, a hundred real examples or more.
        signature_batch: a fixed batch dimension for LiteRT, or `"free"`. By default that of a
            classifier of images with class names is 1, as browsers want it; loops such as a GRU's
            need one, and get 1, with a note; others have a free one.
        prefer: where size and speed disagree, see `wszoo.exporting.tflite.share`.
        labels: class names, by default those that the model knows of itself. With them the
            SavedModel has a second signature (`wszoo.exporting.saved_model.write`), and the LiteRT
            file gives probabilities (`wszoo.exporting.tflite.write`).
        uint8: the exported inputs are uint8 images, brought to the model's range in the graph.
        warmup: give the SavedModel a warm-up request (the first of `inputs`, or random); needs the
            extra `serving`.
        settings: of other formats that are registered.

    Raises:
        ValueError: for an unknown format or precision, a setting that none of the formats takes, a
            model that was not built or whose name is no file's (letters, digits, `_`, `-`, inner
            dots), int8 without calibration, labels that do not fit its output, inputs of other
            names, another backend than TensorFlow, a file that cannot be loaded or differs from
            Keras by more than `bound`, and a LiteRT file that loses more than `max_loss` of its
            metric. Nothing is left behind; where a converter fails, the error names a file with
            its log.
        ImportError: for `warmup` without the extra `serving`, and ONNX without the extra `onnx`.
    """
    from wszoo.exporting.whole import exportable

    asked = (formats,) if isinstance(formats, str) else formats
    writers = [find(name) for name in names() if name in asked]
    given = {
        "precision": precision, "signature_batch": signature_batch, "prefer": prefer,
        "labels": labels, "uint8": uint8, "warmup": warmup,
    }  # fmt: skip
    settings |= {name: value for name, value in given.items() if value != _UNASKED[name]}
    check_taken(writers, settings)
    model = exportable(model)
    _check_name(model)
    settings |= {"bound": bound, "metric": metric, "max_loss": max_loss}
    settings["inputs"] = None if inputs is None else by_input(model, inputs)
    settings["calibration"] = by_input(model, calibration) if calibration else None
    for writer in writers:  # what may be refused is refused before anything is written
        writer.check(model, **writer.taken(settings))
    with working_folder(folder) as stage:  # one file that is refused leaves none of the others
        files = [writer.write(model, stage, **writer.taken(settings)) for writer in writers]
        moved = [_moved(item, Path(folder), model.name) for item in files]
    return ExportReport(model.name, tuple(moved))


def _check_name(model: "keras.Model") -> None:
    """A model's name becomes that of files, and Keras takes any text for one."""
    try:
        checks.file_name("the name of a model that is exported", model.name)
    except ValueError as error:
        raise ValueError(
            f"{error}. The same model under another: keras.Model(model.inputs, model.outputs, "
            "name='…')"
        ) from error


def _moved(item: Exported, folder: Path, name: str) -> Exported:
    """The file in its place: a folder under the next version, a file over one that stands."""
    if item.path.is_dir():
        path = as_next_version(item.path, folder / name)
    else:
        path = item.path.replace(folder / item.path.name)
    on_disk(path.parent)
    return replace(item, path=path)
