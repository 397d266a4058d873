"""`wszoo compress`: a trained model made smaller by tying its layers, brought back by training.

wszoo compress conv_net.mnist --data card --fraction 0.5
wszoo compress my_model.keras --data my_images/ --sites 'block*_conv' --relax 4
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo.command_line import command_of
from wszoo.command_line import options as option


def _methods() -> tuple[str, ...]:
    from wszoo.tuner.pricing import METHODS

    return ("auto", *METHODS)


@dataclass(frozen=True)
class Compress:
    """Make a trained model smaller by tying its layers, and bring it back by a short training."""

    target: option.Target
    data: option.CardData = "card"
    fraction: Annotated[
        float, option.number("Of the parameters, to keep at most.", above=0, below=1)
    ] = 0.5
    method: Annotated[
        str, option.word("auto, activations, weights, fisher, cka, loss.", valid=_methods)
    ] = "auto"
    sites: Annotated[str | None, option.words("Those that may share: globs, commas.")] = None
    relax: Annotated[
        int | None,
        option.whole("Rank of a private part; 0: none; else what fits.", least=0, most=4096),
    ] = None
    epochs: Annotated[int, option.whole("Of the recovery.")] = 5
    learning_rate: Annotated[float, option.rate("Of the recovery.")] = 5e-3
    rival_epochs: Annotated[int, option.whole("Of the narrower network; 0: none.", least=0)] = 10
    examples: Annotated[int, option.whole("Training examples to use.", most=option.ANY)] = 10000
    image_size: option.ImageSize = None
    resize: option.Resize = None
    data_dir: option.DataDir = None
    manual_dir: option.ManualDir = None
    seed: option.Seed = 0
    out: option.Out = Path("runs/compress")
    smoke: Annotated[bool, option.flag("Few examples, to see that it runs.")] = False


command = command_of(Compress, "wszoo.recipes.compress.main")
