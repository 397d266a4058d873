"""Classes of wszoo that a saved model may hold; Keras knows a class once it is imported."""

import importlib

HOLD_CLASSES = (
    "wszoo.sharing.surgery.with_mask",
    "wszoo.tasks.ranks",
    "wszoo.tasks.uncertainty",
    "wszoo.transferring.freezing.rates",
)


def register_classes() -> None:
    """Imports every layer, loss, metric and optimizer class that is registered with Keras."""
    from wszoo import layers

    for name in layers.__all__:
        getattr(layers, name)
    for module in HOLD_CLASSES:
        importlib.import_module(module)
