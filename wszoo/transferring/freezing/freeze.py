"""Freezing that takes effect, keeps the optimizer's state, and says what a shared layer does.

In plain Keras a `trainable` flag that changes after `compile` does nothing until the next
`compile`, which wants a new optimizer and loses the state of the old one; and under a partial
freeze the statistics of BatchNormalization drift.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import keras

from wszoo import private
from wszoo.arguments import checked, name_or_names, one_word
from wszoo.sharing import graph
from wszoo.sharing.calls import is_open
from wszoo.shown import tabled
from wszoo.tasks.heads import HEAD
from wszoo.transferring.freezing.stages import select, stages

if TYPE_CHECKING:
    from rich.table import Table

BATCH_NORM = ("frozen", "statistics", "train")


@tabled("table")
@dataclass(frozen=True)
class Frozen:
    """What `freeze` did: layers that train, layers that do not, and why some surprise.

    `held` are layers that were chosen at one site and not at another, which share them: they stay
    frozen. `norms` are the BatchNormalization layers that the policy `batch_norm` is for, wherever
    they lie in the layers that were chosen. `verify()` raises `ValueError` if a frozen weight has
    changed since.
    """

    model: keras.Model = field(repr=False)
    trains: tuple[str, ...]
    frozen: tuple[str, ...]
    held: dict[str, tuple[str, ...]]
    batch_norm: str
    norms: tuple[str, ...]
    marks: dict[str, str] = field(repr=False)

    def verify(self) -> None:
        """Raises `ValueError` where a frozen variable has changed since it was frozen."""
        now = _marks(self.model, self.marks)
        changed = sorted(path for path, mark in self.marks.items() if now[path] != mark)
        if changed:
            raise ValueError(f"weights that are frozen have changed: {', '.join(changed)}")

    def table(self) -> "Table":
        """A rich table: a row a stage, what trains in it and what does not."""
        from rich.table import Table

        table = Table("stage", "trains", "frozen", title_justify="left")
        table.title = f"{self.model.name}; BatchNormalization: {self.batch_norm}"
        owner_of = dict(graph.plan_of(self.model).owners)
        for stage, sites in stages(self.model).items():
            owners = dict.fromkeys(owner_of[site] for site in sites)
            rows = [
                ", ".join(o for o in owners if o in group) for group in (self.trains, self.frozen)
            ]
            table.add_row(stage, *rows)
        return table


@checked(train=name_or_names, batch_norm=one_word(*BATCH_NORM))
def freeze(
    model: keras.Model,
    train: str | Sequence[str],
    *,
    batch_norm: str = "frozen",
    pattern: str | None = None,
) -> Frozen:
    """Trains the chosen sites of a functional model and freezes all others, at once.

    A model that was compiled is compiled again, with an optimizer that keeps the state (slots and
    step count) of every variable that goes on training. A layer that several sites share trains
    only if all of them are chosen.

    Args:
        train: globs over stages and sites or rules on depth, see
            `wszoo.transferring.freezing.stages.select`; `"all"` and `[]` are valid.
        batch_norm: what the BatchNormalization layers of a pretrained backbone do, those inside
            of other layers too. `"frozen"`: none trains, and all use their stored statistics.
            `"statistics"`: those chosen update their statistics, and their scale and offset stay.
            `"train"`: those chosen train as usual. Those of the stage `head` are new, and train
            as usual in any case.
        pattern: see `wszoo.transferring.freezing.stages.stages`.

    Raises `ValueError` for a glob that matches nothing and an unknown policy.
    """
    if batch_norm not in BATCH_NORM:
        raise ValueError(f"batch_norm is {', '.join(BATCH_NORM)}; received {batch_norm!r}")
    parts = stages(model, pattern)
    chosen, new = set(select(parts, train)), set(parts.get(HEAD, ()))
    sites_of: dict[int, list[str]] = {}
    layers = {id(layer): (layer.name, layer) for layer in model.layers if not is_open(layer)}
    for site, call in zip(graph.sites(model), graph.weighted_calls(model), strict=True):
        sites_of.setdefault(id(call.operation), []).append(site)
        layers.setdefault(id(call.operation), (site, call.operation))
        for nested in call.containers:
            nested.trainable = True  # what trains in it is said below, layer by layer
    trains: list[str] = []
    frozen: list[str] = []
    held: dict[str, tuple[str, ...]] = {}
    norms: list[str] = []
    for name, layer in layers.values():
        sites = sites_of.get(id(layer), [])
        on = bool(sites) and chosen.issuperset(sites)
        if not on and chosen.intersection(sites):
            held[name] = tuple(sites)
        layer.trainable = on or not layer.weights
        if on and not new.intersection(sites):
            norms += _under_policy(name, layer, batch_norm)
        if sites:
            held_back = _is_norm(layer) and name in norms and batch_norm == "frozen"
            (trains if on and not held_back else frozen).append(name)
    if model.compiled:
        recompile(model)
    moving = {
        id(v)
        for layer in model.layers
        if layer.trainable
        for part in private.parts_of(layer)
        if part.trainable
        for v in private.own_variables(part)
    }
    still = {v.path: "" for v in model.weights if id(v) not in moving}
    marks = _marks(model, still)
    return Frozen(model, tuple(trains), tuple(frozen), held, batch_norm, tuple(norms), marks)


def _is_norm(layer: keras.Layer) -> bool:
    return isinstance(layer, keras.layers.BatchNormalization)


def _under_policy(name: str, layer: keras.Layer, batch_norm: str) -> list[str]:
    """Freezes what the policy says of the norms in a layer, or of it; gives their names."""
    norms = [part for part in private.parts_of(layer) if _is_norm(part)]
    for norm in norms:
        if batch_norm == "frozen":
            norm.trainable = False
        elif batch_norm == "statistics":
            for variable in norm.trainable_variables:
                variable.trainable = False
    return [name if norm is layer else norm.name for norm in norms]


def recompile(model: keras.Model, like: keras.Model | None = None) -> None:
    """Compiles as before, or as `like` is, with an optimizer for the variables that train now.

    It keeps the state (slots and step count) of variables of the same path and shape.
    """
    before = like or model
    old = before.optimizer
    new = old.__class__.from_config(old.get_config())
    arguments = private.compile_arguments(before) | {"optimizer": new}
    before.reset_metrics()  # the same objects go on, and Keras resets only those that it has built
    model.compile(**arguments)
    if not getattr(old, "inner_optimizer", old).built:
        return
    new.build(model.trainable_variables)
    # The name of a slot holds the path of its variable; those of both optimizers agree.
    state = {_slot(variable): variable for variable in old.variables}
    for variable in new.variables:
        before = state.get(_slot(variable))
        if before is not None and before.shape == variable.shape:
            variable.assign(before)


def _slot(variable: keras.Variable) -> str:
    return variable.path.rpartition("/")[2]


def _marks(model: keras.Model, paths: dict[str, str]) -> dict[str, str]:
    """A hash of each weight among `paths`."""
    return {
        v.path: hashlib.sha256(keras.ops.convert_to_numpy(v).tobytes()).hexdigest()
        for v in model.weights
        if v.path in paths
    }
