"""`wszoo denoise`: noisy images restored by a shared-weight autoencoder.

wszoo denoise                                       # test images of its own data
wszoo denoise tied_conv_ae.fashion_mnist --data my_images/
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo.command_line import command_of
from wszoo.command_line import options as option


@dataclass(frozen=True)
class Denoise:
    """Restore noisy images with a shared-weight autoencoder."""

    target: option.Target = "tied_conv_ae.fashion_mnist"
    data: option.CardData = "card"
    noise: Annotated[
        float, option.number("Standard deviation, of pixels in [0, 1].", least=0, most=100)
    ] = 0.3
    image_size: option.ImageSize = None
    resize: option.Resize = None
    out: option.Out = Path("runs/denoise")
    data_dir: option.DataDir = None
    manual_dir: option.ManualDir = None
    smoke: Annotated[bool, option.flag("Twenty images.")] = False


command = command_of(Denoise, "wszoo.recipes.denoise.main")
