"""A small vision transformer in which one block serves all depths, with norms of its own.

Weights of attention and feed-forward layers are shared, norms and residual scales are private to
each depth: Zhang et al. 2022, "MiniViT"; patches: Dosovitskiy et al. 2021, "An Image is Worth
16x16 Words".
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
    return block_sites(depth, "shared_vit")


@register(
    sites=sites,
    sharing="depth:tied",
    task="classification",
    family="transformer",
    default_tag="fashion_mnist",
)
def shared_vit(
    bank: "Bank",
    *,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    patch: int = 4,
    width: int = 64,
    depth: int = 3,
    heads: int = 4,
    expansion: int = 4,
    dropout: float = 0.0,
    head: int | None = 10,
) -> "keras.Model":
    """Vision transformer whose blocks are one block.

    Maps `(batch, rows, columns, channels)` in [0, 1] to logits `(batch, head)`, or without a head
    to features `(batch, width)`: the mean over the patches. `patch` must divide rows and columns.
    """
    import keras

    if any(size % patch for size in input_shape[:2]):
        raise ValueError(
            f"patch must divide rows and columns; received patch={patch} for {input_shape}"
        )
    inputs = keras.Input(input_shape, name="input")
    x = keras.layers.Conv2D(width, patch, strides=patch, name="patches")(inputs)
    x = keras.layers.Reshape((-1, width), name="tokens")(x)
    x = layers.PositionEmbedding(name="positions")(x)
    x = blocks(bank, x, depth=depth, heads=heads, expansion=expansion, dropout=dropout)
    x = keras.layers.GlobalAveragePooling1D(name="features")(x)
    if head is not None:
        x = keras.layers.Dense(head, name="head")(x)
    return keras.Model(inputs, x, name="shared_vit")
