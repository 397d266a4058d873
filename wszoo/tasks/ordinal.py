"""Ranks, and numbers that have an order."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from wszoo.data.labels import as_numbers
from wszoo.tasks import linear, meaning, targets
from wszoo.tasks.answers import Answer, Asked, chances, class_names, likeliest, listed
from wszoo.tasks.task import Task, register

if TYPE_CHECKING:
    import keras


@register
def ordinal() -> Task:
    """Ranks `(n,)`: one kernel for all thresholds, a bias each (CORAL, Cao et al. 2020).

    Ranks are numbers in their order, or classes in the order asked for; predictions and the metric
    `mae` are in these numbers, or where there are none in ranks. The logits `(batch, ranks - 1)`
    say "above rank k"; their number above zero is the rank.
    """
    import keras

    from wszoo.tasks import ranks

    return Task(
        name="ordinal",
        units=targets.classes,
        head=_thresholds,
        loss=lambda: keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=lambda units: [
            keras.metrics.MeanMetricWrapper(ranks.rank_accuracy, "accuracy"),
            keras.metrics.MeanMetricWrapper(ranks.rank_error, "mae"),
        ],
        decode=lambda outputs: (outputs > 0).sum(-1),
        answer=by_rank,
        encode=lambda y, units: (y[:, None] > np.arange(units - 1)).astype("float32"),
        labels=False,
        ordered=True,
        read=meaning.as_ranks,
        named=_in_numbers,
    )


def _in_numbers(task: Task, class_names: tuple[str, ...]) -> Task:
    """The ordinal task whose ranks stand for the numbers that class names spell, if they do."""
    import keras

    from wszoo.tasks import ranks

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


def _thresholds(features: "keras.KerasTensor", units: int, y: np.ndarray) -> "keras.KerasTensor":
    import keras

    from wszoo.layers import Bias

    kernel, thresholds, bias = (linear.free(n, features) for n in ("kernel", "thresholds", "bias"))
    x = keras.layers.Dense(1, use_bias=False, dtype="float32", name=kernel)(linear.unit(features))
    x = keras.layers.Concatenate(dtype="float32", name=thresholds)([x] * (units - 1))
    return Bias(dtype="float32", name=bias)(x)


def by_rank(outputs: np.ndarray, asked: Asked) -> list[Answer]:
    """The rank, and how likely each is, of logits `(n, ranks - 1)` that say "above rank k"."""
    above = chances(outputs, asked)
    ones, zeros = np.ones((len(above), 1)), np.zeros((len(above), 1))
    names = class_names(asked, above.shape[-1] + 1)
    scores = np.clip(np.hstack([ones, above]) - np.hstack([above, zeros]), 0, 1)
    ranks = (above > 0.5).sum(-1)
    return [
        Answer(
            f"{names[rank]} ({listed(best)})",
            {"class": names[rank], "rank": int(rank), "scores": best},
        )
        for rank, best in zip(ranks, likeliest(scores, asked), strict=True)
    ]
