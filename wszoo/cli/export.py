"""`wszoo export`: files for other programs."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from wszoo.cli.shared import Json, preferences, print_table, start_for
from wszoo.command_line.options import (
    DataDir,
    ManualDir,
    argument,
    folder,
    number,
    option,
    settings,
    split,
    text,
    word,
    words,
)
from wszoo.exporting.formats import names
from wszoo.exporting.tflite.batch import batch_size


def _precisions() -> list[str]:
    from wszoo.exporting.tflite.precisions import BYTES

    return list(BYTES)


def command(
    target: Annotated[str, argument(text("A model, NAME.TAG, or a .keras file."))],
    out: Annotated[Path, argument(folder("The folder to write to."))],
    weights: Annotated[str | None, text("A tag of the model.")] = None,
    formats: Annotated[
        str, words(f"Of {', '.join(names())}; by commas.", "--format", "--formats", valid=names)
    ] = "saved_model,litert",
    precision: Annotated[
        str, word("Of LiteRT weights: float32, float16, dynamic_int8, int8.", valid=_precisions)
    ] = "float32",
    data: Annotated[
        str | None,
        text(
            "A source on which the LiteRT file is compared with Keras and int8 is calibrated; "
            "card: that of the weights."
        ),
    ] = None,
    data_dir: DataDir = None,
    manual_dir: ManualDir = None,
    batch: Annotated[
        str | None,
        option(
            "A batch size that LiteRT fixes, or free; 1 for classifiers of images.",
            ("--batch", "--signature-batch"),
            batch_size,
        ),
    ] = None,
    bound: Annotated[
        float | None,
        number("The largest difference to Keras ÷ the largest output.", above=0, most=1),
    ] = None,
    max_loss: Annotated[
        float,
        number("What LiteRT may lose of the data's metric beyond its error.", least=0, most=1),
    ] = 0.01,  # wszoo.exporting.gate.MAX_LOSS, without its imports
    prefer: Annotated[str, word("speed, load, size or integer.", valid=preferences)] = "speed",
    labels: Annotated[
        str | None, words("Class names by commas: a signature with names and scores.")
    ] = None,
    uint8: Annotated[bool, typer.Option(help="Inputs are uint8 images.")] = False,
    warmup: Annotated[bool, typer.Option(help="Give TF Serving a warm-up request.")] = False,
    others: Annotated[str, settings("Settings of another format, as JSON.")] = "{}",
    as_json: Json = False,
) -> None:
    """Write a model for TF Serving, LiteRT or ONNX Runtime, every shared weight once."""
    import wszoo
    from wszoo.exporting.api import export as write

    is_file = target.endswith(".keras")
    if is_file and weights is not None:
        raise ValueError(f"--weights is a tag of a registered model; {target!r} has its own")
    start_for(target)
    model = wszoo.load(target) if is_file else wszoo.get(target, weights=weights)
    name = target if weights is None or "." in target else f"{target}.{weights}"
    if data is None and precision == "int8" and not is_file and "." in name:
        data = "card"
    real: dict[str, Any] = {}
    if data is not None:
        from wszoo import evaluation

        places: dict[str, Any] = {"data_dir": data_dir, "manual_dir": manual_dir}
        real = evaluation.for_export(model, *evaluation.data_of(model, name, data, **places))
    report = write(
        model,
        out,
        split(formats),
        precision,
        signature_batch=batch,
        bound=bound,
        max_loss=max_loss,
        prefer=prefer,
        **real,
        labels=None if labels is None else split(labels),
        uint8=uint8,
        warmup=warmup,
        **json.loads(others),
    )
    if as_json:
        print(json.dumps(report.to_dict(), indent=1))
    else:
        print_table(report.table())
        print(report.paths, end="")
        for item in report.files:
            if item.precision == "int8":
                ops = ", ".join(f"{n} {op}" for op, n in item.float_ops.items())
                print(f"operators that work on floats: {ops or 'none'}")
        print(report.serving, end="")
