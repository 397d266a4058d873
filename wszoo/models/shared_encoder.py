"""A text classifier in which one transformer block serves all depths.

The embedding is factorised: a narrow table and one dense layer (Lan et al. 2020, "ALBERT").
"""

from typing import TYPE_CHECKING

from wszoo import layers
from wszoo.models.blocks import block_sites, blocks
from wszoo.registry import register

if TYPE_CHECKING:
    import keras

    from wszoo.sharing.bank import Bank


def sites(*, depth: int, **_: object) -> list[str]:
    """Sites in call order, three a block."""
    return block_sites(depth, "shared_encoder")


@register(
    sites=sites,
    sharing="depth:tied",
    task="classification",
    family="transformer",
    default_tag="clinc_oos",
)
def shared_encoder(
    bank: "Bank",
    *,
    input_shape: tuple[int] = (24,),
    vocabulary: int = 2000,
    factor: int = 32,
    width: int = 64,
    depth: int = 3,
    heads: int = 4,
    expansion: int = 4,
    dropout: float = 0.0,
    head: int | None = 10,
) -> "keras.Model":
    """Transformer encoder of texts whose blocks are one block.

    Maps token ids `(batch, length)`, int32 below `vocabulary`, 0 for padding, to logits
    `(batch, head)`, or without a head to features `(batch, width)`: the mean over the tokens.
    `factor` is the width of the embedding's table. Padding changes nothing.
    """
    import keras
    from keras import ops

    inputs = keras.Input(input_shape, dtype="int32", name="input")
    there = ops.not_equal(inputs, 0)
    x = keras.layers.Embedding(vocabulary, factor, name="embed")(inputs)
    x = keras.layers.Dense(width, name="factor")(x)
    x = layers.PositionEmbedding(name="positions")(x)
    x = blocks(
        bank, x, depth=depth, heads=heads, expansion=expansion, dropout=dropout, allowed=there
    )
    weight = ops.expand_dims(ops.cast(there, "float32"), 2)
    tokens = ops.maximum(ops.sum(weight, axis=1), 1.0)  # a text without tokens has features 0
    x = ops.divide(ops.sum(ops.multiply(x, weight), axis=1), tokens)
    x = keras.layers.Dropout(dropout, name="features")(x)
    if head is not None:
        x = keras.layers.Dense(head, name="head")(x)
    return keras.Model(inputs, x, name="shared_encoder")
