"""Classes of wszoo that a saved model may hold; Keras knows a class once it is imported."""


def register_classes() -> None:
    """Imports every layer, loss, metric and optimizer class that is registered with Keras."""
    from wszoo import layers

    for name in layers.__all__:
        getattr(layers, name)
