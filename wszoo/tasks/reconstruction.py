"""The input itself, as of an autoencoder."""

import numpy as np

from wszoo.tasks.answers import Answer, Asked
from wszoo.tasks.task import Task, register


@register
def reconstruction() -> Task:
    """Outputs of the input's shape; the score is the mean squared error of each example.

    Its share of the whole is R², of the variance of all of `x`.
    """
    import keras

    return Task(
        name="reconstruction",
        loss=lambda: keras.losses.MeanSquaredError(),
        metric="mse",
        score=_squares,
        share=lambda each, x, classes: 1 - each / float(x.var()),
        higher_is_better=False,
        labels=False,
        restores=True,
        answer=by_error,
        fits=lambda given, out: given.shape == out.shape,
    )


def _squares(outputs: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    squares = np.square(np.asarray(outputs) - x, dtype="float64")
    means: np.ndarray = squares.mean(tuple(range(1, squares.ndim)))
    return means


def by_error(outputs: np.ndarray, asked: Asked) -> list[Answer]:
    """How far each example is from what the model gives back: what is not normal is far."""
    errors = _squares(outputs, asked.x, asked.x).tolist()
    return [Answer(f"mean squared error {error:.4g}", {"error": error}) for error in errors]
