"""Models of other packages, with random weights: Keras Applications, KerasHub, kimm.

`make(name)` gives `(model, inputs)` as foreign_graphs.py does. Of Keras Applications the smallest
member of each family, at small images; of KerasHub small configurations, no presets.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from benchmarks.foreign.graphs import numbers, stir, tokens
from wszoo import private

SIDES = {  # pixels; the least that a family takes, or 32
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "VGG16": 32,
    "Xception": 71,
}
LOGITS = {"classes": 10, "classifier_activation": None}  # a softmax would hide differences
KIMM_LOGITS = {"classes": 10, "classifier_activation": "linear"}
HUB: dict[str, Callable[[Any], tuple[Any, dict[str, np.ndarray]]]] = {}
WORDS = {"vocabulary_size": 60, "num_layers": 2, "hidden_dim": 16, "intermediate_dim": 32}
HEADS = {"num_query_heads": 2, "num_key_value_heads": 1}
SHORT = {**WORDS, "num_heads": 2, "max_sequence_length": 12}


def make(name: str) -> tuple[keras.Model, dict[str, Any]]:
    """The model of that name, such as `keras.ResNet50` or `hub.BertBackbone`, and inputs."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    package, _, name = name.partition(".")
    model, inputs = {"keras": application, "hub": hub, "kimm": from_kimm}[package](name)
    return stir(model), inputs


def images_for(model: keras.Model, side: int) -> dict[str, np.ndarray]:
    return {private.maker_of(model.inputs[0]).name: numbers(side, side, 3)}


def application(name: str) -> tuple[keras.Model, dict[str, np.ndarray]]:
    side = SIDES[name]
    build = getattr(keras.applications, name)
    large = {"include_top": False, "pooling": "avg"} if name in ("VGG16",) else LOGITS
    model = build(weights=None, input_shape=(side, side, 3), **large)
    return model, images_for(model, side)


def from_kimm(name: str) -> tuple[keras.Model, dict[str, np.ndarray]]:
    import kimm

    model = getattr(kimm.models, name)(weights=None, input_shape=(64, 64, 3), **KIMM_LOGITS)
    return model, images_for(model, 64)


def hub(name: str) -> tuple[keras.Model, dict[str, np.ndarray]]:
    import keras_hub

    return HUB[name](keras_hub.models)


def entry(build: Callable) -> Callable:
    """Registers a builder of a KerasHub model under its own name."""
    HUB[build.__name__] = build
    return build


def text(model: keras.Model, length: int = 8) -> tuple[keras.Model, dict[str, np.ndarray]]:
    """A model of texts, and token ids, padding and segments for those of its inputs."""
    inputs = {}
    for tensor in model.inputs:
        name = private.maker_of(tensor).name
        if "mask" in name and "positions" not in name:
            inputs[name] = np.ones((4, length), tensor.dtype)
            inputs[name][0, 5:] = 0
        else:
            most = 2 if "segment" in name else length if "positions" in name else 60
            inputs[name] = tokens(length, most=most).astype(tensor.dtype) - ("segment" in name)
    return model, inputs


@entry
def BertBackbone(m):
    return text(m.BertBackbone(**SHORT))


@entry
def BertTextClassifier(m):
    return text(m.BertTextClassifier(m.BertBackbone(**SHORT), num_classes=3))


@entry
def BertMaskedLM(m):
    return text(m.BertMaskedLM(m.BertBackbone(**SHORT)))


@entry
def AlbertTextClassifier(m):
    """Its layers are shared over depth, in a nested model."""
    backbone = m.AlbertBackbone(**{**SHORT, "num_layers": 4}, embedding_dim=8, num_groups=2)
    return text(m.AlbertTextClassifier(backbone, num_classes=3))


@entry
def DebertaV3Backbone(m):
    return text(m.DebertaV3Backbone(**SHORT, bucket_size=8))


@entry
def DistilBertBackbone(m):
    return text(m.DistilBertBackbone(**SHORT))


@entry
def RobertaTextClassifier(m):
    return text(m.RobertaTextClassifier(m.RobertaBackbone(**SHORT), num_classes=3))


@entry
def ElectraBackbone(m):
    sizes = {**SHORT, "vocab_size": 60, "embedding_dim": 8}
    sizes.pop("vocabulary_size")
    return text(m.ElectraBackbone(**sizes))


@entry
def FNetBackbone(m):
    return text(m.FNetBackbone(**WORDS, max_sequence_length=8))


@entry
def GPT2CausalLM(m):
    """The output projection is the embedding."""
    return text(m.GPT2CausalLM(m.GPT2Backbone(**SHORT)))


@entry
def GPTNeoXBackbone(m):
    return text(m.GPTNeoXBackbone(**SHORT))


@entry
def OPTBackbone(m):
    return text(m.OPTBackbone(**SHORT))


@entry
def BloomBackbone(m):
    return text(m.BloomBackbone(**WORDS, num_heads=2))


@entry
def LlamaCausalLM(m):
    return text(m.LlamaCausalLM(m.LlamaBackbone(**WORDS, **HEADS)))


@entry
def MistralBackbone(m):
    return text(m.MistralBackbone(**WORDS, **HEADS))


@entry
def GemmaCausalLM(m):
    return text(m.GemmaCausalLM(m.GemmaBackbone(**WORDS, **HEADS, head_dim=8)))


@entry
def Qwen3Backbone(m):
    return text(m.Qwen3Backbone(**WORDS, **HEADS, head_dim=8))


@entry
def T5Backbone(m):
    return text(m.T5Backbone(**WORDS, num_heads=2))


@entry
def BartBackbone(m):
    return text(m.BartBackbone(**SHORT))


@entry
def WhisperBackbone(m):
    sizes = {**SHORT, "max_encoder_sequence_length": 16, "max_decoder_sequence_length": 12}
    sizes.pop("max_sequence_length")
    model, inputs = text(m.WhisperBackbone(**sizes, num_mels=8))
    inputs["encoder_features"] = numbers(16, 8)
    return model, inputs


def vit(m):
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 32}
    return m.ViTBackbone(image_shape=(16, 16, 3), patch_size=4, **sizes)


@entry
def ViTImageClassifier(m):
    model = m.ViTImageClassifier(vit(m), num_classes=3)
    return model, images_for(model, 16)


def resnet(m):
    return m.ResNetBackbone(
        input_conv_filters=[64],  # these must be 64
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 16, 16],
        stackwise_num_blocks=[2, 2, 2],
        stackwise_num_strides=[1, 2, 2],
        block_type="basic_block",
    )


@entry
def ResNetImageClassifier(m):
    """Images of any size."""
    model = m.ResNetImageClassifier(resnet(m), num_classes=3)
    return model, images_for(model, 32)


@entry
def DenseNetBackbone(m):
    model = m.DenseNetBackbone([2, 2], image_shape=(32, 32, 3), growth_rate=4)
    return model, images_for(model, 32)


@entry
def VGGBackbone(m):
    model = m.VGGBackbone([2, 2], [4, 8], image_shape=(16, 16, 3))
    return model, images_for(model, 16)


@entry
def MiTBackbone(m):
    model = m.MiTBackbone(
        layerwise_depths=[1, 1],
        num_layers=2,
        layerwise_num_heads=[1, 2],
        layerwise_sr_ratios=[2, 1],
        max_drop_path_rate=0.1,
        layerwise_patch_sizes=[7, 3],
        layerwise_strides=[4, 2],
        image_shape=(32, 32, 3),
        hidden_dims=[8, 16],
    )
    return model, images_for(model, 32)


@entry
def RetinaNetBackbone(m):
    """A pyramid of features: several outputs of shared layers."""
    model = m.RetinaNetBackbone(resnet(m), 3, 4, use_p5=False, image_shape=(64, 64, 3))
    return model, images_for(model, 64)


@entry
def DeepLabV3Backbone(m):
    model = m.DeepLabV3Backbone(
        resnet(m),
        spatial_pyramid_pooling_key="P3",
        upsampling_size=2,
        dilation_rates=[2, 4],
        low_level_feature_key="P2",
        projection_filters=4,
        image_shape=(32, 32, 3),
    )
    return model, images_for(model, 32)


@entry
def CLIPBackbone(m):
    from keras_hub.src.models.clip.clip_text_encoder import CLIPTextEncoder
    from keras_hub.src.models.clip.clip_vision_encoder import CLIPVisionEncoder

    vision = CLIPVisionEncoder(4, 16, 2, 2, 32, "quick_gelu", image_shape=(16, 16, 3))
    words = CLIPTextEncoder(60, 16, 16, 2, 2, 32, "quick_gelu", max_sequence_length=8)
    model = m.CLIPBackbone(vision, words, projection_dim=8)
    return model, {"images": numbers(16, 16, 3), "token_ids": tokens(8, most=60)}
