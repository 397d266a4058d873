"""`wszoo label-curve`: accuracy over labels a class, by ways to use a pretrained backbone.

    wszoo label-curve conv_net.omniglot --data digits

`pixels` is logistic regression on the image; `scratch` trains the backbone's network from random
values; `probe` is logistic regression on the backbone's features; `frozen` trains the head on
features of moved images; `finetune` starts from the probe and trains everything, `lora` low-rank
adapters and the head. A run that is killed goes on when the same command is given again.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo.command_line import command_of
from wszoo.command_line import options as option
from wszoo.transferring.ways import WAYS

COMPARED = "pixels,scratch,probe,frozen,finetune,lora"


@dataclass(frozen=True)
class LabelCurve:
    """Accuracy over labels a class: scratch against ways to use a pretrained backbone."""

    backbone: option.Backbone = "conv_net.omniglot"
    data: option.Data = "digits"
    labels: Annotated[str, option.numbers("Labels a class, by commas.", kind=int, least=1)] = (
        "1,2,5,10,20,100"
    )
    ways: Annotated[str, option.words("By commas.", valid=WAYS)] = COMPARED
    seeds: Annotated[int, option.whole("Draws of labels that are scored.")] = 5
    tune_seeds: Annotated[int, option.whole("Draws of the search.")] = 2
    tune_at: Annotated[str, option.numbers("Labels a class of the search.", kind=int, least=1)] = (
        "2,20"
    )
    steps: Annotated[int, option.whole("Training steps; ten epochs at least.")] = 120
    held: Annotated[
        int, option.whole("Images that are scored, of each split.", most=option.ANY)
    ] = 1000
    image_size: option.ImageSize = None
    resize: option.Resize = None
    data_dir: option.DataDir = None
    out: option.Out = Path("runs/label_curve")
    trainings: Annotated[Path | None, option.folder("By default in --out.")] = None
    smoke: option.Smoke = False


command = command_of(LabelCurve, "wszoo.recipes.label_curve.main")
