"""From a model's outputs to a person's words: what every task has in common."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wszoo.sharing.about import Facts

SUM = 1e-2  # by which scores of a file, whose numbers are rounded, may miss 1


@dataclass(frozen=True)
class Asked:
    """What was asked: the examples `x` `(n, …)`, what the model means, how many of the best.

    `lengths` are those of texts that do not fill their row of `x`.
    """

    x: np.ndarray
    about: Facts
    top: int
    lengths: tuple[int, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a model says of one example: in words, and as JSON's plain data."""

    words: str
    data: dict[str, object]


Answering = Callable[[np.ndarray, Asked], list[Answer]]


def no_answer(outputs: np.ndarray, asked: Asked) -> list[Answer]:
    """In the place of `Task.answer`, of a task whose outputs have no words yet."""
    raise ValueError(f"there are no words for outputs of the task {asked.about.get('task')!r}")


def class_names(asked: Asked, count: int) -> list[str]:
    """The names of so many outputs, or their numbers where nobody knows names.

    Raises `ValueError` where the model knows another number of names.
    """
    names = asked.about.get("class_names")
    if not names:
        return [str(place) for place in range(count)]
    if len(names) != count:
        raise ValueError(f"the model knows {len(names)} class names and gives {count} outputs")
    return list(names)


def likeliest(scores: np.ndarray, asked: Asked) -> list[dict[str, float]]:
    """Name → score of the best classes of each row of scores `(n, classes)`, the best first."""
    names = class_names(asked, scores.shape[-1])
    places = np.argsort(-scores, axis=-1, kind="stable")[:, : asked.top]
    return [
        {names[i]: round(float(row[i]), 6) for i in best}
        for row, best in zip(scores, places, strict=True)
    ]


def shares(outputs: np.ndarray, asked: Asked) -> np.ndarray:
    """Probabilities `(n, classes)` of logits, or of outputs that are probabilities already."""
    outputs = outputs.astype("float64")
    sums = outputs.sum(-1)
    if asked.about.get("scores") or (outputs.min() >= 0 and np.allclose(sums, 1, atol=SUM)):
        return outputs
    powers = np.exp(outputs - outputs.max(-1, keepdims=True))
    probabilities: np.ndarray = powers / powers.sum(-1, keepdims=True)
    return probabilities


def chances(outputs: np.ndarray, asked: Asked) -> np.ndarray:
    """Each logit's probability by itself, or outputs that are probabilities already."""
    outputs = outputs.astype("float64")
    return outputs if asked.about.get("scores") else 1 / (1 + np.exp(-outputs))


def by_class(outputs: np.ndarray, asked: Asked) -> list[Answer]:
    """The likeliest classes of logits or probabilities `(n, classes)`."""
    return [
        Answer(listed(best), {"class": next(iter(best)), "scores": best})
        for best in likeliest(shares(outputs, asked), asked)
    ]


def listed(scores: dict[str, float]) -> str:
    """Names with their scores in a line."""
    return ", ".join(f"{name} {score:.2f}" for name, score in scores.items())
