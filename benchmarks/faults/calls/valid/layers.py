"""Valid calls of layers."""

import numpy as np

from benchmarks.faults.calls.world import Calls

LOCAL = {"filters": 2, "kernel_size": 3, "strides": 1, "padding": "valid", "tiles": 1,
         "data_format": None, "activation": "relu", "use_bias": True, "implementation": None,
         "kernel_initializer": "zeros", "bias_initializer": "zeros",
         "kernel_regularizer": "l2", "bias_regularizer": "l2", "activity_regularizer": "l2",
         "kernel_constraint": "non_neg", "bias_constraint": "non_neg"}  # fmt: skip
LOW_RANK_LOCAL = {k: v for k, v in LOCAL.items() if k not in
                  ("tiles", "implementation", "kernel_constraint", "bias_constraint",
                   "activity_regularizer")}  # fmt: skip
KERNEL = {"kernel_initializer": "zeros", "kernel_regularizer": "l2",
          "kernel_constraint": "non_neg"}  # fmt: skip

CALLS: Calls = {
    "layers.Adapted": lambda w: {"layer": w.built, "rank": 1, "alpha": 1.0, "adapters": 1},
    "layers.Adapted.values": lambda w: {"adapter": 0},
    "layers.Attend": lambda w: {"heads": 2, "causal": True},
    "layers.Bias": lambda w: {"initializer": "zeros", "regularizer": "l2"},
    "layers.LocallyConnected1D": lambda w: LOCAL,
    "layers.LocallyConnected2D": lambda w: LOCAL,
    "layers.LowRankLocallyConnected2D": lambda w: LOW_RANK_LOCAL | {
        "rank": 2, "logits_regularizer": "l2"},
    "layers.LowRankPart": lambda w: {
        "rank": 1, "kernel_shape": (3, 3), "equation": "...a,ab->...b", "convolution": None,
        "bias_axes": None, "activation": "relu", "down_initializer": "zeros",
        "up_initializer": "zeros", "bias_initializer": "zeros", "bias_regularizer": "l2",
        "bias_constraint": "non_neg"},
    "layers.LowRankPart.approximate": lambda w: {"kernel": np.eye(3)},
    "layers.PositionEmbedding": lambda w: {"initializer": "zeros"},
    "layers.RMSNorm": lambda w: {"epsilon": 1e-6},
    "layers.ReversibleConv2D": lambda w: {"filters": 2, "kernel_size": 3, "strides": 1,
                                          "padding": "same", "input_channels": 2} | KERNEL,
    "layers.ReversibleDense": lambda w: {"units": 2, "input_dim": 3} | KERNEL,
    "layers.Scale": lambda w: {"initial": 1.0},
    "layers.SelfAttention": lambda w: {"heads": 2, "causal": True,
                                       "kernel_initializer": "zeros"},
    "layers.TimeSharedRNN": lambda w: {
        "units": 2, "cell": "gru", "steps": 2, "activation": "tanh",
        "recurrent_activation": "sigmoid", "use_bias": True, "kernel_initializer": "zeros",
        "recurrent_initializer": "zeros", "bias_initializer": "zeros",
        "kernel_regularizer": "l2", "recurrent_regularizer": "l2", "bias_regularizer": "l2",
        "reset_after": True, "return_sequences": True, "go_backwards": True, "unroll": True},
}  # fmt: skip
