"""`wszoo export-all`: pretrained weights in every format and precision, measured.

wszoo export-all tied_ae.fashion_mnist
wszoo export-all my_model.keras --data my_images/
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo.command_line import command_of
from wszoo.command_line import options as option


@dataclass(frozen=True)
class ExportAll:
    """Export pretrained weights in every format and precision, with sizes and metrics."""

    target: option.Target
    data: option.CardData = "card"
    prefer: option.Prefer = "speed"
    max_loss: option.MaxLoss = option.MAX_LOSS
    bound: option.Bound = None
    image_size: option.ImageSize = None
    resize: option.Resize = None
    data_dir: option.DataDir = None
    manual_dir: option.ManualDir = None
    out: option.Out = Path("runs/export_all")
    smoke: Annotated[bool, option.flag("float32 and int8 alone.")] = False


command = command_of(ExportAll, "wszoo.recipes.export_all.main")
