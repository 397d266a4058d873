"""The next token at each place."""

import math

import numpy as np

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
        fits=lambda given, out: "int" in given.dtype and out.shape[:-1] == given.shape,
    )


def _nats(outputs: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    logits = np.asarray(outputs).astype("float64")
    top = logits.max(-1, keepdims=True)
    total = np.log(np.exp(logits - top).sum(-1)) + top[..., 0]
    right = np.take_along_axis(logits, y[..., None], -1)[..., 0]
    return (total - right).mean(-1)
