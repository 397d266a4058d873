"""EfficientNet-Lite: mobile networks without squeeze-excitation, scaled by width and depth.

Tan & Le 2019, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks"; the Lite
variants (Google 2020, `tensorflow/tpu`, models/official/efficientnet/lite) are made for TFLite: no
squeeze-excitation, ReLU6, stem and head of a fixed width, first and last stage of a fixed depth.
Blocks are inverted residuals (Sandler et al. 2018, "MobileNetV2"). All blocks of a stage but its
first are equal, so that a plan may tie them: `plan.tie("stage_6_block_[123]_expand")`; norms are
private to each block.
"""

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wszoo.registry import register

if TYPE_CHECKING:
    import keras

    from wszoo.sharing.bank import Bank

EPSILON = 1e-3  # of norms: Google's efficientnet_lite_builder.py


@dataclass(frozen=True)
class Stage:
    """A row of table 1 of Tan & Le 2019, before scaling."""

    kernel: int
    repeats: int
    strides: int
    expansion: int
    filters: int


STAGES = (
    Stage(3, 1, 1, 1, 16),
    Stage(3, 2, 2, 6, 24),
    Stage(5, 2, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(5, 3, 1, 6, 112),
    Stage(5, 4, 2, 6, 192),
    Stage(3, 1, 1, 6, 320),
)
STEM, FEATURES = 32, 1280
STRIDES = {"stage_3": 8, "stage_5": 16, "stage_7": 32}  # layers whose outputs detectors read


def scaled(width: float, depth: float) -> list[Stage]:
    """The stages of a network of that width and depth. Raises `ValueError` for none of either."""
    if width <= 0 or depth <= 0:
        raise ValueError(f"width and depth must be above 0; received {width} and {depth}")
    ends = (STAGES[0], STAGES[-1])
    return [
        replace(
            stage,
            filters=_to_eights(stage.filters * width),
            repeats=stage.repeats if stage in ends else math.ceil(stage.repeats * depth),
        )
        for stage in STAGES
    ]


def _to_eights(filters: float) -> int:
    """The multiple of 8 next to it that loses no more than a tenth."""
    near = max(8, int(filters + 4) // 8 * 8)
    return near + 8 if near < 0.9 * filters else near


def sites(*, width: float, depth: float, **_: Any) -> list[str]:
    """Sites in call order: every convolution."""
    found = ["stem"]
    for i, stage in enumerate(scaled(width, depth), start=1):
        parts = ["expand", "depthwise", "project"][stage.expansion == 1 :]
        found += [f"stage_{i}_block_{j}_{part}" for j in range(stage.repeats) for part in parts]
    return [*found, "top"]


@register(
    sites=sites,
    sharing="untied",
    task="classification",
    family="convolution",
    default_tag="imagenet",
    free=("input_shape", "dropout"),
)
def efficientnet_lite0(
    bank: "Bank",
    *,
    input_shape: tuple[int | None, int | None, int] = (224, 224, 3),
    width: float = 1.0,
    depth: float = 1.0,
    dropout: float = 0.2,
    head: int | None = 1000,
) -> "keras.Model":
    """Mobile CNN for colour photos of any size; `head=None` gives the backbone's features.

    Maps `(batch, rows, columns, channels)` in [0, 1] to logits `(batch, head)`, or to features
    `(batch, 1280)` without a head. Rows and columns may be `None`. The outputs of the layers
    `stage_1` … `stage_7` are the maps of the stages, at strides 2, 4, 8, 16, 16, 32 and 32.

    The default is Lite0; as `width`, `depth`, size and `dropout` Lite1 is 1.0, 1.1, 240, 0.2;
    Lite2 1.1, 1.2, 260, 0.3; Lite3 1.2, 1.4, 280, 0.3; and Lite4 1.4, 1.8, 300, 0.3.
    """
    import keras

    inputs = keras.Input(input_shape, name="input")
    # From [0, 1] to (x - 127) / 128 of bytes: Google's efficientnet_lite_builder.py.
    x = keras.layers.Rescaling(255 / 128, -127 / 128, name="scale")(inputs)
    x = _normed(bank("stem", keras.layers.Conv2D, STEM, 3, **_conv(strides=2))(x), "stem", True)
    for i, stage in enumerate(scaled(width, depth), start=1):
        for j in range(stage.repeats):
            x = _block(bank, x, f"stage_{i}_block_{j}", stage, stage.strides if j == 0 else 1)
        x = keras.layers.Identity(name=f"stage_{i}")(x)
    x = _normed(bank("top", keras.layers.Conv2D, FEATURES, 1, **_conv())(x), "top", True)
    x = keras.layers.GlobalAveragePooling2D(name="features")(x)
    if head is not None:
        x = keras.layers.Dropout(dropout, name="dropout")(x)
        x = keras.layers.Dense(head, name="head")(x)
    return keras.Model(inputs, x, name="efficientnet_lite0")


def _conv(kernel: str = "kernel", **options: Any) -> dict[str, Any]:
    """What all convolutions ask for; `kernel` is what theirs is called."""
    import keras

    start = keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
    return {"padding": "same", "use_bias": False, f"{kernel}_initializer": start, **options}


def _normed(x: "keras.KerasTensor", site: str, active: bool) -> "keras.KerasTensor":
    """A convolution's outputs through a norm, and ReLU6 where they are `active`."""
    import keras

    x = keras.layers.BatchNormalization(epsilon=EPSILON, name=f"{site}_norm")(x)
    return keras.layers.ReLU(6.0, name=f"{site}_relu")(x) if active else x


def _block(
    bank: "Bank", x: "keras.KerasTensor", name: str, stage: Stage, strides: int
) -> "keras.KerasTensor":
    """An inverted residual: expand, convolve each channel, project."""
    import keras

    before, width = x, x.shape[-1]
    if stage.expansion > 1:
        site = f"{name}_expand"
        x = bank(site, keras.layers.Conv2D, stage.expansion * width, 1, **_conv())(x)
        x = _normed(x, site, True)
    site = f"{name}_depthwise"
    options = _conv("depthwise", strides=strides)
    x = bank(site, keras.layers.DepthwiseConv2D, stage.kernel, **options)(x)
    x = _normed(x, site, True)
    site = f"{name}_project"
    x = _normed(bank(site, keras.layers.Conv2D, stage.filters, 1, **_conv())(x), site, False)
    if strides == 1 and width == stage.filters:
        x = keras.layers.Add(name=f"{name}_add")([x, before])
    return x
