"""`wszoo.predict(model, inputs)`: names and scores, for every task of the zoo."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wszoo import tasks
from wszoo.arguments import checked, whatever
from wszoo.data.splits import Spec
from wszoo.predicting.opening import Opened, opened
from wszoo.predicting.reading import Inputs, read
from wszoo.tasks.answers import Asked
from wszoo.tasks.task import of_shapes

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Prediction:
    """What a model says of one input: in `words`, and as JSON's plain `data`.

    What is in `data` depends on the task: the likeliest `class` and `scores` by name, best first;
    `labels`; `values`; a `rank`; the `error` of a reconstruction; the `next` token of a text.
    """

    input: str
    task: str
    words: str
    data: Mapping[str, object]

    def __str__(self) -> str:
        return f"{self.input}: {self.words}"

    def to_dict(self) -> dict[str, object]:
        """All of it as JSON's plain data."""
        return {"input": self.input, "task": self.task, **self.data}


@checked(model=whatever, inputs=whatever)
def predict(
    model: "str | os.PathLike | keras.Model", inputs: object, *, top: int = 3
) -> list[Prediction]:
    """What a model says of photos, texts, recordings or arrays.

    Args:
        model: a Keras model, a `.keras` or `.tflite` file, the folder of a SavedModel or of
            weights with their card, or NAME.TAG of the zoo.
        inputs: a path or text, several, or an array of examples `(n, …)`. Photos come to the
            model's size in the way in which its training photos did, and a folder is all photos in
            it; a `.txt` file has a text a line; a `.npy` file holds an array.
        top: how many classes, labels or tokens to name.

    A model that does not know the names of its classes gives their numbers, and a `UserWarning`
    says so. Raises `FileNotFoundError` for what is not there, and `ValueError` for what is no model
    or cannot be read, and for numbers outside of the range that the model takes.
    """
    chosen = opened(model)
    return answered(chosen, read(chosen, inputs), top=top)


def answered(model: Opened, inputs: Inputs, *, top: int) -> list[Prediction]:
    """What an opened model says of inputs as it takes them."""
    outputs = model.run(inputs.x)
    task = _task_of(model, inputs.x, outputs)
    if not np.isfinite(outputs).all():
        raise ValueError(f"{model.name} gives numbers that are not finite")
    asked = Asked(inputs.x, model.about, top, inputs.lengths)
    answers = task.answer(outputs, asked)
    if "class" in answers[0].data and not model.about.get("class_names"):
        warnings.warn(
            f"{model.name} does not know the names of its classes; their numbers stand instead",
            stacklevel=3,
        )
    return [
        Prediction(name, task.name, answer.words, answer.data)
        for name, answer in zip(inputs.names, answers, strict=True)
    ]


def _task_of(model: Opened, x: np.ndarray, outputs: np.ndarray) -> tasks.Task:
    """The task that a model says, or that the shapes of its input and output tell."""
    said = model.about.get("task")
    if said is not None:
        return tasks.find(said)
    if outputs.ndim == 2 and outputs.shape[1] == 1:
        return tasks.find("regression")
    given, made = (Spec((None, *a.shape[1:]), str(a.dtype)) for a in (x, outputs))
    return of_shapes(given, made)
