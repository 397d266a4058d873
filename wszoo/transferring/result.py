"""What a transfer run gives back: the model, what it measured, and what was done."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wszoo import private
from wszoo.files import written_whole
from wszoo.shown import tabled
from wszoo.transferring.freezing.freeze_plan import FreezePlan

if TYPE_CHECKING:
    import keras
    from rich.table import Table

    from wszoo.tasks.task import Task
    from wszoo.transferring.freezing.freeze import Frozen


LISTED = 6  # layers that a note names
POLICIES = {"frozen": "scale, offset and statistics", "statistics": "scale and offset"}


@tabled("table")
@dataclass(frozen=True, repr=False)
class Result:
    """A trained model and its record.

    `history` has a row an epoch: phase, epoch, losses and metrics (`val_` on validation); the row
    of the phase `start` is the closed-form head. `metrics` are those of the model as it is, on
    validation and test. `cache` says of each phase why features were not kept, `None` where they
    were. `frozen` is what each phase froze, and `stopped` are the phases that ended early. `notes`
    are sentences on what was done that was not asked for.
    """

    model: "keras.Model"
    backbone: str
    task: "Task" = field(repr=False)
    class_names: tuple[str, ...] = field(repr=False)
    freeze_plan: FreezePlan = field(repr=False)
    history: list[dict] = field(repr=False)
    metrics: dict[str, dict[str, float]]
    cache: Mapping[str, str | None]
    frozen: "Mapping[str, Frozen]" = field(repr=False)
    stopped: list[str] = field(repr=False)
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        scores = ", ".join(f"{name} {value:.4f}" for name, value in self.metrics["test"].items())
        return f"Result({self.backbone!r}, {self.task.name}: test {scores})"

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Predictions of examples `(n, …)`: class numbers, 0 and 1, values or ranks.

        Values and ranks that are numbers come in the units of the targets, other ranks and
        classes as places in `class_names`.
        """
        return self.task.decode(np.asarray(self.model.predict(x, batch_size=256, verbose=0)))

    @cached_property
    def embedder(self) -> "keras.Model":
        """The model up to its unit features `(batch, width)`, for comparing by cosine.

        Raises `ValueError` for a head without them.
        """
        import keras

        return keras.Model(self.model.inputs[0], _unit_features(self.model, self.task.name))

    def table(self) -> "Table":
        """A rich table: a row a phase with its last epoch, then the model itself."""
        from rich.table import Table

        names = list(next(iter(self.metrics.values())))
        title = f"{self.backbone}, {self.task.name}"
        table = Table("", "epochs", "features kept", title=title, title_justify="left")
        for name in names:
            table.add_column(name, justify="right")
        for phase, rows in self._by_phase().items():
            kept = "yes" if self.cache.get(phase) is None else "no"
            last = [f"{rows[-1].get(f'val_{name}', float('nan')):.4f}" for name in names]
            epochs = "" if phase == "start" else str(len(rows))
            table.add_row(f"{phase} (validation)", epochs, "" if not epochs else kept, *last)
        table.add_section()
        for split, scores in self.metrics.items():
            table.add_row(f"model ({split})", "", "", *(f"{scores[n]:.4f}" for n in names))
        if self.notes:
            table.caption = "\n".join(self.notes)
            table.caption_justify = "left"
        return table

    def picture(self, path: str | os.PathLike) -> None:
        """Writes a picture: loss, and the first metric, over epochs, with the phases marked."""
        from matplotlib.figure import Figure

        rows = [row for row in self.history if row["phase"] != "start"]
        names = list(next(iter(self.metrics.values())))[:2]
        figure = Figure(figsize=(5 * len(names), 4), layout="constrained")
        for axis, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
            for key, label in ((name, "train"), (f"val_{name}", "validation")):
                points = [(r["epoch"] + 1, r[key]) for r in rows if key in r]
                axis.plot(*zip(*points, strict=True), marker="o", ms=3, label=label)
            for start in _starts(rows):
                axis.axvline(start + 0.5, color="black", ls="--", lw=0.8)
            axis.set(title=name, xlabel="epoch")
            axis.grid(alpha=0.3)
        axis.legend()
        with written_whole(Path(path)) as part:
            figure.savefig(part, dpi=120, format="png")

    def _by_phase(self) -> dict[str, list[dict]]:
        rows: dict[str, list[dict]] = {}
        for row in self.history:
            rows.setdefault(row["phase"], []).append(row)
        return rows


def notes_of(model: "keras.Model", frozen: "Mapping[str, Frozen]") -> tuple[str, ...]:
    """What was done to a model that was not asked for, in sentences."""
    notes = []
    if any(layer.name == "grey_to_colour" for layer in model.layers):
        notes.append("grey images are repeated to the backbone's three channels")
    if any(layer.name == "colour_to_grey" for layer in model.layers):
        notes.append("colour images are turned to grey: the backbone has one channel")
    for phase, state in frozen.items():
        for owner, sites in state.held.items():
            notes.append(f"{phase}: {owner} stays frozen, since {', '.join(sites)} share it")
        if state.norms and state.batch_norm in POLICIES:
            notes.append(
                f"{phase}: {POLICIES[state.batch_norm]} of the backbone's BatchNormalization "
                f"{_listed(state.norms)} stay as they are (batch_norm={state.batch_norm!r})"
            )
    return tuple(notes)


def _unit_features(model: "keras.Model", task: str) -> "keras.KerasTensor":
    """What the head's UnitNormalization gives, found from the output upwards: a backbone may have
    layers of any name."""
    import keras

    from wszoo.sharing import graph
    from wszoo.transferring.freezing.stages import stages

    layer_of = graph.layers_of(model)
    new = [layer_of[site] for site in stages(model).get("head", ())]
    tensor = model.outputs[0]
    while (node := private.call_of(tensor)).input_tensors:
        operation = node.operation
        if isinstance(operation, keras.layers.UnitNormalization):
            return node.outputs[0]
        if getattr(operation, "weights", None) and not any(operation is layer for layer in new):
            break
        tensor = node.input_tensors[0]
    raise ValueError(f"the head of {task} has no UnitNormalization, so no unit features")


def _listed(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return ", ".join(names[:LISTED]) + more


def _starts(rows: list[dict]) -> list[int]:
    """Epochs at which a phase begins, but for the first."""
    pairs = pairwise(rows)
    return [after["epoch"] for before, after in pairs if before["phase"] != after["phase"]]
