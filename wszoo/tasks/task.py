"""Task: what a head looks like, which loss and metrics it has, which targets it takes."""

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import checks
from wszoo.tasks import meaning
from wszoo.tasks.answers import Answering, no_answer

if TYPE_CHECKING:
    import keras

Scores = Callable[[Any, np.ndarray, np.ndarray], np.ndarray]


def no_head(*_: Any) -> Any:
    """In the place of `units` and `head`, of a task that none can be put on for."""
    raise ValueError("a new head cannot be put on for this task")


def no_score(*_: Any) -> np.ndarray:
    """In the place of `score`, of a task that is measured by Keras' metrics alone."""
    raise ValueError("this task has no score of single examples")


@dataclass(frozen=True)
class Task:
    """One kind of target.

    A model of the task is scored by `score`, which takes its outputs and the `(x, y)` of a split
    and gives a number an example, float64 `(n,)`, of the name `metric`, of which more is better or
    not (`higher_is_better`); `share` makes of them, of `x` and of the number of classes how much of
    the whole each is, so that a point is a hundredth in every task. `labels`: targets are classes.
    `ordered`: they are ranks. `restores`: the target is the input. `continues`: targets are the
    next tokens. `fits` tells from the input and the output tensor whether a model that does not
    say its task is likely one of it.

    A task that a head can be put on for has more. `read` says what labels are to the task, from
    examples and the order that was asked for; `units` checks the targets of all splits and says how
    many numbers the head gives; `head` makes of features `(batch, width)` logits or values, which
    `loss` takes as they are; `encode` makes what the loss takes of targets; `start` gives
    closed-form weights of the head's layers, in order, from features and targets `(x, y, units,
    held)`; `decode` makes predictions of outputs, `answer` words for a person, and `scores` of
    outputs of classes how likely each class is, in [0, 1] and in the graph. `named` is the task for
    these class names, in whose units its predictions and metrics are.
    """

    name: str
    loss: Callable[[], "keras.losses.Loss"]
    metric: str = ""
    score: Scores = no_score
    share: Callable[[np.ndarray, np.ndarray, int], np.ndarray] = lambda each, x, classes: each
    higher_is_better: bool = True
    labels: bool = True
    ordered: bool = False
    restores: bool = False
    continues: bool = False
    fits: Callable[[Any, Any], bool] = lambda given, out: False
    units: Callable[..., int] = no_head
    head: Callable[[Any, int, np.ndarray], Any] = no_head
    metrics: Callable[[int], "list[keras.metrics.Metric]"] = lambda units: []
    decode: Callable[[np.ndarray], np.ndarray] = lambda outputs: outputs
    answer: Answering = no_answer
    scores: "Callable[[keras.KerasTensor], keras.KerasTensor] | None" = None
    encode: Callable[[np.ndarray, int], np.ndarray] = lambda y, units: y
    start: Callable[..., list[np.ndarray]] | None = None
    read: Callable[..., Any] = meaning.as_classes
    numbers: bool = False  # labels are numbers: a split may have some that train lacks
    named: Callable[["Task", tuple[str, ...]], "Task"] = lambda task, class_names: task


_makers: dict[str, Callable[[], Task]] = {}


def register(make: Callable[[], Task]) -> Callable[[], Task]:
    """Registers a function that makes a task, under its own name.

    Raises `ValueError` where the name is taken.
    """
    _all.cache_clear()
    if make.__name__ in _makers:
        raise ValueError(f"a task named {make.__name__!r} is already registered")
    _makers[make.__name__] = make
    return make


def find(task: "str | Task", *, head: bool = False, score: bool = False) -> Task:
    """A task by its name, or as it is; asked for one with a `head`, or with a `score`.

    Raises `ValueError` for an unknown name, and for a task that lacks what is asked for.
    """
    found = _all().get(task) if isinstance(task, str) else task
    if isinstance(found, Task) and _offers(found, head, score):
        return found
    valid = names(head=head, score=score)
    said = task.name if isinstance(task, Task) else task
    raise ValueError(
        f"unknown task {said!r}{checks.near(said, valid)}; valid are {', '.join(valid)}"
    )


def scored(name: str, value: "str | Task") -> "str | Task":
    """Checks an argument that is a task with a score, or the name of one; gives it back."""
    find(value, score=True)
    return value


def names(*, head: bool = False, score: bool = False) -> tuple[str, ...]:
    """The names of the tasks, of those with a `head`, or of those with a `score`."""
    return tuple(name for name, task in _all().items() if _offers(task, head, score))


def _offers(task: Task, head: bool, score: bool) -> bool:
    return not (head and task.head is no_head) and not (score and task.score is no_score)


def likely(model: "keras.Model") -> Task:
    """The task of a model that does not say it, by the shapes of its one input and output."""
    return of_shapes(model.inputs[0], model.outputs[0])


def of_shapes(given: Any, out: Any) -> Task:
    """The task of a model whose input and output, with `shape` and `dtype`, are all that is known.

    Classification where they tell nothing.
    """
    fitting = [task for task in _all().values() if task.fits(given, out)]
    return fitting[0] if fitting else find("classification")


@functools.cache
def _all() -> dict[str, Task]:
    """Every registered task; imports the files beside this one on first use."""
    import wszoo.tasks

    for module in pkgutil.iter_modules(wszoo.tasks.__path__):
        importlib.import_module(f"wszoo.tasks.{module.name}")
    return {name: make() for name, make in sorted(_makers.items())}
