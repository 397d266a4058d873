"""Several heads on one backbone: every task shares the backbone's layers (hard sharing).

    heads = {"digit": Head("classification", 10), "slant": Head("regression")}
    model = attach_heads(backbone, heads)
    compile_heads(model, heads, weights="uncertainty")
    model.fit(x, {"digit": labels, "slant": degrees})

In the words of sharing: the tasks are sites of one backbone, and `sharing_between_tasks` audits
that against a network a task. Caruana 1997, "Multitask Learning".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from wszoo.arguments import by_name, checked, either, mapping, one_word, optimizer, some
from wszoo.sharing import graph
from wszoo.shown import tabled
from wszoo.tasks.uncertainty import ScaledError, Uncertain, Uncertainty

if TYPE_CHECKING:
    from rich.table import Table

KINDS = ("classification", "multi_label", "regression")


@checked()
@dataclass(frozen=True)
class Head:
    """One task: `units` classes, labels or values; of a regression, the targets' `mean` and `sd`.

    Classes and labels come as logits, values in the units of the targets.
    """

    kind: str
    units: int = 1
    mean: float = 0.0
    sd: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"a head is for {', '.join(KINDS)}; received {self.kind!r}")
        least = 2 if self.kind == "classification" else 1
        if not isinstance(self.units, int) or self.units < least:
            raise ValueError(f"{self.kind} needs {least} units or more, not {self.units!r}")
        if not self.sd > 0:
            raise ValueError(f"the standard deviation of targets is above 0, not {self.sd!r}")

    def loss(self) -> keras.losses.Loss:
        """Of a regression the squared error in standard deviations, so that it is of order one."""
        if self.kind == "classification":
            return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        if self.kind == "multi_label":
            return keras.losses.BinaryCrossentropy(from_logits=True)
        return ScaledError(self.sd)

    def metrics(self) -> list[keras.metrics.Metric]:
        """Keras metrics of this head, by the name of what they measure."""
        if self.kind == "classification":
            return [keras.metrics.SparseCategoricalAccuracy("accuracy")]
        if self.kind == "multi_label":
            return [keras.metrics.BinaryAccuracy("accuracy", threshold=0.0)]
        return [keras.metrics.MeanAbsoluteError("mae")]


@checked(heads=by_name(some(Head, "a Head"), least=1))
def attach_heads(backbone: keras.Model, heads: Mapping[str, Head]) -> keras.Model:
    """A model from the backbone's input to one output a task, by name.

    The backbone gives features `(batch, width)`; its layers and the names of its sites are kept.
    The site of a head is `<task>_head`; the last layer of a task has its name. Raises `ValueError`
    for features that are not a vector, no heads, and a name that a layer of the backbone has.
    """
    if not isinstance(backbone.output_shape, tuple) or len(backbone.output_shape) != 2:
        raise ValueError(
            f"heads want features (batch, width); {backbone.name!r} gives "
            f"{backbone.output_shape}: pool them first, or take one without a head, "
            "as wszoo.get(name, head=None)"
        )
    made = {f"{name}{end}" for name in heads for end in ("", "_head", "_units")}
    taken = sorted({layer.name for layer in backbone.layers} & made)
    if not heads or taken:
        raise ValueError(f"heads need names of their own; received {list(heads)}, taken: {taken}")
    names, outputs = graph.names_of(backbone), {}
    for name, head in heads.items():
        dense = keras.layers.Dense(head.units, dtype="float32", name=f"{name}_head")
        y = dense(backbone.output)
        if head.kind == "regression":
            units = {"scale": head.sd, "offset": head.mean, "dtype": "float32"}
            y = keras.layers.Rescaling(**units, name=f"{name}_units")(y)
        outputs[name] = Uncertainty(dtype="float32", name=name)(y)
    model = keras.Model(backbone.input, outputs, name=f"{backbone.name}_tasks")
    site_of = dict(zip(graph.weighted_calls(backbone), names.sites, strict=True))
    sites = [site_of.get(call, call.operation.name) for call in graph.weighted_calls(model)]
    graph.remember(model, sites, names.declared)
    return model


@checked(
    heads=by_name(some(Head, "a Head"), least=1),
    optimizer=optimizer,
    weights=either(mapping, one_word("uncertainty"), valid="numbers by task or 'uncertainty'"),
)
def compile_heads(
    model: keras.Model,
    heads: Mapping[str, Head],
    *,
    optimizer: keras.optimizers.Optimizer = "adam",
    weights: Mapping[str, float] | str | None = None,
    **options: Any,
) -> None:
    """Compiles a model of `attach_heads`, with a loss and metrics a task.

    Args:
        weights: of the losses: numbers by task (1 where none is given), or `"uncertainty"`: they
            are learnt, see `wszoo.tasks.uncertainty`, and the log variances saved with the
            model; compile again after loading it.
        options: of `keras.Model.compile`.

    Raises `ValueError` for heads that are not the model's, and weights that are not positive.
    """
    if set(heads) != set(model.output_names):
        raise ValueError(f"the model has the heads {model.output_names}; received {list(heads)}")
    learnt = weights == "uncertainty"
    numbers = dict.fromkeys(heads, 1.0)
    if isinstance(weights, Mapping):
        numbers |= weights
    elif weights is not None and not learnt:
        raise ValueError(f"weights are numbers by task or 'uncertainty'; received {weights!r}")
    if set(numbers) != set(heads) or not all(value > 0 for value in numbers.values()):
        raise ValueError(f"weights are positive numbers for {list(heads)}; received {weights}")
    losses = {}
    for name, head in heads.items():
        layer = model.get_layer(name)
        layer.trainable = learnt
        factor = 0.5 if head.kind == "regression" else 1.0
        losses[name] = Uncertain(head.loss(), factor=factor, layer=layer) if learnt else head.loss()
    model.compile(
        optimizer,
        loss=losses,
        loss_weights=numbers,
        weighted_metrics={name: head.metrics() for name, head in heads.items()},
        **options,
    )


@checked(targets=mapping, heads=by_name(some(Head, "a Head"), least=1))
def known(
    targets: Mapping[str, np.ndarray], heads: Mapping[str, Head]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """`(targets, sample_weight)` for `fit`, where some examples lack the target of some task.

    A missing class is -1, a missing label or value NaN; an example that lacks one of several
    labels or values counts as one that lacks all. Their weight is 0, so they neither train nor
    count in that task. Values become `(n, units)`. Raises `ValueError` for other tasks than the
    heads', and a task without any target.
    """
    if set(targets) != set(heads):
        raise ValueError(f"targets are for {list(heads)}; received {list(targets)}")
    filled, weight = {}, {}
    for name, head in heads.items():
        y = np.asarray(targets[name])
        if head.kind == "classification":
            there, none = y >= 0, 0.0
        else:
            y = y.reshape(len(y), -1).astype("float32")
            there, none = ~np.isnan(y).any(axis=1), 0.0
        if not there.any():
            raise ValueError(f"no example has a target of {name!r}")
        filled[name] = np.where(there if y.ndim == 1 else there[:, None], y, none).astype(y.dtype)
        weight[name] = there.astype("float32")
    return filled, weight


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
