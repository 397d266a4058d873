"""`wszoo pretrain`: a registered model trained on a source, written with its card.

    wszoo pretrain tied_ae --data fashion_mnist --tag fashion_mnist
    wszoo pretrain conv_net --data omniglot_small --tag omniglot --views pen --turns

Several --seeds train the same thing again: the first seed's weights are kept and the card says how
far the seeds lie apart. A run that is killed goes on from its last epoch when the same command is
given again, and ends as an unbroken one would.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo import checks
from wszoo.command_line import command_of
from wszoo.command_line import options as option

VIEWS = ("none", "pen")


@dataclass(frozen=True)
class Pretrain:
    """Train a registered model on a source and write it, with its card, to saved_models/."""

    model: Annotated[str, option.argument(option.text("A registered model."))]
    data: option.Data
    tag: Annotated[str, option.name("The tag of the weights.")]
    set_: Annotated[str, option.settings("The model's settings as JSON: '{\"width\": 32}'.")] = "{}"
    sharing: Annotated[str | None, option.text("A plan, such as AABBCC or cycle:2.")] = None
    epochs: Annotated[int, option.whole("Of each training.")] = 20
    batch_size: Annotated[int, option.whole("Examples a step.", most=option.ANY)] = 64
    learning_rate: Annotated[float, option.rate("Of AdamW, cosine to zero.")] = 2e-3
    weight_decay: Annotated[float, option.number("Of AdamW.", least=0, below=1)] = 0.02
    label_smoothing: Annotated[float, option.number("Of classifiers.", least=0, below=1)] = 0.1
    views: Annotated[str, option.word("none, or pen: draw line drawings anew.", valid=VIEWS)] = (
        "none"
    )
    turns: Annotated[bool, option.flag("Each class turned by quarters is a class.")] = False
    noise: Annotated[
        float, option.number("Autoencoders restore inputs with so much.", least=0, most=100)
    ] = 0.0
    image_size: option.ImageSize = None
    resize: option.Resize = None
    length: Annotated[int | None, option.whole("Tokens of an example, for texts.", most=65536)] = (
        None
    )
    max_examples: Annotated[int | None, option.whole("Train on so many.", most=option.ANY)] = None
    data_dir: option.DataDir = None
    manual_dir: option.ManualDir = None
    seed: option.Seed = 0
    seeds: Annotated[int, option.whole("How often to train, with seeds from --seed on.")] = 1
    out: Annotated[
        Path | None, option.folder("Folder of all weights; that of a checkout, or saved_models/.")
    ] = None
    run_dir: Annotated[Path, option.folder("Backups of unfinished runs.")] = Path("runs")
    smoke: Annotated[bool, option.flag("Two tiny epochs, to see that it runs.")] = False

    def __post_init__(self) -> None:
        checks.file_name("--tag", self.tag)


command = command_of(Pretrain, "wszoo.recipes.pretrain.main")
