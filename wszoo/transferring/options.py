"""What a transfer run may be asked for, in groups: each says what its fields are.

    transfer(net, data=folder, epochs=5, lora=4)                   # plain keywords, or
    transfer(net, data=folder, training=Training(epochs=5), freezing=Freezing(lora=4))

Plain keywords make the groups (`wszoo.transferring.keywords`), so a setting is checked in one
place, however it is given.
"""

import importlib.util
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wszoo import checks
from wszoo.arguments import (
    called,
    checked,
    each,
    either,
    mapping,
    of_class,
    one_word,
    path,
)
from wszoo.data.images import RESIZE

if TYPE_CHECKING:
    import keras

    from wszoo.transferring.freezing.freeze_plan import FreezeSpelling
    from wszoo.transferring.training.processes import Processes

Augment = Callable[[np.ndarray, int], np.ndarray]  # (images, seed) → images of the same shape


def _freeze(name: str, value: object) -> object:
    """A freeze plan in one of its spellings, globs, or nothing."""
    if isinstance(value, str | os.PathLike | Mapping):
        return value
    return either(of_class("FreezePlan"), each(checks.text, least=0))(name, value)


@checked(freeze=_freeze)
@dataclass(frozen=True)
class Freezing:
    """What of the backbone trains, how fast, and how far it may go.

    Args:
        freeze: what trains: `"head"` (the default; always the new one: sites of the backbone of
            that name become `backbone.head`), `"all"`, globs over stages or sites, or a
            freeze plan: `FreezePlan`, dict or path of a YAML file, see
            `wszoo.transferring.freezing.freeze_plan`. With `lora` the default is the adapters and
            the head.
        lora: rank of low-rank adapters on the backbone's layers, which then train in place of the
            kernels. `wszoo.transferring.lora.merge(result.model)` adds them into the kernels.
        lr_decay, multipliers: layer-wise rates, see
            `wszoo.transferring.freezing.rates.layer_rates`.
        l2_sp: strength of the pull towards the pretrained weights (Li et al. 2018).
    """

    freeze: "FreezeSpelling | None" = None
    lora: int | None = None
    lr_decay: float = 1.0
    multipliers: Mapping[str, float] | None = None
    l2_sp: float = 0.0


@checked(
    cache=either(checks.flag, path),
    augment=either(
        called, one_word("jitter"), valid="'jitter' or a function (images, seed) → images"
    ),
)
@dataclass(frozen=True)
class Features:
    """What the head sees: features that are kept, of images as they are or of augmented ones.

    Args:
        cache: `"auto"` computes the features of a frozen backbone once and keeps them in memory,
            those of images that are read from files in the user's cache; a folder keeps them
            there, `False` never does. Where it is not valid, `result.cache` says
            why not.
        augment: `"jitter"`, or a function (images, seed) → images.
        views: with `augment`, so many fixed views of each image in turn, which may be cached; 0
            makes new ones in every epoch.
    """

    cache: str | os.PathLike[str] | bool = "auto"
    augment: str | Augment | None = None
    views: int = 0

    def __post_init__(self) -> None:
        if self.views and self.augment is None:
            raise ValueError(f"views={self.views} are views of augmented images; give augment too")


@checked(
    schedule=one_word("cosine", "constant"),
    optimizer=of_class("Optimizer"),
    class_weight=either(
        mapping, one_word("balanced"), valid="'balanced' or a weight for each class"
    ),
    mixed_precision=either(checks.flag, checks.text),
)
@dataclass(frozen=True)
class Training:
    """How it is trained.

    Args:
        epochs: where `freeze` is no freeze plan, which has its own.
        batch_size: at most; all batches have one size, which leaves the fewest examples out.
        learning_rate: of Adam.
        schedule: `"cosine"`, to zero over each phase and by epochs, or `"constant"`.
        optimizer: a new Keras optimizer instead of Adam; its rate, or its own schedule, counts.
        probe_first: start the head at its closed form (Kumar et al. 2022). Not for ordinal.
        early_stopping: end a phase after so many epochs without a smaller validation loss, and go
            on from the best weights; the start counts too.
        class_weight: `"balanced"` or a weight by class.
        mixed_precision: `True`, or the name of a Keras dtype policy. The head stays in float32.
        accumulate: batches whose gradients one step sums up.
    """

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    schedule: str = "cosine"
    optimizer: "keras.optimizers.Optimizer | None" = None
    probe_first: bool = True
    early_stopping: int | None = None
    class_weight: str | Mapping[int, float] | None = None
    mixed_precision: bool | str = False
    accumulate: int = 1


@checked(weights=path, resize=one_word(*RESIZE), input_range=each(checks.number, least=2))
@dataclass(frozen=True)
class Preparation:
    """How backbone and inputs come together.

    Args:
        weights, image_size: see `wszoo.transferring.backbones.find`.
        resize: how images come to the backbone's size: `"crop"` to their centred square (the
            default), `"pad"` or `"stretch"`; see `wszoo.data.load`. It is kept with the model.
        input_range: the values, such as `(0, 255)`, between which a backbone of your own takes
            its inputs; data in [0, 1] are scaled to it inside of the model. By default what
            `wszoo.sharing.about.describe` or its file says, else what its own scaling of real
            images tells.
    """

    weights: str | os.PathLike[str] | None = "imagenet"
    image_size: int | None = None
    resize: str | None = None
    input_range: Sequence[float] | None = None


@checked(
    distribution=either(
        one_word("data_parallel"),
        of_class("Processes"),
        valid="'data_parallel' or what start('data_parallel') gave",
    )
)
@dataclass(frozen=True)
class Running:
    """How the run goes: backups, logs, processes, random numbers, and what it prints.

    Args:
        resume: a folder for backups. The same call goes on there after it was killed, and ends as
            an unbroken one would.
        tensorboard: folder for TensorBoard's logs.
        distribution: `"data_parallel"` trains over several processes, which all make this call, on
            the JAX backend; see `wszoo.transferring.training.processes.start`, which is called
            first of all, or whose result this is. Files are written by process 0, `resume` and a
            folder of features are for all, and each process gets the same result.
        seed: of the head's start, the order of the examples, and the augmentation.
        verbose: as in `fit`: 0 silent, 1 a progress bar, 2 a line an epoch.

    Raises `ImportError` where logs are asked for and TensorBoard is not installed.
    """

    resume: str | os.PathLike[str] | None = None
    tensorboard: str | os.PathLike[str] | None = None
    distribution: "str | Processes | None" = None
    seed: int = 0
    verbose: int = 1

    def __post_init__(self) -> None:
        if self.tensorboard is not None and importlib.util.find_spec("tensorboard") is None:
            raise ImportError("tensorboard= needs TensorBoard: pip install tensorboard")
