"""The low-rank layer is the local layer with mixed kernels, and starts as a convolution."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from local_reference import integers

import wszoo
from wszoo.layers import LocallyConnected2D, LowRankLocallyConnected2D


def filled(shape, **settings):
    layer = LowRankLocallyConnected2D(4, (3, 2), **settings)
    layer.build((None, *shape))
    rng = np.random.default_rng(0)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape))
    return layer


@pytest.mark.parametrize("rank", [1, 2, 5])
@pytest.mark.parametrize("padding", ["valid", "same", "circular"])
@pytest.mark.parametrize("strides", [1, (2, 3)])
def test_it_is_the_local_layer_with_mixed_kernels(rank, padding, strides):
    spec = {"padding": padding, "strides": strides, "activation": "tanh"}
    layer = filled((7, 6, 3), rank=rank, **spec)
    local = LocallyConnected2D(4, (3, 2), **spec)
    local.build((None, 7, 6, 3))
    mixed = np.einsum("ijk,kpf->ijpf", layer.mixture(), layer.kernel)
    bias = layer.bias + layer.row_bias[:, None] + layer.column_bias[None]
    local.set_weights([mixed.reshape(local.kernel.shape), np.asarray(bias)])
    x = np.random.default_rng(1).normal(size=(3, 7, 6, 3)).astype("float32")
    np.testing.assert_allclose(layer(x), local(x), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(np.sum(layer.mixture(), -1), 1, rtol=1e-5)
    assert layer.compute_output_shape(x.shape) == layer(x).shape


@pytest.mark.parametrize("padding", ["valid", "circular"])
@pytest.mark.parametrize("settings", [{}, {"use_bias": False, "activation": "softmax"}])
def test_training_mixes_first_and_computes_the_same(padding, settings):
    layer = filled((7, 6, 3), rank=3, padding=padding, **settings)
    x = tf.constant(np.random.default_rng(1).normal(size=(3, 7, 6, 3)).astype("float32"))
    found = []
    for training in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, training=training)
            loss = tf.reduce_sum(tf.sin(y))
        found.append([y, *tape.gradient(loss, [x, *(w.value for w in layer.weights)])])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)


def test_it_starts_as_a_convolution_with_the_mean_kernel():
    layer = LowRankLocallyConnected2D(4, 3, rank=3)
    x = np.random.default_rng(1).normal(size=(3, 7, 6, 2)).astype("float32")
    y = layer(x)
    conv = keras.layers.Conv2D(4, 3)
    conv.build(x.shape)
    conv.set_weights([np.mean(layer.kernel, 0).reshape(conv.kernel.shape), np.zeros(4)])
    np.testing.assert_allclose(y, conv(x), rtol=1e-4, atol=1e-5)


def test_it_moves_with_its_input_until_positions_differ():
    layer = LowRankLocallyConnected2D(4, 3, padding="circular", use_bias=False)
    x = integers(2, 6, 6, 2)
    wanted = np.roll(layer(x), 2, 1)
    np.testing.assert_allclose(layer(np.roll(x, 2, 1)), wanted, atol=1e-4)
    layer.row_logits.assign(np.random.default_rng(0).normal(size=layer.row_logits.shape))
    assert np.abs(layer(np.roll(x, 2, 1)) - np.roll(layer(x), 2, 1)).max() > 0.1


def test_every_weight_is_trained():
    layer = filled((6, 6, 2), rank=3)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.sin(layer(integers(2, 6, 6, 2))))
    gradients = tape.gradient(loss, [w.value for w in layer.weights])
    assert len(gradients) == 6 and all(np.any(g) for g in gradients)


def test_what_it_says_of_its_sharing():
    layer = filled((6, 6, 2), rank=3)
    said = layer.inner_sharing()
    assert (said.over, said.sites, said.groups) == ("positions", 4 * 5, 3)
    kernel = 3 * 2 * 2 * 4
    assert said.parameters == layer.count_params() == 3 * kernel + 3 * (4 + 5) + 4 + 4 + 5
    assert said.unrolled_parameters == 20 * (kernel + 4)
    assert LowRankLocallyConnected2D(4, 3).inner_sharing() is None


def test_config_round_trip_and_file(tmp_path):
    inputs = keras.Input((7, 7, 2))
    layer = LowRankLocallyConnected2D(
        4, (3, 2), rank=3, strides=2, padding="same", activation="relu", logits_regularizer="l2"
    )
    again = LowRankLocallyConnected2D.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    model = keras.Model(inputs, layer(inputs))
    wszoo.save(model, tmp_path / "model.keras")
    x = integers(2, 7, 7, 2)
    np.testing.assert_array_equal(wszoo.load(tmp_path / "model.keras")(x), model(x))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: LowRankLocallyConnected2D(0, 3), "filters .* received 0"),
        (lambda: LowRankLocallyConnected2D(4, 3, rank=0), "rank .* received 0"),
        (lambda: LowRankLocallyConnected2D(4, 3, padding="full"), "received 'full'"),
        (lambda: LowRankLocallyConnected2D(4, 3, data_format="channels_first"), "channels_last"),
        (lambda: LowRankLocallyConnected2D(4, 3)(keras.Input((8, 8))), "channels"),
        (lambda: LowRankLocallyConnected2D(4, 3)(keras.Input((None, 8, 1))), "known sizes"),
        (lambda: LowRankLocallyConnected2D(4, 9)(keras.Input((8, 8, 1))), "does not fit"),
    ],
)
def test_mistakes_are_named(act, words):
    with pytest.raises(ValueError, match=words):
        act()
