"""Presets of KerasHub, saved to a folder from a small network with random weights."""

import keras
import keras_hub
import numpy as np
import pytest

import wszoo
from wszoo.transferring import backbones

IMAGES = np.random.default_rng(0).random((40, 32, 32, 3), "float32")


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[3],
        stackwise_num_filters=[64],
        stackwise_num_blocks=[1],
        stackwise_num_strides=[1],
        block_type="basic_block",
    )


@pytest.fixture(scope="module")
def preset(network, tmp_path_factory):
    """A folder with the network and what it does to images before: 0 to 255 become -1 to 1."""
    folder = tmp_path_factory.mktemp("preset")
    network.save_to_preset(folder)
    keras_hub.layers.ResNetImageConverter(scale=[2 / 255] * 3, offset=[-1.0] * 3).save_to_preset(
        folder
    )
    return folder


def pooled(network, x):
    return np.asarray(network(x, training=False)).mean((1, 2))


def test_a_preset_is_a_backbone_with_its_preprocessing(network, preset):
    net = backbones.find(f"hub:{preset}", image_size=32).make((32, 32, 3))
    wanted = pooled(network, 2 * IMAGES[:4] - 1)
    np.testing.assert_allclose(net(IMAGES[:4], training=False), wanted, rtol=1e-3, atol=1e-4)


def test_transfer_from_a_preset(preset):
    y = np.arange(40) % 2
    images = 0.5 * IMAGES[..., :1] + 0.5 * y[:, None, None, None].astype("float32")
    result = wszoo.transfer(f"hub:{preset}", data=(images, y), image_size=32, epochs=1, verbose=0)
    assert result.metrics["test"]["accuracy"] == 1.0
    assert result.notes == ("grey images are repeated to the backbone's three channels",)


def test_a_preset_without_an_image_converter_is_given_bytes(network, tmp_path):
    network.save_to_preset(tmp_path)
    with pytest.warns(UserWarning, match="no image converter.*0 to 255"):
        net = backbones.find(f"hub:{tmp_path}", image_size=32).make((32, 32, 3))
    wanted = pooled(network, 255 * IMAGES[:4])
    np.testing.assert_allclose(net(IMAGES[:4], training=False), wanted, rtol=1e-3, atol=1e-2)


def test_a_preset_that_cannot_be_downloaded_names_what_needs_no_network(monkeypatch):
    import requests

    def fails(*args, **kwargs):
        raise requests.exceptions.ConnectionError("no name server")

    monkeypatch.setattr(requests.Session, "send", fails)
    with pytest.raises(ConnectionError, match=r"no name server.*efficientnet_lite0\.imagenet"):
        backbones.find("hub:resnet_18_imagenet").make((32, 32, 3))
