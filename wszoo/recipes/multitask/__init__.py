"""`wszoo multitask`: three tasks on one backbone, or a backbone a task.

wszoo multitask --data mnist --width 12 --steps 300
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo.command_line import command_of
from wszoo.command_line import options as option


@dataclass(frozen=True)
class Multitask:
    """Train three tasks together and apart: what sharing saves, and what it costs."""

    data: Annotated[str, option.text("A source of images of strokes.")] = "digits"
    examples: Annotated[int, option.whole("Training images.", most=option.ANY)] = 1000
    few: Annotated[int, option.whole("Labelled ones where labels are few.", most=option.ANY)] = 100
    seeds: Annotated[int, option.whole("Draws of labels and first weights.")] = 3
    steps: Annotated[int, option.whole("Of every training.")] = 400
    batch_size: Annotated[int, option.whole("Images a step.", most=4096)] = 50
    learning_rate: Annotated[float, option.rate("Of Adam, at its height.")] = 3e-3
    width: Annotated[int, option.whole("Of conv_net.", most=4096)] = 16
    image_size: option.ImageSize = 28
    resize: option.Resize = None
    data_dir: option.DataDir = None
    out: option.Out = Path("runs/multitask")
    smoke: option.Smoke = False


command = command_of(Multitask, "wszoo.recipes.multitask.main")
