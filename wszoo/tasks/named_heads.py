"""Heads by name, for any task that can have them."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from wszoo import checks
from wszoo.tasks import linear
from wszoo.tasks.embedding import prototypes
from wszoo.tasks.task import Task

if TYPE_CHECKING:
    import keras

HEADS = ("dense", "cosine", "mlp")


def with_head(task: Task, name: str) -> Task:
    """The task with the head of a name.

    `dense` is its own, linear in the features. `cosine` is a prototype a class on the unit sphere,
    which starts at the class's mean; logits are scaled cosines (Chen et al. 2019, "A Closer Look at
    Few-shot Classification": Baseline++). `mlp` puts a hidden layer, as wide as the features, below
    the task's own head; it has no closed form to start at.

    Raises `ValueError` for an unknown name, and for `cosine` where the targets are no classes.
    """
    if name not in HEADS:
        near = checks.near(name, HEADS)
        raise ValueError(f"unknown head {name!r}{near}; valid are {', '.join(HEADS)}")
    if name == "dense":
        return task
    if name == "cosine":
        if task.name not in ("classification", "embedding"):
            raise ValueError(f"the head 'cosine' is for tasks of classes, not {task.name}")
        return replace(task, head=prototypes, start=linear.prototypes)

    def mlp(features: "keras.KerasTensor", units: int, y: np.ndarray) -> "keras.KerasTensor":
        import keras

        from wszoo.sharing import graph

        name = graph.free_layer_name("hidden", features)
        hidden = keras.layers.Dense(
            features.shape[-1], activation="relu", dtype="float32", name=name
        )
        return task.head(hidden(features), units, y)

    return replace(task, head=mlp, start=None)
