"""Any of several labels an example."""

from wszoo.tasks import linear, targets
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
        encode=lambda y, units: y.astype("float32"),
        start=linear.flags,
        labels=False,
    )
