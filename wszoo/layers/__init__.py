"""Keras layers that can be shared between sites; they know nothing of plans or models."""

from wszoo._lazy import exports

__all__ = [
    "Bias",
    "InnerSharing",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "LowRankLocallyConnected2D",
    "ReversibleConv2D",
    "ReversibleDense",
    "TimeSharedRNN",
]

__getattr__, __dir__ = exports(
    __name__,
    {
        "Bias": "wszoo.layers.bias",
        "InnerSharing": "wszoo.layers.inner",
        "LocallyConnected1D": "wszoo.layers.locally_connected",
        "LocallyConnected2D": "wszoo.layers.locally_connected",
        "LowRankLocallyConnected2D": "wszoo.layers.low_rank_local",
        "ReversibleConv2D": "wszoo.layers.reversible_conv2d",
        "ReversibleDense": "wszoo.layers.reversible_dense",
        "TimeSharedRNN": "wszoo.layers.time_shared_rnn",
    },
)
