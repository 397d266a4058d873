"""`wszoo export`: files for other programs.

wszoo export tied_ae --weights fashion_mnist out/
wszoo export mine/model.keras phone/ --precision int8 --data photos/
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo.cli.shared import Json, check_target
from wszoo.command_line import command_of
from wszoo.command_line import options as option
from wszoo.exporting.formats import names
from wszoo.exporting.tflite.batch import batch_size

REAL = (
    "A source on which the LiteRT file is compared with Keras and int8 is calibrated; card: that "
    "of the weights. int8 of a finetune's model takes the data that it learnt from."
)


def _precisions() -> list[str]:
    from wszoo.exporting.tflite.precisions import BYTES

    return list(BYTES)


@dataclass(frozen=True)
class Export:
    """Write a model for TF Serving, LiteRT or ONNX Runtime, every shared weight once."""

    target: Annotated[str, option.argument(option.text("A model, NAME.TAG, or a .keras file."))]
    out: Annotated[Path, option.argument(option.folder("The folder to write to."))]
    weights: Annotated[str | None, option.text("A tag of the model.")] = None
    formats: Annotated[
        str,
        option.words(f"Of {', '.join(names())}; by commas.", "--format", "--formats", valid=names),
    ] = "saved_model,litert"
    precision: Annotated[
        str,
        option.word("Of LiteRT weights: float32, float16, dynamic_int8, int8.", valid=_precisions),
    ] = "float32"
    data: Annotated[str | None, option.text(REAL)] = None
    data_dir: option.DataDir = None
    manual_dir: option.ManualDir = None
    batch: Annotated[
        str | None,
        option.option(
            "A batch size that LiteRT fixes, or free; 1 for classifiers of images.",
            ("--batch", "--signature-batch"),
            batch_size,
        ),
    ] = None
    bound: option.Bound = None
    max_loss: option.MaxLoss = option.MAX_LOSS
    prefer: option.Prefer = "speed"
    labels: Annotated[
        str | None, option.words("Class names by commas: a signature with names and scores.")
    ] = None
    uint8: Annotated[bool, option.flag("Inputs are uint8 images.")] = False
    warmup: Annotated[bool, option.flag("Give TF Serving a warm-up request.")] = False
    others: Annotated[str, option.settings("Settings of another format, as JSON.")] = "{}"
    as_json: Json = False

    def __post_init__(self) -> None:
        if self.target.endswith(".keras") and self.weights is not None:
            raise ValueError(
                f"--weights is a tag of a registered model; {self.target!r} has its own"
            )
        check_target(self.target)


command = command_of(Export, "wszoo.cli.export_files")
