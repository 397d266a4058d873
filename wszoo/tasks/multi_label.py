"""Any of several labels an example."""

from dataclasses import replace

import numpy as np

from wszoo.tasks import linear, targets
from wszoo.tasks.answers import Answer, Asked, chances, likeliest, listed
from wszoo.tasks.task import Task, register


@register
def multi_label() -> Task:
    """Targets `(n, labels)` of 0 and 1; a logit a label, linear in unit features."""
    import keras

    return Task(
        name="multi_label",
        units=targets.flags,
        head=linear.linear,
        loss=lambda: keras.losses.BinaryCrossentropy(from_logits=True),
        metrics=lambda units: [
            keras.metrics.BinaryAccuracy("accuracy", threshold=0.0),
            keras.metrics.AUC(name="auc", multi_label=True, num_labels=units, from_logits=True),
        ],
        decode=lambda outputs: (outputs > 0).astype("int32"),
        answer=by_label,
        scores=keras.ops.sigmoid,
        encode=lambda y, units: y.astype("float32"),
        start=linear.flags,
        labels=False,
    )


def by_label(outputs: np.ndarray, asked: Asked) -> list[Answer]:
    """The labels that are likelier than not, and the likeliest of all with their scores."""
    scores = chances(outputs, asked)
    answers = []
    for row, best in zip(scores, likeliest(scores, asked), strict=True):
        count = int((row > 0.5).sum())
        labels = list(likeliest(row[None], replace(asked, top=count))[0]) if count else []
        words = f"{', '.join(labels) or 'none'} ({listed(best)})"
        answers.append(Answer(words, {"labels": labels, "scores": best}))
    return answers
