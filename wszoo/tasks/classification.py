"""One class an example."""

import numpy as np

from wszoo.tasks import linear, targets
from wszoo.tasks.answers import by_class
from wszoo.tasks.task import Task, register


@register
def classification() -> Task:
    """Labels `(n,)`, one class each; logits `(batch, classes)` linear in unit features."""
    import keras

    return Task(
        name="classification",
        metric="accuracy",
        score=lambda outputs, x, y: (np.asarray(outputs).argmax(1) == y).astype("float64"),
        units=targets.classes,
        head=linear.linear,
        loss=lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=lambda units: [keras.metrics.SparseCategoricalAccuracy("accuracy")],
        decode=lambda outputs: outputs.argmax(-1),
        answer=by_class,
        scores=keras.ops.softmax,
        start=linear.classifier,
    )
