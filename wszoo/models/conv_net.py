"""A small residual CNN whose equal-shaped blocks may share their kernels over depth.

Convolution already shares over positions; here the same kernel may also serve several depths.
The blocks are pre-activation (He et al. 2016, "Identity Mappings in Deep Residual Networks")
with one 3×3 convolution each; norms are private to each block (MiniViT, Zhang et al. 2022: shared
kernels want norms of their own).
"""

from typing import TYPE_CHECKING

from wszoo.registry import register

if TYPE_CHECKING:
    import keras

    from wszoo.sharing.bank import Bank


def sites(*, depth: int, **_: object) -> list[str]:
    """Sites in call order, one a block. Raises `ValueError` for none."""
    if depth < 1:
        raise ValueError(f"conv_net needs at least one block; received depth={depth}")
    return [f"block_{i}" for i in range(depth)]


@register(
    sites=sites,
    sharing="untied",
    task="classification",
    family="convolution",
    default_tag="omniglot",
)
def conv_net(
    bank: "Bank",
    *,
    input_shape: tuple[int, int, int] = (28, 28, 1),
    width: int = 48,
    depth: int = 6,
    head: int | None = 10,
) -> "keras.Model":
    """Residual CNN for small images; `head=None` gives the backbone's features.

    Maps `(batch, rows, columns, channels)` in [0, 1] to logits `(batch, head)`, or to features
    `(batch, 2 × width)` without a head. A stem halves the image; half of the `depth` blocks run at
    that size and half at a quarter. Each block's convolution is a site `block_i`.
    """
    import keras

    conv = {"padding": "same", "use_bias": False, "kernel_initializer": "he_normal"}

    def norm_relu(x: "keras.KerasTensor", name: str) -> "keras.KerasTensor":
        x = keras.layers.BatchNormalization(momentum=0.9, name=f"{name}_norm")(x)
        return keras.layers.ReLU(name=f"{name}_relu")(x)

    inputs = keras.Input(input_shape, name="input")
    x = keras.layers.Conv2D(width, 5, strides=2, padding="same", use_bias=False, name="stem")(
        inputs
    )
    for i in range(depth):
        if i == (depth + 1) // 2:
            x = keras.layers.MaxPooling2D(name="pool")(x)
        y = norm_relu(x, f"block_{i}")
        y = bank(f"block_{i}", keras.layers.Conv2D, width, 3, **conv)(y)
        x = keras.layers.Add(name=f"block_{i}_add")([x, y])
    x = norm_relu(x, "last")
    x = keras.layers.Concatenate(name="pooled")(
        [
            keras.layers.GlobalAveragePooling2D(name="mean_pool")(x),
            keras.layers.GlobalMaxPooling2D(name="max_pool")(x),
        ]
    )
    # Features standardised before the classifier transfer better (BNNeck, Luo et al. 2019).
    x = keras.layers.BatchNormalization(momentum=0.9, center=False, scale=False, name="features")(x)
    if head is not None:
        x = keras.layers.Dense(head, name="head")(x)
    return keras.Model(inputs, x, name="conv_net")
