"""Several heads on one backbone: every task shares the backbone's layers (hard sharing).

    tasks = {"digit": "classification", "slant": "regression"}
    model = attach_heads(backbone, tasks, targets)      # of training, by task: how many, how large
    compile_heads(model, tasks, weights="uncertainty")
    model.fit(x, targets)

In the words of sharing: the tasks are sites of one backbone, and `sharing_between_tasks` audits
that against a network a task. Caruana 1997, "Multitask Learning".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from wszoo.arguments import any_array, by_name, checked, either, mapping, one_word, optimizer
from wszoo.sharing import graph
from wszoo.shown import tabled
from wszoo.tasks.heads import check_vector
from wszoo.tasks.linear import moments
from wszoo.tasks.task import Task, find
from wszoo.tasks.uncertainty import ScaledError, Uncertain, Uncertainty

if TYPE_CHECKING:
    from rich.table import Table

TASKS = ("classification", "multi_label", "regression")  # that stand side by side
Tasks = Mapping[str, str]  # by the name of a head
Targets = Mapping[str, np.ndarray]

_tasks = by_name(one_word(*TASKS), least=1)
_targets = by_name(any_array, least=1)


@checked(tasks=_tasks, targets=_targets)
def attach_heads(backbone: keras.Model, tasks: Tasks, targets: Targets) -> keras.Model:
    """A model from the backbone's input to one output a task, by name.

    `targets` are those of the training, as `model.fit` takes them, by task: they say how many
    classes, labels or values there are, and the values' mean and spread. Classes and labels come
    as logits, values in the units of the targets. The backbone gives features `(batch, width)`; its
    layers and the names of its sites are kept. The site of a head is `<task>_head`; the last layer
    of a task has its name.

    Raises `ValueError` for features that are not a vector, targets that a task cannot learn from,
    and a name that a layer of the backbone has.
    """
    check_vector(backbone)
    _same_names(tasks, targets)
    own = {f"{name}{end}" for name in tasks for end in ("", "_head", "_units")}
    taken = sorted({layer.name for layer in backbone.layers} & own)
    if taken:
        raise ValueError(f"heads need names of their own; received {list(tasks)}, taken: {taken}")
    names, outputs = graph.names_of(backbone), {}
    for name, kind in tasks.items():
        task, y = find(kind), targets[name]
        y = y[_there(task, y)]
        units = task.units({"train": y}, ())
        dense = keras.layers.Dense(units, dtype="float32", name=f"{name}_head")
        out = dense(backbone.outputs[0])
        if task.numbers:
            mean, sd = (part.tolist() for part in moments(y))
            out = keras.layers.Rescaling(sd, mean, dtype="float32", name=f"{name}_units")(out)
        outputs[name] = Uncertainty(dtype="float32", name=name)(out)
    model = keras.Model(backbone.inputs[0], outputs, name=f"{backbone.name}_tasks")
    site_of = dict(zip(graph.weighted_calls(backbone), names.sites, strict=True))
    sites = [site_of.get(call, call.operation.name) for call in graph.weighted_calls(model)]
    graph.remember(model, sites, names.declared)
    return model


@checked(
    tasks=_tasks,
    optimizer=optimizer,
    weights=either(mapping, one_word("uncertainty"), valid="numbers by task or 'uncertainty'"),
)
def compile_heads(
    model: keras.Model,
    tasks: Tasks,
    *,
    optimizer: keras.optimizers.Optimizer | str = "adam",
    weights: Mapping[str, float] | str | None = None,
    **options: Any,
) -> None:
    """Compiles a model of `attach_heads`, with a loss and a metric a task.

    The loss of values is the squared error in standard deviations, so that it is of order one.

    Args:
        weights: of the losses: numbers by task (1 where none is given), or `"uncertainty"`: they
            are learnt, see `wszoo.tasks.uncertainty`, and the log variances saved with the
            model; compile again after loading it.
        options: of `keras.Model.compile`.

    Raises `ValueError` for tasks that are not the model's, and weights that are not positive.
    """
    if set(tasks) != set(model.output_names):
        raise ValueError(f"the model has the heads {model.output_names}; received {list(tasks)}")
    learnt = weights == "uncertainty"
    numbers = dict.fromkeys(tasks, 1.0) | dict(weights if isinstance(weights, Mapping) else {})
    if set(numbers) != set(tasks) or not all(value > 0 for value in numbers.values()):
        raise ValueError(f"weights are positive numbers for {list(tasks)}; received {weights}")
    losses, metrics = {}, {}
    for name, kind in tasks.items():
        task, layer = find(kind), model.get_layer(name)
        layer.trainable = learnt
        loss = ScaledError(model.get_layer(f"{name}_units").scale) if task.numbers else task.loss()
        factor = 0.5 if task.numbers else 1.0
        losses[name] = Uncertain(loss, factor=factor, layer=layer) if learnt else loss
        metrics[name] = task.metrics(model.get_layer(f"{name}_head").units)[:1]
    model.compile(optimizer, loss=losses, loss_weights=numbers, weighted_metrics=metrics, **options)


@checked(targets=_targets, tasks=_tasks)
def with_gaps(
    targets: Targets, tasks: Tasks
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """`(targets, sample_weight)` for `fit`, where some examples lack the target of some task.

    A missing class is -1, a missing label or value NaN; an example that lacks one of several
    labels or values counts as one that lacks all. Their weight is 0, so they neither train nor
    count in that task. Values become `(n, units)`. Raises `ValueError` for other tasks than the
    targets', and a task without any target.
    """
    _same_names(tasks, targets)
    filled, weight = {}, {}
    for name, kind in tasks.items():
        task, y = find(kind), targets[name]
        there = _there(task, y)
        if not there.any():
            raise ValueError(f"no example has a target of {name!r}")
        y = y if task.labels else y.reshape(len(y), -1).astype("float32")
        filled[name] = np.where(there if y.ndim == 1 else there[:, None], y, 0.0).astype(y.dtype)
        weight[name] = there.astype("float32")
    return filled, weight


def _there(task: Task, y: np.ndarray) -> np.ndarray:
    """Which examples `(n,)` have a target."""
    return y >= 0 if task.labels else ~np.isnan(y.reshape(len(y), -1)).any(axis=1)


def _same_names(tasks: Tasks, targets: Targets) -> None:
    if set(targets) != set(tasks):
        raise ValueError(f"targets are for {list(tasks)}; received {list(targets)}")


@tabled("table")
@dataclass(frozen=True)
class TaskSharing:
    """Parameters of a multi-task model, and of one model a task of the same layers."""

    stored: int
    shared: int
    separate: dict[str, int]

    def table(self) -> "Table":
        """A rich table: a row a task; the totals of both ways."""
        from rich.table import Table

        total = sum(self.separate.values())
        table = Table(title="sharing between tasks", title_justify="left", show_footer=True)
        table.add_column("task", footer="total")
        table.add_column("shared", justify="right", footer=f"{self.stored:,} in one model")
        table.add_column("own model", justify="right", footer=f"{total:,} apart")
        for name, size in self.separate.items():
            table.add_row(name, f"{self.shared:,}", f"{size:,}")
        return table


@checked()
def sharing_between_tasks(model: keras.Model) -> TaskSharing:
    """What the tasks of a model with named outputs share: weights that every output depends on."""
    alone = {name: keras.Model(model.input, out) for name, out in model.output.items()}
    sets = [{id(w): w for w in single.weights} for single in alone.values()]
    common = set(sets[0]).intersection(*sets[1:])
    return TaskSharing(
        model.count_params(),
        sum(prod(w.shape) for key, w in sets[0].items() if key in common),
        {name: single.count_params() for name, single in alone.items()},
    )
