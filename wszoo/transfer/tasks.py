"""Tasks: what a head looks like, which loss and metrics it has, which targets it takes.

A head takes features `(batch, width)` and gives logits or values; losses take those as they are.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import checks
from wszoo.arguments import checked, either, of_class
from wszoo.data.errors import did_you_mean
from wszoo.data.numbers import as_numbers
from wszoo.transfer import meaning, starts, targets

if TYPE_CHECKING:
    import keras

SCALE = 20.0  # of cosines before the softmax: temperature .05, Zhai & Wu 2018


@dataclass(frozen=True)
class Task:
    """One kind of target.

    `read` says what labels are to the task, from examples and the order that was asked for;
    `units` checks the targets of all splits and says how many numbers the head gives; `encode`
    makes what the loss takes of them; `start` gives closed-form weights of the head's layers, in
    order, from features and targets `(x, y, units, held)`; `decode` makes predictions of outputs.
    `named` is the task for these class names, in whose units its predictions and metrics are.
    """

    name: str
    units: Callable[..., int]
    head: Callable[[Any, int, np.ndarray], Any]
    loss: Callable[[], "keras.losses.Loss"]
    metrics: Callable[[int], list]
    decode: Callable[[np.ndarray], np.ndarray]
    encode: Callable[[np.ndarray, int], np.ndarray] = lambda y, units: y
    start: Callable[..., list[np.ndarray]] | None = None
    labels: bool = True  # targets are classes, which may be weighted
    read: Callable[..., Any] = meaning.as_classes
    numbers: bool = False  # labels are numbers: a split may have some that train lacks
    named: Callable[["Task", tuple[str, ...]], "Task"] = lambda task, class_names: task


@checked(task=either(checks.text, of_class("Task")))
def find(task: "str | Task") -> Task:
    """A task by its name, or as it is. Raises `ValueError` for an unknown name."""
    if isinstance(task, Task):
        return task
    if task not in TASKS:
        hint = did_you_mean(str(task), TASKS)
        raise ValueError(f"unknown task {task!r}; valid are {', '.join(TASKS)}.{hint}")
    return TASKS[task]()


def classification() -> Task:
    """Labels `(n,)`, one class each; logits `(batch, classes)` linear in unit features."""
    import keras

    return Task(
        "classification",
        targets.classes,
        _linear,
        lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        lambda units: [keras.metrics.SparseCategoricalAccuracy("accuracy")],
        lambda outputs: outputs.argmax(-1),
        start=starts.classifier,
    )


def multi_label() -> Task:
    """Targets `(n, labels)` of 0 and 1; a logit a label, linear in unit features."""
    import keras

    return Task(
        "multi_label",
        targets.flags,
        _linear,
        lambda: keras.losses.BinaryCrossentropy(from_logits=True),
        lambda units: [
            keras.metrics.BinaryAccuracy("accuracy", threshold=0.0),
            keras.metrics.AUC(name="auc", multi_label=True, num_labels=units, from_logits=True),
        ],
        lambda outputs: (outputs > 0).astype("int32"),
        encode=lambda y, units: y.astype("float32"),
        start=starts.flags,
        labels=False,
    )


def regression() -> Task:
    """Values `(n,)` or `(n, values)`; linear in the features, in the units of the targets.

    Labels of a source are the numbers that its class names spell.
    """
    import keras

    return Task(
        "regression",
        targets.values,
        _regressor,
        lambda: keras.losses.MeanSquaredError(),
        lambda units: [
            keras.metrics.MeanAbsoluteError("mae"),
            keras.metrics.R2Score(name="r2"),
        ],
        lambda outputs: outputs,
        encode=lambda y, units: y.reshape(len(y), -1).astype("float32"),
        start=starts.regressor,
        labels=False,
        read=meaning.as_values,
        numbers=True,
    )


def ordinal() -> Task:
    """Ranks `(n,)`: one kernel for all thresholds, a bias each (CORAL, Cao et al. 2020).

    Ranks are numbers in their order, or classes in the order asked for; predictions and the metric
    `mae` are in these numbers, or where there are none in ranks. The logits `(batch, ranks - 1)`
    say "above rank k"; their number above zero is the rank.
    """
    import keras

    from wszoo.transfer import ranks

    return Task(
        "ordinal",
        targets.classes,
        _thresholds,
        lambda: keras.losses.BinaryCrossentropy(from_logits=True),
        lambda units: [
            keras.metrics.MeanMetricWrapper(ranks.rank_accuracy, "accuracy"),
            keras.metrics.MeanMetricWrapper(ranks.rank_error, "mae"),
        ],
        lambda outputs: (outputs > 0).sum(-1),
        encode=lambda y, units: (y[:, None] > np.arange(units - 1)).astype("float32"),
        labels=False,
        read=meaning.as_ranks,
        named=_in_numbers,
    )


def _in_numbers(task: Task, class_names: tuple[str, ...]) -> Task:
    """The ordinal task whose ranks stand for the numbers that class names spell, if they do."""
    import keras

    from wszoo.transfer import ranks

    values = as_numbers(class_names)
    if values is None:
        return task
    error = keras.metrics.MeanMetricWrapper
    return replace(
        task,
        decode=lambda outputs: values[task.decode(outputs)],
        metrics=lambda units: [
            *task.metrics(units)[:1],
            error(ranks.rank_error, "mae", values=values.tolist()),
        ],
    )


def embedding() -> Task:
    """Labels `(n,)`, learnt as a prototype a class on the unit sphere: logits are scaled cosines.

    Normalised softmax (Zhai & Wu 2018, "Classification is a Strong Baseline for Deep Metric
    Learning"); the prototypes start as the classes' means (Snell et al. 2017). The layer `unit`
    gives the embedding, by which examples of classes never seen can be compared too.
    """
    import keras

    return Task(
        "embedding",
        targets.classes,
        prototypes,
        lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        lambda units: [keras.metrics.SparseCategoricalAccuracy("accuracy")],
        lambda outputs: outputs.argmax(-1),
        start=starts.prototypes,
    )


TASKS = {
    make.__name__: make for make in (classification, multi_label, regression, ordinal, embedding)
}


def _unit(features: Any) -> Any:
    """Features of unit length times √width: of order one each, whatever the backbone."""
    import keras

    x = keras.layers.UnitNormalization(dtype="float32", name=_free("unit", features))(features)
    scale = starts.scale(features)
    return keras.layers.Rescaling(scale, dtype="float32", name=_free("unit_scale", features))(x)


def _free(name: str, features: Any) -> str:
    """The name of a layer on features, which no layer of the backbone has."""
    from wszoo.sharing import graph

    return graph.free_layer_name(name, features)


def _linear(features: Any, units: int, y: np.ndarray) -> Any:
    import keras

    return keras.layers.Dense(units, dtype="float32", name=_free("head", features))(_unit(features))


def _regressor(features: Any, units: int, y: np.ndarray) -> Any:
    import keras

    x = keras.layers.Dense(units, dtype="float32", name=_free("head", features))(features)
    mean, sd = starts.moments(y)
    name = _free("units", features)
    return keras.layers.Rescaling(sd.tolist(), mean.tolist(), dtype="float32", name=name)(x)


def _thresholds(features: Any, units: int, y: np.ndarray) -> Any:
    import keras

    from wszoo.layers import Bias

    kernel, thresholds, bias = (_free(n, features) for n in ("kernel", "thresholds", "bias"))
    x = keras.layers.Dense(1, use_bias=False, dtype="float32", name=kernel)(_unit(features))
    x = keras.layers.Concatenate(dtype="float32", name=thresholds)([x] * (units - 1))
    return Bias(dtype="float32", name=bias)(x)


def prototypes(features: Any, units: int, y: np.ndarray) -> Any:
    """A head: scaled cosines between the features and a prototype a class."""
    import keras

    unit = keras.layers.UnitNormalization(dtype="float32", name=_free("unit", features))
    x = keras.layers.Dense(
        units,
        use_bias=False,
        kernel_constraint=keras.constraints.UnitNorm(),  # prototypes stay on the sphere
        dtype="float32",
        name=_free("prototypes", features),
    )(unit(features))
    name = _free("cosine_scale", features)
    return keras.layers.Rescaling(SCALE, dtype="float32", name=name)(x)
