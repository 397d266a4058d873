"""Models that are not wszoo's, with weights that are used more than once, spelled as people do."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

import wszoo


def stir(model):
    """Moves every weight a little, so that no bias is a row of zeros that the converter drops."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        some = 0.1 * rng.random(weight.shape, "float32")
        weight.assign(weight * (1 + some) + (some if len(weight.shape) == 1 else 0))


FRESH = {"weights": None, "classifier_activation": None, "input_shape": (96, 96, 3)}


class Holder(keras.layers.Layer):
    """`x @ transpose(kernel) + bias` with the kernel of another layer, in a given spelling."""

    def __init__(self, other, spelling, **kwargs):
        super().__init__(**kwargs)
        self.other, self.spelling = other, spelling

    def build(self, input_shape):
        units = self.other.kernel.shape[-2]
        self.bias = self.add_weight(shape=(units,), name="bias", initializer="uniform")

    def call(self, x):
        kernel = self.other.kernel
        if self.spelling == "transpose":
            y = ops.matmul(x, ops.transpose(kernel))
        elif self.spelling == "transpose_b":
            import tensorflow as tf

            y = tf.matmul(x, kernel, transpose_b=True)
        elif self.spelling == "einsum":
            y = ops.einsum("bj,ij->bi", x, kernel)
        else:
            y = ops.conv_transpose(x, kernel, strides=2, padding="same")
        return ops.relu(y + self.bias)


class HoldsItself(keras.layers.Layer):
    """A whole tied autoencoder layer that owns the other layer and calls it."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.dense = keras.layers.Dense(units, activation="relu")

    def build(self, input_shape):
        self.dense.build(input_shape)

    def call(self, x):
        return ops.matmul(self.dense(x), ops.transpose(self.dense.kernel))


def tied_dense(spelling):
    x = inputs = keras.Input((784,), name="image")
    layers = [keras.layers.Dense(n, activation="relu") for n in (256, 64)]
    for layer in layers:
        x = layer(x)
    for layer in reversed(layers):
        x = Holder(layer, spelling)(x)
    return keras.Model(inputs, x)


def tied_conv():
    x = inputs = keras.Input((32, 32, 8), name="image")
    layers = [keras.layers.Conv2D(n, 3, strides=2, padding="same") for n in (32, 64)]
    for layer in layers:
        x = layer(x)
    for layer in reversed(layers):
        x = Holder(layer, "conv")(x)
    return keras.Model(inputs, x)


def held():
    inputs = keras.Input((512,), name="x")
    return keras.Model(inputs, HoldsItself(256)(inputs))


def called_six_times():
    x = inputs = keras.Input((256,), name="x")
    dense = keras.layers.Dense(256, activation="tanh", bias_initializer="uniform")
    for _ in range(6):
        x = dense(x)
    return keras.Model(inputs, x)


def pyramid(use_bias=False):
    """One convolution over three levels, a norm of its own at each."""
    x = inputs = keras.Input((32, 32, 16), name="image")
    conv = keras.layers.Conv2D(16, 5, padding="same", use_bias=use_bias, name="head")
    outputs = []
    random = {
        "beta_initializer": "normal", "gamma_initializer": "uniform",
        "moving_mean_initializer": "normal",
    }  # fmt: skip
    for level in range(3):
        norm = keras.layers.BatchNormalization(name=f"norm_{level}", **random)
        outputs.append(keras.layers.ReLU(name=f"level_{level}")(norm(conv(x))))
        x = keras.layers.AveragePooling2D(2)(x)
    return keras.Model(inputs, outputs)


def tied_embedding():
    inputs = keras.Input((16,), dtype="int32", name="tokens")
    table = keras.layers.ReversibleEmbedding(1000, 64)
    x = keras.layers.Dense(64, activation="relu")(table(inputs))
    return keras.Model(inputs, table(x, reverse=True))


def gru():
    """Shared over time: the converter wants a fixed batch for its loop."""
    inputs = keras.Input((20, 32), name="frames")
    x = keras.layers.GRU(64, reset_after=True, name="gru")(inputs)
    return keras.Model(inputs, keras.layers.Dense(10, name="head")(x), name="gru")


def albert(depth=4, width=64, vocabulary=1000, length=16):
    """A transformer encoder whose one block serves all depths (Lan et al. 2020)."""
    tokens = keras.Input((length,), dtype="int32", name="tokens")
    x = keras.layers.Embedding(vocabulary, width // 2, name="embedding")(tokens)
    x = keras.layers.Dense(width, name="factor")(x)
    attention = keras.layers.MultiHeadAttention(4, width // 4, name="attention")
    norms = [keras.layers.LayerNormalization(name=f"norm_{i}") for i in range(2)]
    up = keras.layers.Dense(4 * width, activation="relu", name="up")
    down = keras.layers.Dense(width, name="down")
    for _ in range(depth):
        x = norms[0](x + attention(x, x))
        x = norms[1](x + down(up(x)))
    x = keras.layers.GlobalAveragePooling1D(name="mean")(x)
    return keras.Model(tokens, keras.layers.Dense(10, name="head")(x), name="albert_like")


def mobilenet():
    """Keras' MobileNetV2 with the blocks of each stage tied by `retie`."""
    model = keras.applications.MobileNetV2(
        weights=None, classifier_activation=None, input_shape=(96, 96, 3)
    )
    plan = wszoo.plan_of(model)
    for stage in ((4, 5), (7, 8, 9), (11, 12), (14, 15)):
        for part in ("expand", "depthwise", "project"):
            plan = plan.tie([f"block_{i}_{part}" for i in stage])
    return wszoo.retie(model, plan, weights="mean")


def resnet():
    """Keras' ResNet50 with the inner blocks of each stage tied by `retie`."""
    model = keras.applications.ResNet50(
        weights=None, classifier_activation=None, input_shape=(96, 96, 3)
    )
    plan = wszoo.plan_of(model)
    for stage, blocks in ((2, "[2-3]"), (3, "[2-4]"), (4, "[2-6]"), (5, "[2-3]")):
        for part in (1, 2, 3):
            plan = plan.tie(f"conv{stage}_block{blocks}_{part}_conv")
    return wszoo.retie(model, plan, weights="mean")


OTHERS: dict[str, Callable[[], Any]] = {
    "transpose": lambda: tied_dense("transpose"),
    "transpose_b": lambda: tied_dense("transpose_b"),
    "einsum": lambda: tied_dense("einsum"),
    "holder": held,
    "conv": tied_conv,
    "six_calls": called_six_times,
    "pyramid": pyramid,
    "pyramid_bias": lambda: pyramid(use_bias=True),
    "embedding": tied_embedding,
    "albert": albert,
    "gru": gru,
}
LARGE: dict[str, Callable[[], Any]] = {"mobilenet": mobilenet, "resnet": resnet}
FIXED_BATCH = {"gru": 1, "rnn": 1}  # loops
