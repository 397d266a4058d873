"""Freeze plans as data: what trains in which phase, for how long, at which rate.

    pattern: "conv\\d"   # optional: what names a stage, see wszoo.transferring.freezing.stages
    phases:
      - {name: head, train: head, epochs: 3}
      - {name: top, train: [head, "depth>=-2"], epochs: 3, learning_rate: 1e-3}
      - {name: all, train: all, epochs: 5, learning_rate: 1e-4, batch_norm: train}

First the head, then all (Kumar et al. 2022, "Fine-Tuning can Distort Pretrained Features"); layers
step by step from the top: Howard & Ruder 2018 (ULMFiT).
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import keras

from wszoo import checks, private
from wszoo.arguments import checked, each, mapping, name_or_names, one_word, rate, some
from wszoo.transferring.freezing.freeze import BATCH_NORM, Frozen, freeze
from wszoo.transferring.freezing.stages import select, stages

if TYPE_CHECKING:
    from rich.table import Table


@checked(train=name_or_names, learning_rate=rate, batch_norm=one_word(*BATCH_NORM))
@dataclass(frozen=True)
class Phase:
    """`epochs` of training of the chosen sites (globs, rules on depth); see `freeze`.

    `learning_rate` `None` keeps the one that the model was compiled with.
    """

    name: str
    train: str | tuple[str, ...]
    epochs: int
    batch_norm: str = "frozen"
    learning_rate: float | None = None


@checked(phases=each(some(Phase, "a Phase")))
@dataclass(frozen=True)
class FreezePlan:
    """Phases in order; their names differ."""

    phases: tuple[Phase, ...]
    pattern: str | None = None

    def __post_init__(self) -> None:
        names = [phase.name for phase in self.phases]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"a freeze plan needs phases of different names; received {names}")
        if self.pattern is not None:
            try:
                re.compile(checks.text("the pattern of a freeze plan", self.pattern))
            except re.error as error:
                raise ValueError(
                    f"the pattern of a freeze plan must be a regular expression; received "
                    f"{self.pattern!r} ({error})"
                ) from None

    @classmethod
    @checked(data=mapping)
    def from_dict(cls, data: Mapping[str, object]) -> "FreezePlan":
        """Raises `ValueError` for a key that is not known or missing."""
        entries = data.get("phases") if isinstance(data, Mapping) else None
        if not isinstance(entries, list):
            raise ValueError(
                f"a freeze plan is a mapping with a list `phases`; received {checks.shown(data)}"
            )
        _check_keys("a freeze plan", data, ("phases", "pattern"))
        phases = []
        for number, entry in enumerate(entries):
            keys = [field.name for field in fields(Phase)]
            _check_keys(f"phase {number} of a freeze plan", entry, keys, keys[:3])
            train = entry["train"]
            chosen = tuple(train) if isinstance(train, list) else train
            try:
                phases.append(Phase(**{**entry, "train": chosen}))
            except ValueError as error:
                raise ValueError(f"phase {number}, {entry['name']!r}: {error}") from None
        return cls(tuple(phases), data.get("pattern"))  # type: ignore[arg-type]  # is checked

    @classmethod
    @checked()
    def from_yaml(cls, path: str | os.PathLike) -> "FreezePlan":
        """Reads a YAML file. Raises `ValueError` for one that is no freeze plan, with its name."""
        from wszoo.transferring.freezing import freeze_plan_yaml

        try:
            data = freeze_plan_yaml.read(Path(path))
            return cls.from_dict(data)  # type: ignore[arg-type]  # it says what it is not
        except ValueError as error:
            raise ValueError(f"{str(path)!r}: {error}") from error

    def to_dict(self) -> dict[str, object]:
        """The freeze plan as plain data, as a YAML file has it."""
        phases = [asdict(phase) for phase in self.phases]
        return {"phases": phases, "pattern": self.pattern}

    @property
    def epochs(self) -> int:
        """Epochs of all phases together."""
        return sum(phase.epochs for phase in self.phases)

    @checked()
    def check(self, model: keras.Model) -> None:
        """Raises `ValueError` if a phase chooses what the model does not have, or sets a learning
        rate where the model is compiled with an optimizer that has a schedule."""
        for phase in self.phases:
            try:
                select(stages(model, self.pattern), phase.train)
            except ValueError as error:
                raise ValueError(f"phase {phase.name!r}: {error}") from error
            if phase.learning_rate is not None and model.compiled and _has_schedule(model):
                raise ValueError(
                    f"phase {phase.name!r} sets a learning rate, but the optimizer has a schedule"
                )

    @checked()
    def table(self, model: keras.Model) -> "Table":
        """A rich table of what trains when: a row a stage, a column a phase.

        `train`, `part` (some of its sites) or nothing; the last row is BatchNormalization's.
        """
        from rich.table import Table

        parts = stages(model, self.pattern)
        table = Table("stage", title=f"phases of {model.name}", title_justify="left")
        chosen = []
        for phase in self.phases:
            rate = "" if phase.learning_rate is None else f"\nrate {phase.learning_rate:g}"
            table.add_column(f"{phase.name}\n{phase.epochs} epochs{rate}")
            chosen.append(set(select(parts, phase.train)))
        for stage, sites in parts.items():
            hits = [len(sites_on.intersection(sites)) for sites_on in chosen]
            cells = ["train" if n == len(sites) else "part" if n else "" for n in hits]
            table.add_row(stage, *cells)
        table.add_row("BatchNormalization", *(phase.batch_norm for phase in self.phases))
        return table


FreezeSpelling = str | Sequence[str] | Mapping[str, object] | os.PathLike[str] | FreezePlan


def as_freeze_plan(freeze: FreezeSpelling, epochs: int) -> FreezePlan:
    """A freeze plan of any spelling; of globs, one phase of so many epochs."""
    if isinstance(freeze, FreezePlan):
        return freeze
    if isinstance(freeze, Mapping):
        return FreezePlan.from_dict(freeze)
    if isinstance(freeze, os.PathLike) or str(freeze).endswith((".yaml", ".yml")):
        return FreezePlan.from_yaml(freeze)  # type: ignore[arg-type]  # a text, if no path
    train = freeze if isinstance(freeze, str) else tuple(freeze)
    return FreezePlan((Phase("train", train, epochs),))


@checked()
def start_phase(model: keras.Model, freeze_plan: FreezePlan, phase: Phase) -> Frozen:
    """Freezes a compiled model for a phase and sets its learning rate; then fit it as usual."""
    state = freeze(model, phase.train, batch_norm=phase.batch_norm, pattern=freeze_plan.pattern)
    if phase.learning_rate is not None:
        optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
        optimizer.learning_rate = phase.learning_rate
    return state


def _has_schedule(model: keras.Model) -> bool:
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    return private.schedule_of(optimizer) is not None


def _check_keys(what: str, data: object, valid: Sequence[str], needed: Sequence[str] = ()) -> None:
    if not isinstance(data, Mapping):
        raise ValueError(f"{what} must be a mapping, not {data!r}")
    wrong, missing = sorted(set(data) - set(valid)), sorted(set(needed) - set(data))
    if wrong or missing:
        raise ValueError(
            f"{what} has the unknown keys {wrong} and lacks {missing}; valid are {list(valid)}"
        )
