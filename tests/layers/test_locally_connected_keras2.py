"""Against Keras 2's own layers (tf_keras): its arguments, its weights, its numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from wszoo.layers import LocallyConnected1D, LocallyConnected2D

CASES = [
    (LocallyConnected2D, (5, 3), (9, 8, 2), {}),
    (LocallyConnected2D, (5, (3, 2)), (9, 8, 2), {"strides": (2, 3), "activation": "tanh"}),
    (LocallyConnected2D, (5, 3, 2, "valid", None, "relu", False), (9, 8, 2), {}),
    (LocallyConnected1D, (5, 3), (11, 2), {}),
    (LocallyConnected1D, (5, 4, 2), (11, 2), {"activation": "tanh", "use_bias": False}),
]


def outputs_and_gradients(layer, x, z, training=None):
    with tf.GradientTape() as tape:
        inputs = tf.constant(x)
        tape.watch(inputs)
        y = layer(inputs) if training is None else layer(inputs, training=training)
        loss = tf.reduce_sum(tf.sin(y) * z)
    weights = layer.trainable_weights
    if isinstance(layer, keras.layers.Layer):
        weights = [w.value for w in weights]
    return [np.asarray(v) for v in (y, *tape.gradient(loss, [inputs, *weights]))]


@pytest.mark.parametrize(("ours", "arguments", "shape", "settings"), CASES)
def test_same_arguments_weights_outputs_and_gradients(ours, arguments, shape, settings):
    tf_keras.utils.set_random_seed(0)
    random = settings | {"bias_initializer": "normal", "implementation": 1}
    theirs = getattr(tf_keras.layers, ours.__name__)(*arguments, **random)
    layer = ours(*arguments, **random)
    x = np.random.default_rng(0).normal(size=(4, *shape)).astype("float32")
    z = np.random.default_rng(1).normal(size=theirs(x).shape).astype("float32")
    layer.build(x.shape)
    layer.set_weights(theirs.get_weights())
    wanted = outputs_and_gradients(theirs, x, z)
    for training in (True, False):
        got = outputs_and_gradients(layer, x, z, training)
        assert len(got) == len(wanted) == 2 + len(theirs.get_weights())
        for one, other in zip(got, wanted, strict=True):
            assert np.any(other)
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("implementation", [2, 3])
@pytest.mark.parametrize(("padding", "strides"), [("valid", 1), ("valid", 2), ("same", 1)])
def test_geometry_is_that_of_the_other_implementations(padding, strides, implementation):
    """Equal kernels everywhere: their layouts differ, and each is filled with one number."""
    spec = {"strides": strides, "padding": padding, "kernel_initializer": "ones"}
    theirs = tf_keras.layers.LocallyConnected2D(2, 3, implementation=implementation, **spec)
    layer = LocallyConnected2D(2, 3, implementation=implementation, **spec)
    x = np.random.default_rng(0).normal(size=(3, 8, 7, 2)).astype("float32")
    np.testing.assert_allclose(layer(x), theirs(x), rtol=1e-5, atol=1e-5)


def test_a_config_of_keras_2_makes_the_layer():
    old = tf_keras.layers.LocallyConnected2D(4, 3, activation="relu", kernel_regularizer="l2")
    config = old.get_config()
    config["kernel_regularizer"] = {"class_name": "L2", "config": {"l2": 0.01}}
    for key in ("kernel_initializer", "bias_initializer"):
        config[key] = keras.initializers.serialize(keras.initializers.get("zeros"))
    layer = LocallyConnected2D.from_config({k: v for k, v in config.items() if k != "dtype"})
    assert (layer.filters, layer.kernel_size, layer.tiles) == (4, (3, 3), None)
