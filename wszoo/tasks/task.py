"""Task: what a head looks like, which loss and metrics it has, which targets it takes."""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn, Protocol

import numpy as np

from wszoo import checks
from wszoo.data.examples import Examples
from wszoo.tasks import meaning
from wszoo.tasks.answers import Answering, no_answer

if TYPE_CHECKING:
    import keras

Pair = tuple[np.ndarray, np.ndarray]


class Shaped(Protocol):
    """A tensor, or what a file says of one."""

    @property
    def shape(self) -> Sequence[int | None]: ...
    @property
    def dtype(self) -> str: ...


Scores = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def no_head(*_: object) -> NoReturn:
    """In the place of `units` and `head`, of a task that none can be put on for."""
    raise ValueError("a new head cannot be put on for this task")


def no_score(*_: object) -> NoReturn:
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
    fits: Callable[[Shaped, Shaped], bool] = lambda given, out: False
    units: Callable[[Mapping[str, np.ndarray], Sequence[str]], int] = no_head
    head: "Callable[[keras.KerasTensor, int, np.ndarray], keras.KerasTensor]" = no_head
    metrics: "Callable[[int], list[keras.metrics.Metric]]" = lambda units: []
    decode: Callable[[np.ndarray], np.ndarray] = lambda outputs: outputs
    answer: Answering = no_answer
    scores: "Callable[[keras.KerasTensor], keras.KerasTensor] | None" = None
    encode: Callable[[np.ndarray, int], np.ndarray] = lambda y, units: y
    start: Callable[[np.ndarray, np.ndarray, int, Pair | None], list[np.ndarray]] | None = None
    read: Callable[[Examples, meaning.Order], Examples] = meaning.as_classes
    numbers: bool = False  # labels are numbers: a split may have some that train lacks
    named: Callable[["Task", tuple[str, ...]], "Task"] = lambda task, class_names: task


_makers: dict[str, Callable[[], Task]] = {}


def register(make: Callable[[], Task]) -> Callable[[], Task]:
    """Registers a function that makes a task, under its own name.

    Raises `ValueError` where the name is taken.
    """
    _made.cache_clear()
    if make.__name__ in _makers:
        raise ValueError(f"a task named {make.__name__!r} is already registered")
    _makers[make.__name__] = make
    return make


def find(task: "str | Task", *, head: bool = False, score: bool = False) -> Task:
    """A task by its name, or as it is; asked for one with a `head`, or with a `score`.

    Raises `ValueError` for an unknown name, and for a task that lacks what is asked for.
    """
    asked = _made(task) if isinstance(task, str) and task in _registered() else task
    if isinstance(asked, Task) and _offers(asked, head, score):
        return asked
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
    return tuple(name for name in _registered() if _offers(_made(name), head, score))


def _offers(task: Task, head: bool, score: bool) -> bool:
    return not (head and task.head is no_head) and not (score and task.score is no_score)


def likely(model: "keras.Model") -> Task:
    """The task of a model that does not say it, by the shapes of its one input and output."""
    return of_shapes(model.inputs[0], model.outputs[0])


def of_shapes(given: Shaped, out: Shaped) -> Task:
    """The task of a model whose input and output, with `shape` and `dtype`, are all that is known.

    Classification where they tell nothing.
    """
    fitting = [name for name in _registered() if _made(name).fits(given, out)]
    return find(fitting[0] if fitting else "classification")


def _registered() -> list[str]:
    """The names of all tasks, in their order."""
    _import_all()
    return sorted(_makers)


@functools.cache
def _import_all() -> None:
    """Imports the files beside this one, each of which registers its tasks."""
    package = importlib.import_module("wszoo.tasks")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"wszoo.tasks.{module.name}")


@functools.cache
def _made(name: str) -> Task:
    return _makers[name]()
