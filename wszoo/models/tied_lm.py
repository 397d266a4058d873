"""A small causal language model whose blocks share over depth and whose ends share one table.

The table that embeds a token also scores it (Press & Wolf 2017, "Using the Output Embedding to
Improve Language Models"). By default the blocks are a sandwich: first and last private, those in
the middle one (Reid et al. 2021, "Subformer"). `sharing="depth:cycle:2"` spells any other schedule
over depth, for all parts of a block at once.
"""

from typing import TYPE_CHECKING

from wszoo import layers
from wszoo.models.blocks import block_sites, blocks
from wszoo.registry import register

if TYPE_CHECKING:
    import keras

    from wszoo.sharing.bank import Bank


def sites(*, depth: int, **_: object) -> list[str]:
    """Sites in call order: the embedding, three a block, the embedding reversed."""
    return ["embed", *block_sites(depth, "tied_lm"), "unembed"]


@register(
    sites=sites,
    sharing="depth:sandwich",
    task="language_modelling",
    family="transformer",
    default_tag="tiny_shakespeare",
)
def tied_lm(
    bank: "Bank",
    *,
    input_shape: tuple[int] = (64,),
    vocabulary: int = 66,
    width: int = 64,
    depth: int = 4,
    heads: int = 4,
    expansion: int = 4,
    dropout: float = 0.0,
) -> "keras.Model":
    """Causal transformer language model; `embed` and `unembed` are one table.

    Maps token ids `(batch, length)`, int32 below `vocabulary`, to logits of the next token
    `(batch, length, vocabulary)`; those at a position depend on the ids up to it alone. Sites:
    `embed`, for each block `attention_i`, `ffn_i_up`, `ffn_i_down`, and `unembed`.
    """
    import keras

    inputs = keras.Input(input_shape, dtype="int32", name="input")
    x = bank("embed", keras.layers.ReversibleEmbedding, vocabulary, width)(inputs)
    x = layers.PositionEmbedding(name="positions")(x)
    x = blocks(bank, x, depth=depth, heads=heads, expansion=expansion, dropout=dropout, causal=True)
    x = bank("unembed", keras.layers.ReversibleEmbedding, vocabulary, width)(x, reverse=True)
    return keras.Model(inputs, x, name="tied_lm")
