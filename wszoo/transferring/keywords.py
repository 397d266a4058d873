"""The plain keywords of `wszoo.transfer`, and the groups that they make."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypedDict, TypeVar

from wszoo.transferring.options import (
    Augment,
    Features,
    Freezing,
    Preparation,
    Running,
    Training,
)

if TYPE_CHECKING:
    import keras

    from wszoo.transferring.freezing.freeze_plan import FreezeSpelling
    from wszoo.transferring.training.processes import Processes

Group = TypeVar("Group", Freezing, Features, Training, Preparation, Running)


class TransferOptions(TypedDict, total=False):
    """The plain keywords of `wszoo.transfer`: the fields of all groups."""

    freeze: "FreezeSpelling | None"
    lora: int | None
    lr_decay: float
    multipliers: Mapping[str, float] | None
    l2_sp: float
    cache: str | os.PathLike[str] | bool
    augment: str | Augment | None
    views: int
    epochs: int
    batch_size: int
    learning_rate: float
    schedule: str
    optimizer: "keras.optimizers.Optimizer | None"
    probe_first: bool
    early_stopping: int | None
    class_weight: str | Mapping[int, float] | None
    mixed_precision: bool | str
    accumulate: int
    weights: str | os.PathLike[str] | None
    image_size: int | None
    resize: str | None
    input_range: Sequence[float] | None
    resume: str | os.PathLike[str] | None
    tensorboard: str | os.PathLike[str] | None
    distribution: "str | Processes | None"
    seed: int
    verbose: int


@dataclass(frozen=True)
class Options:
    """All groups of a run."""

    freezing: Freezing
    features: Features
    training: Training
    preparation: Preparation
    running: Running


def grouped(
    plain: Mapping[str, Any],
    *,
    freezing: Freezing | None = None,
    features: Features | None = None,
    training: Training | None = None,
    preparation: Preparation | None = None,
    running: Running | None = None,
) -> Options:
    """The groups as they were given, and those that plain keywords make.

    Raises `ValueError` for a group that comes with plain keywords of its own.
    """
    return Options(
        _group(Freezing, freezing, plain),
        _group(Features, features, plain),
        _group(Training, training, plain),
        _group(Preparation, preparation, plain),
        _group(Running, running, plain),
    )


def _group(kind: type[Group], given: Group | None, plain: Mapping[str, Any]) -> Group:
    own = {field.name: plain[field.name] for field in fields(kind) if field.name in plain}
    if given is None:
        return kind(**own)
    if own:
        name, group = kind.__name__.lower(), kind.__name__
        raise ValueError(
            f"give {name}= or {'=, '.join(own)}=, not both: write "
            f"{name}={group}({'=…, '.join(own)}=…)"
        )
    return given
