"""Keras layers that can be shared between sites; they know nothing of plans or models."""

from typing import TYPE_CHECKING

from wszoo._lazy import exports

if TYPE_CHECKING:
    from wszoo.layers.adapted import Adapted
    from wszoo.layers.bias import Bias
    from wszoo.layers.inner import InnerSharing
    from wszoo.layers.locally_connected import LocallyConnected1D, LocallyConnected2D
    from wszoo.layers.low_rank_local import LowRankLocallyConnected2D
    from wszoo.layers.low_rank_part import LowRankPart
    from wszoo.layers.position_embedding import PositionEmbedding
    from wszoo.layers.reversible_conv2d import ReversibleConv2D
    from wszoo.layers.reversible_dense import ReversibleDense
    from wszoo.layers.rms_norm import RMSNorm
    from wszoo.layers.scale import Scale
    from wszoo.layers.self_attention import Attend, SelfAttention
    from wszoo.layers.time_shared_rnn import TimeSharedRNN

__all__ = [
    "Adapted",
    "Attend",
    "Bias",
    "InnerSharing",
    "LocallyConnected1D",
    "LocallyConnected2D",
    "LowRankLocallyConnected2D",
    "LowRankPart",
    "PositionEmbedding",
    "RMSNorm",
    "ReversibleConv2D",
    "ReversibleDense",
    "Scale",
    "SelfAttention",
    "TimeSharedRNN",
]

__getattr__, __dir__ = exports(
    __name__,
    {
        "Adapted": "wszoo.layers.adapted",
        "Attend": "wszoo.layers.self_attention",
        "Bias": "wszoo.layers.bias",
        "InnerSharing": "wszoo.layers.inner",
        "LocallyConnected1D": "wszoo.layers.locally_connected",
        "LocallyConnected2D": "wszoo.layers.locally_connected",
        "LowRankLocallyConnected2D": "wszoo.layers.low_rank_local",
        "LowRankPart": "wszoo.layers.low_rank_part",
        "PositionEmbedding": "wszoo.layers.position_embedding",
        "RMSNorm": "wszoo.layers.rms_norm",
        "ReversibleConv2D": "wszoo.layers.reversible_conv2d",
        "ReversibleDense": "wszoo.layers.reversible_dense",
        "Scale": "wszoo.layers.scale",
        "SelfAttention": "wszoo.layers.self_attention",
        "TimeSharedRNN": "wszoo.layers.time_shared_rnn",
    },
)
