"""`wszoo finetune`: a pretrained backbone under a new head, on data of your own.

    wszoo finetune digits --compare --labels-per-class 5 --seeds 5
    wszoo finetune my_images/ --freeze freeze.yaml
    wszoo finetune list.csv --backbone keras:MobileNetV3Small --freeze head --image-size 96

`--compare` puts the ways to use a backbone side by side on the same draws of labels: `probe` is
logistic regression on its features; `finetune` starts from that and trains everything; `scratch`
trains the same network from random values; `pixels` is logistic regression on the image itself;
`frozen` trains a head on the frozen backbone, `lora` a head and low-rank adapters. Trained modes
move the images a little; `finetune-plain` and `scratch-plain` do not.

`--freeze` or `--lora` is one run of your own, `wszoo.transfer` with its options; it goes on from
its last epoch when the same command is given again after it was killed. With `--distribution
data_parallel` several processes share each batch (docs/distribution.md).
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from wszoo import checks
from wszoo.command_line import command_of, option_values
from wszoo.command_line import options as option
from wszoo.transferring.ways import WAYS

TASKS = ("classification", "embedding", "multi_label", "ordinal", "regression")
OWN, RIVALS = "A run of your own: --freeze or --lora", "With --compare"


def _heads() -> tuple[str, ...]:
    from wszoo.tasks.named_heads import HEADS

    return tuple(HEADS)


@dataclass(frozen=True)
class Finetune:
    """Put a pretrained backbone under a new head."""

    data: Annotated[str, option.argument(option.text("A source: a folder, a name, an .npz file."))]
    backbone: Annotated[
        str | None, option.text("NAME.TAG or keras:NAME; by default one that suits the data.")
    ] = None
    task: Annotated[str, option.word(f"One of {', '.join(TASKS)}.", valid=TASKS)] = TASKS[0]
    order: Annotated[
        str | None, option.words("Of ordinal: the classes from low to high, by commas.")
    ] = None
    head: Annotated[str, option.word("dense, cosine or mlp.", valid=_heads)] = "dense"
    labels_per_class: Annotated[list[int] | None, option.whole("Give it several times.")] = None
    image_size: option.ImageSize = None
    resize: option.Resize = None
    on_broken: option.OnBroken = None
    data_dir: option.DataDir = None
    weights: Annotated[str, option.text("Of keras:NAME: imagenet, none or a file.")] = "imagenet"
    cache: Annotated[str, option.text("auto, off, or a folder of features.")] = "auto"
    seed: option.Seed = 0
    out: option.Out = Path("runs/finetune")
    smoke: option.Smoke = False
    compare: Annotated[bool, option.flag("Side by side with rivals.", panel=RIVALS)] = False
    modes: Annotated[str, option.words(f"Of {', '.join(WAYS)}.", valid=WAYS, panel=RIVALS)] = (
        "pixels,scratch,probe,finetune"
    )
    seeds: Annotated[int, option.whole("Draws of the labels.", panel=RIVALS)] = 5
    steps: Annotated[int, option.whole("Of the trained modes.", panel=RIVALS)] = 120
    freeze: Annotated[
        str | None, option.text("head, all, a glob, or a freeze plan (.yaml).", panel=OWN)
    ] = None
    lora: Annotated[
        int | None, option.whole("Rank of low-rank adapters.", most=4096, panel=OWN)
    ] = None
    epochs: Annotated[int, option.whole("Where --freeze is no freeze plan.", panel=OWN)] = 20
    batch_size: Annotated[int, option.whole("At most.", most=option.ANY, panel=OWN)] = 32
    learning_rate: Annotated[float, option.rate("Of Adam, cosine to zero.", panel=OWN)] = 1e-3
    lr_decay: Annotated[
        float,
        option.number("Factor of the rate from stage to stage.", above=0, most=10, panel=OWN),
    ] = 1.0
    augment: Annotated[bool, option.flag("Move, turn and scale images a little.", panel=OWN)] = (
        False
    )
    views: Annotated[
        int, option.whole("So many fixed views of each image.", least=0, panel=OWN)
    ] = 0
    l2_sp: Annotated[
        float, option.number("Pull towards the pretrained weights.", least=0, most=1e6, panel=OWN)
    ] = 0.0
    early_stopping: Annotated[int | None, option.whole("Epochs without progress.", panel=OWN)] = (
        None
    )
    mixed_precision: Annotated[bool, option.flag("Compute in 16 bits.", panel=OWN)] = False
    class_weight: Annotated[
        str | None, option.word("balanced.", valid=("balanced",), panel=OWN)
    ] = None
    accumulate: Annotated[int, option.whole("Batches a step.", panel=OWN)] = 1
    tensorboard: Annotated[Path | None, option.folder("Folder of logs.", panel=OWN)] = None
    distribution: Annotated[
        str | None,
        option.word(
            "data_parallel: several processes, see docs/distribution.md.",
            valid=("data_parallel",),
            panel=OWN,
        ),
    ] = None

    def __post_init__(self) -> None:
        single = self.freeze is not None or self.lora is not None
        if self.compare and single:
            given = "--freeze" if self.freeze is not None else "--lora"
            raise ValueError(f"{given} is a run of your own; --compare runs the modes of --modes")
        if not self.compare:
            self._refuse(OF_RIVALS, "goes with --compare")
        if not single:
            self._refuse(OF_OWN, "goes with --freeze or --lora, which say what trains")
        if self.compare:
            self._refuse(NOT_COMPARED, "does not go with --compare")
        elif len(self.labels_per_class or []) > 1:
            raise ValueError("--labels-per-class is given several times with --compare alone")
        if self.weights != "imagenet" and ":" not in (self.backbone or ""):
            raise ValueError(
                f"--weights is for a backbone keras:NAME; received {self.backbone or 'none'}"
            )
        if self.cache not in ("auto", "off"):
            folder = option_values.new_folder("--cache", Path(self.cache))
            if not folder.exists() and (near := checks.near(self.cache, ("auto", "off"))):
                raise ValueError(
                    f"--cache must be auto, off or a folder; received {self.cache!r}{near}"
                )

    def _refuse(self, names: tuple[str, ...], why: str) -> None:
        """Raises `ValueError` for an option that was given and would be passed over."""
        for field in dataclasses.fields(self):
            if field.name in names and getattr(self, field.name) != field.default:
                raise ValueError(f"--{field.name.replace('_', '-')} {why}")


command = command_of(Finetune, "wszoo.recipes.finetune.main")
OF_RIVALS = ("modes", "seeds", "steps")
OF_OWN = ("epochs", "batch_size", "learning_rate", "lr_decay", "augment", "views", "l2_sp",
          "early_stopping", "mixed_precision", "class_weight", "accumulate", "tensorboard",
          "distribution")  # fmt: skip
NOT_COMPARED = ("task", "order", "head", "weights", "cache", "seed")
