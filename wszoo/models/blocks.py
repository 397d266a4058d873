"""Blocks of a transformer, as functions: every layer stays visible in the model's graph.

A block is pre-norm (Xiong et al. 2020), `x + scale · f(norm(x))`, twice: attention, then two dense
layers. The layers that a plan may share come from the bank as the sites `attention_i`, `ffn_i_up`
and `ffn_i_down`; norms and residual scales are private to each depth (MiniViT, Zhang et al. 2022:
shared layers want norms of their own). The norm is RMSNorm (Zhang & Sennrich 2019), which is as
good and takes half as many operations.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from wszoo import layers

if TYPE_CHECKING:
    import keras

    from wszoo.sharing.bank import Bank

    Branch = Callable[[keras.KerasTensor], keras.KerasTensor]


def block_sites(depth: int, model: str) -> list[str]:
    """Sites of `depth` blocks in call order. Raises `ValueError` for none."""
    if depth < 1:
        raise ValueError(f"{model} needs at least one block; received depth={depth}")
    parts = ("attention_{}", "ffn_{}_up", "ffn_{}_down")
    return [part.format(i) for i in range(depth) for part in parts]


def blocks(
    bank: "Bank",
    x: "keras.KerasTensor",
    *,
    depth: int,
    heads: int,
    expansion: int,
    dropout: float,
    causal: bool = False,
    allowed: "keras.KerasTensor | None" = None,
) -> "keras.KerasTensor":
    """`depth` blocks and a last norm: `(batch, positions, width)` to the same shape.

    `allowed` `(batch, positions)` is true where a position may be attended to. Raises `ValueError`
    unless `heads` divides the width.
    """
    for i in range(depth):
        attention = _attention(bank, i, heads, causal, allowed)
        x = _residual(x, f"attention_{i}", depth, dropout, attention)
        x = _residual(x, f"ffn_{i}", depth, dropout, _feed_forward(bank, i, expansion))
    return layers.RMSNorm(name="last_norm")(x)


def _attention(
    bank: "Bank", i: int, heads: int, causal: bool, allowed: "keras.KerasTensor | None"
) -> "Branch":
    def call(x: "keras.KerasTensor") -> "keras.KerasTensor":
        layer = bank(f"attention_{i}", layers.SelfAttention, heads, causal=causal)
        return layer(x) if allowed is None else layer(x, allowed=allowed)

    return call


def _feed_forward(bank: "Bank", i: int, expansion: int) -> "Branch":
    import keras

    def dense(site: str, shape: tuple[int, int], **options: object) -> "keras.Layer":
        # Keras spells Dense on three axes in fifteen operations, this in one.
        make = keras.layers.EinsumDense
        spec = {"output_shape": shape, "bias_axes": "u", **options}
        return bank(site, make, "btw,wu->btu", **spec)

    def call(x: "keras.KerasTensor") -> "keras.KerasTensor":
        _, positions, width = x.shape
        hidden = dense(f"ffn_{i}_up", (positions, expansion * width), activation="relu")(x)
        return dense(f"ffn_{i}_down", (positions, width))(hidden)

    return call


def _residual(
    x: "keras.KerasTensor", name: str, depth: int, dropout: float, branch: "Branch"
) -> "keras.KerasTensor":
    import keras

    y = branch(layers.RMSNorm(name=f"{name}_norm")(x))
    # 2 × depth branches add up to about the variance of one (GPT-2, Radford et al. 2019).
    y = layers.Scale((2 * depth) ** -0.5, name=f"{name}_scale")(y)
    if dropout:
        y = keras.layers.Dropout(dropout, name=f"{name}_dropout")(y)
    return keras.layers.Add(name=f"{name}_add")([x, y])
