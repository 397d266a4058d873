"""Keras layers that can be shared between sites; they know nothing of plans or models."""

from wszoo._lazy import exports

__all__ = ["Bias", "ReversibleConv2D", "ReversibleDense"]

__getattr__, __dir__ = exports(
    __name__,
    {
        "Bias": "wszoo.layers.bias",
        "ReversibleConv2D": "wszoo.layers.reversible_conv2d",
        "ReversibleDense": "wszoo.layers.reversible_dense",
    },
)
