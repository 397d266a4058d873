"""The next token at each place."""

import math
from dataclasses import replace
from typing import cast

import numpy as np

from wszoo.sharing.about import Facts
from wszoo.tasks.answers import Answer, Asked, likeliest, listed, shares
from wszoo.tasks.task import Task, register


@register
def language_modelling() -> Task:
    """Logits `(batch, tokens, vocabulary)`; the score is nats a token, the mean over a window.

    The first token of a window, which is predicted from one token alone, counts as much as the
    last. The share of the whole is that of a blind guess's nats which the model saves.
    """
    import keras

    return Task(
        name="language_modelling",
        loss=lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metric="nats",
        score=_nats,
        share=lambda each, x, classes: 1 - each / math.log(classes),
        higher_is_better=False,
        labels=False,
        continues=True,
        answer=by_token,
        fits=lambda given, out: "int" in given.dtype and out.shape[:-1] == given.shape,
    )


def _nats(outputs: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    logits = np.asarray(outputs).astype("float64")
    top = logits.max(-1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(-1)) + top[..., 0]
    right = np.take_along_axis(logits, y[..., None], -1)[..., 0]
    means: np.ndarray = (total - right).mean(-1)
    return means


def by_token(outputs: np.ndarray, asked: Asked) -> list[Answer]:
    """The likeliest tokens to come after each text."""
    named = {**asked.about, "class_names": asked.about.get("vocabulary", [])}
    asked = replace(asked, about=cast(Facts, named))
    last = [length - 1 for length in asked.lengths or [outputs.shape[1]] * len(outputs)]
    best = likeliest(shares(outputs[np.arange(len(outputs)), last], asked), asked)
    spelled = [{repr(token): score for token, score in each.items()} for each in best]
    return [
        Answer(f"then {listed(words)}", {"next": next(iter(each)), "scores": each})
        for words, each in zip(spelled, best, strict=True)
    ]
