"""One topology with its kernels shared over all, some or none of the positions, or no locality.

`tiled_net` is the convolutional network when it has one tile, and computes what `local_net` does
when it has as many tiles as positions; `dense_net` replaces each local layer by a dense one onto
fewer units. The sharing is inside each layer, over positions: `wszoo.audit` shows it, and plans
stay untied. After LeCun 1989, "Generalization and Network Design Strategies", whose nets of dense,
local and shared connections are these three.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from wszoo import layers
from wszoo.registry import register

if TYPE_CHECKING:
    import keras

    from wszoo.sharing.bank import Bank


def layer_sites(*, widths: Sequence[int], **_: object) -> list[str]:
    """Sites of `dense_net` in call order, one a hidden layer."""
    return _names(len(widths))


def filter_sites(*, filters: Sequence[int], **_: object) -> list[str]:
    """Sites of `local_net` and `tiled_net` in call order, one a local layer."""
    return _names(len(filters))


def _names(depth: int) -> list[str]:
    if depth < 1:
        raise ValueError("the network needs at least one hidden layer; received none")
    return [f"layer_{i}" for i in range(depth)]


@register(
    sites=layer_sites,
    sharing="untied",
    task="classification",
    family="positions",
    default_tag="fashion_mnist",
)
def dense_net(
    bank: "Bank",
    *,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    widths: Sequence[int] = (256, 128),
    head: int | None = 10,
) -> "keras.Model":
    """Dense layers on all pixels: no locality, and positions share nothing.

    Maps `(batch, rows, columns, channels)` in [0, 1] to logits `(batch, head)`, or to features
    `(batch, widths[-1])` with `head=None`.
    """
    import keras

    inputs = keras.Input(input_shape, name="input")
    x = keras.layers.Flatten(name="flatten")(inputs)
    for i, width in enumerate(widths):
        x = bank(f"layer_{i}", keras.layers.Dense, width, activation="relu")(x)
    return _with_head(inputs, x, head, "dense_net")


@register(
    sites=filter_sites,
    sharing="untied",
    task="classification",
    family="positions",
    default_tag="fashion_mnist",
)
def local_net(
    bank: "Bank",
    *,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    filters: Sequence[int] = (16, 32),
    kernel_size: int = 5,
    pool: bool = False,
    head: int | None = 10,
) -> "keras.Model":
    """Local connections without sharing: every position has a kernel of its own.

    Maps `(batch, rows, columns, channels)` in [0, 1] to logits `(batch, head)`, or to features
    with `head=None`. Each layer moves by two pixels: 28 → 12 → 4 positions a side. `pool=True`
    averages over positions before the head, which otherwise sees them all.
    """
    inputs, x = _local(bank, input_shape, filters, kernel_size, None, pool)
    return _with_head(inputs, x, head, "local_net")


@register(
    sites=filter_sites,
    sharing="untied",
    task="classification",
    family="positions",
    default_tag="fashion_mnist",
)
def tiled_net(
    bank: "Bank",
    *,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    filters: Sequence[int] = (16, 32),
    kernel_size: int = 5,
    tiles: int | Sequence[int] = (2, 2),
    pool: bool = False,
    head: int | None = 10,
) -> "keras.Model":
    """Kernels shared by the positions of a tile: between a convolution and `local_net`.

    As `local_net`, with `tiles=(rows, columns)` tiles in each layer (an integer for both): 1 is
    a convolutional network. The counts must divide the positions of every layer.
    """
    count = tiles if isinstance(tiles, int) else tuple(tiles)
    inputs, x = _local(bank, input_shape, filters, kernel_size, count, pool)
    return _with_head(inputs, x, head, "tiled_net")


def _local(
    bank: "Bank",
    input_shape: tuple[int, int, int],
    filters: Sequence[int],
    kernel_size: int,
    tiles: int | tuple[int, ...] | None,
    pool: bool,
) -> tuple["keras.KerasTensor", "keras.KerasTensor"]:
    import keras

    inputs = x = keras.Input(input_shape, name="input")
    spec = {"strides": 2, "activation": "relu", "tiles": tiles}
    for i, width in enumerate(filters):
        x = bank(f"layer_{i}", layers.LocallyConnected2D, width, kernel_size, **spec)(x)
    last = keras.layers.GlobalAveragePooling2D if pool else keras.layers.Flatten
    return inputs, last(name="features")(x)


def _with_head(
    inputs: "keras.KerasTensor", x: "keras.KerasTensor", head: int | None, name: str
) -> "keras.Model":
    import keras

    if head is not None:
        x = keras.layers.Dense(head, name="head")(x)
    return keras.Model(inputs, x, name=name)
