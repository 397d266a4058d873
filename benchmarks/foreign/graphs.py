"""Small models that are not wszoo's, spelled as people spell them; a function a model.

`make(name)` gives `(model, inputs)`: every float weight moved, so that none is a row of zeros, and
inputs as arrays by the names of the model's inputs, `BATCH` examples each. Images, vectors and
several inputs and outputs stand here; foreign_sequences.py and foreign_structures.py hold more.
"""

import importlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from wszoo import private

BATCH = 4
GRAPHS: dict[str, Callable[[], tuple[keras.Model, dict[str, np.ndarray]]]] = {}


def graph(build):
    """Registers a builder under its own name."""
    assert build.__name__ not in GRAPHS
    GRAPHS[build.__name__] = build
    return build


def make(name: str) -> tuple[keras.Model, dict[str, Any]]:
    """The model of that name and inputs for it, the same each time."""
    register()

    keras.utils.clear_session()
    keras.utils.set_random_seed(0)
    model, inputs = GRAPHS[name]()
    return stir(model), inputs


def register() -> None:
    """Imports the modules that hold the other graphs, which need `graph` themselves."""
    for module in ("sequences", "structures"):
        importlib.import_module(f"benchmarks.foreign.{module}")


def stir(model: keras.Model, seed: int = 0) -> keras.Model:
    """Moves every float weight a little; one that holds integers, or scales of them, stays."""
    rng = np.random.default_rng(seed)
    fixed = {id(w) for layer in _layers(model) if _is_fixed(layer) for w in layer.weights}
    for weight in model.weights:
        if id(weight) in fixed or not keras.backend.is_float_dtype(weight.dtype):
            continue
        value = ops.convert_to_numpy(weight).astype("float32")
        some = 0.1 * rng.random(weight.shape, "float32")
        # Kernels keep their mean: a little more of it in each of many layers explodes.
        shift = some - 0.05 if np.ptp(value) == 0 else 0
        weight.assign(value * (1 + some) + shift)
    return model


def _layers(model):
    return list(private.parts_of(model))


def _is_fixed(layer):
    quantized = getattr(layer, "quantization_mode", None)
    return bool(quantized) or isinstance(layer, layers.Normalization)


def numbers(*shape: int, seed: int = 1, batch: int = BATCH) -> np.ndarray:
    return np.random.default_rng(seed).random((batch, *shape)).astype("float32")


def tokens(*shape: int, most: int, seed: int = 1, batch: int = BATCH) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, most, (batch, *shape)).astype("int32")


def normed(x, filters, name, **kwargs):
    """Convolution, norm with statistics of its own, activation."""
    x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=name, **kwargs)(x)
    norm = layers.BatchNormalization(
        moving_mean_initializer=keras.initializers.RandomNormal(stddev=0.1),
        moving_variance_initializer=keras.initializers.RandomUniform(0.5, 2),
        name=f"{name}_norm",
    )
    return layers.ReLU(name=f"{name}_relu")(norm(x))


@graph
def residual_mlp():
    inputs = keras.Input((12,), name="x")
    x = layers.Dense(40, name="stem")(inputs)
    for i in range(4):
        h = layers.Dense(40, activation="relu", name=f"wide_{i}")(x)
        x = layers.Add(name=f"add_{i}")([x, layers.Dense(40, name=f"narrow_{i}")(h)])
    return keras.Model(inputs, layers.Dense(5, name="out")(x)), {"x": numbers(12)}


@graph
def siamese_layers():
    """Two images through the same layer objects, in one graph."""
    a, b = (keras.Input((16, 16, 1), name=name) for name in ("left", "right"))
    conv, dense = layers.Conv2D(6, 3, activation="relu", name="conv"), layers.Dense(8, name="dense")
    pool = layers.GlobalAveragePooling2D(name="pool")
    far = layers.Subtract(name="far")([dense(pool(conv(x))) for x in (a, b)])
    same = layers.Dense(1, activation="sigmoid", name="same")(far)
    return keras.Model([a, b], same), {
        "left": numbers(16, 16, 1),
        "right": numbers(16, 16, 1, seed=2),
    }


@graph
def siamese_nested():
    """The same as a nested model that is called twice."""
    inside = keras.Input((10,), name="vector")
    h = layers.Dense(8, activation="relu", name="first")(inside)
    encoder = keras.Model(inside, layers.Dense(8, name="second")(h), name="encoder")
    a, b = (keras.Input((10,), name=name) for name in ("left", "right"))
    cosine = layers.Dot(1, normalize=True, name="cosine")([encoder(a), encoder(b)])
    return keras.Model([a, b], cosine), {"left": numbers(10), "right": numbers(10, seed=2)}


@graph
def unet():
    inputs = keras.Input((16, 16, 3), name="image")
    a = normed(inputs, 4, "down_0")
    b = normed(layers.MaxPooling2D(name="half")(a), 8, "down_1")
    c = normed(layers.MaxPooling2D(name="quarter")(b), 8, "middle")
    x = layers.UpSampling2D(name="double")(c)
    x = normed(layers.Concatenate(name="skip_1")([x, b]), 8, "up_1")
    x = layers.Conv2DTranspose(4, 2, strides=2, name="again")(x)
    x = normed(layers.Concatenate(name="skip_0")([x, a]), 4, "up_0")
    mask = layers.Conv2D(2, 1, activation="softmax", name="mask")(x)
    return keras.Model(inputs, mask), {"image": numbers(16, 16, 3)}


@graph
def free_image_size():
    """Images of any size."""
    inputs = keras.Input((None, None, 3), name="image")
    x = inputs
    for i in range(3):
        x = normed(x, 6, f"conv_{i}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(4, name="out")(x)), {"image": numbers(20, 20, 3)}


@graph
def swish_net():
    """silu has a custom gradient, whose graph names the nodes that it captures."""
    inputs = x = keras.Input((16, 16, 3), name="image")
    for i in range(3):
        x = layers.Conv2D(12, 3, padding="same", name=f"conv_{i}")(x)
        x = layers.BatchNormalization(name=f"norm_{i}")(x)
        x = layers.Activation("silu", name=f"silu_{i}")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    h = layers.Dense(6, activation="silu", name="hidden")(x)
    return keras.Model(inputs, layers.Dense(4, name="out")(h)), {"image": numbers(16, 16, 3)}


@graph
def separable():
    """Depthwise, squeeze and excite, separable."""
    inputs = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(8, 1, name="expand")(inputs)
    for i in range(2):
        x = layers.DepthwiseConv2D(3, padding="same", activation="relu6", name=f"depth_{i}")(x)
        s = layers.GlobalAveragePooling2D(keepdims=True, name=f"squeeze_{i}")(x)
        s = layers.Conv2D(8, 1, activation="sigmoid", name=f"excite_{i}")(s)
        x = layers.Multiply(name=f"gate_{i}")([x, s])
    x = layers.SeparableConv2D(6, 3, activation="relu", name="both")(x)
    x = layers.Dense(4, name="out")(layers.Flatten(name="flat")(x))
    return keras.Model(inputs, x), {"image": numbers(16, 16, 3)}


@graph
def generator():
    inputs = keras.Input((8,), name="noise")
    x = layers.Dense(4 * 4 * 8, name="seed")(inputs)
    x = layers.Reshape((4, 4, 8), name="square")(x)
    for i in range(2):
        x = layers.Conv2DTranspose(8, 4, strides=2, padding="same", name=f"up_{i}")(x)
        x = layers.LeakyReLU(0.2, name=f"leaky_{i}")(x)
    image = layers.Conv2D(3, 3, padding="same", activation="tanh", name="image")(x)
    return keras.Model(inputs, image), {"noise": numbers(8)}


@graph
def group_norms():
    inputs = x = keras.Input((12, 12, 4), name="image")
    for i in range(2):
        x = layers.Conv2D(8, 3, padding="same", kernel_regularizer="l2", name=f"conv_{i}")(x)
        x = layers.GroupNormalization(4, name=f"norm_{i}")(x)
        x = layers.PReLU(shared_axes=[1, 2], name=f"prelu_{i}")(x)
    x = layers.GlobalMaxPooling2D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(3, name="out")(x)), {"image": numbers(12, 12, 4)}


@graph
def spectral():
    """Wrappers with a layer and states of their own."""
    inputs = x = keras.Input((12,), name="x")
    for i in range(2):
        inner = layers.Dense(12, activation="relu")
        x = layers.SpectralNormalization(inner, name=f"spectral_{i}")(x)
    return keras.Model(inputs, layers.Dense(1, name="score")(x)), {"x": numbers(12)}


@graph
def volumes():
    inputs = keras.Input((6, 8, 8, 1), name="volume")
    x = layers.Conv3D(4, 3, padding="same", activation="relu", name="conv_0")(inputs)
    x = layers.Conv3D(4, 3, padding="same", activation="relu", name="conv_1")(x)
    x = layers.Conv3D(4, 3, padding="same", activation="relu", name="conv_2")(x)
    x = layers.GlobalAveragePooling3D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(2, name="out")(x)), {"volume": numbers(6, 8, 8, 1)}


@graph
def mixer():
    """Dense layers over patches and over channels, turned by Permute."""
    inputs = keras.Input((16, 16, 3), name="image")
    x = layers.Conv2D(8, 4, strides=4, name="patches")(inputs)
    x = layers.Reshape((16, 8), name="rows")(x)
    for i in range(2):
        y = layers.Permute((2, 1), name=f"turn_{i}")(layers.LayerNormalization(name=f"a_{i}")(x))
        y = layers.Dense(16, activation="gelu", name=f"tokens_{i}")(y)
        x = layers.Add(name=f"add_{i}")([x, layers.Permute((2, 1), name=f"back_{i}")(y)])
        y = layers.LayerNormalization(name=f"b_{i}")(x)
        y = layers.Dense(8, activation="gelu", name=f"channels_{i}")(y)
        x = layers.Add(name=f"sum_{i}")([x, y])
    x = layers.GlobalAveragePooling1D(name="pool")(x)
    return keras.Model(inputs, layers.Dense(4, name="out")(x)), {"image": numbers(16, 16, 3)}


@graph
def several_inputs():
    """Numbers, a category and an image."""
    age = keras.Input((3,), name="numbers")
    kind = keras.Input((1,), dtype="int32", name="kind")
    image = keras.Input((12, 12, 3), name="photo")
    e = layers.Flatten(name="flat")(layers.Embedding(7, 4, name="table")(kind))
    i = layers.GlobalAveragePooling2D(name="pool")(layers.Conv2D(4, 3, name="conv")(image))
    x = layers.Concatenate(name="all")([age, e, i])
    x = layers.Dense(11, activation="relu", name="hidden_0")(x)
    x = layers.Dense(11, activation="relu", name="hidden_1")(x)
    return keras.Model([age, kind, image], layers.Dense(1, name="price")(x)), {
        "numbers": numbers(3),
        "kind": tokens(1, most=7),
        "photo": numbers(12, 12, 3),
    }


@graph
def several_outputs():
    """One layer gives two outputs; a layer of the name that Keras would give gives a third."""
    a, b, c = (keras.Input((4,), name=name) for name in "abc")
    head, other = layers.Dense(2, name="dense"), layers.Dense(3, name="dense_1")
    model = keras.Model([a, b, c], [head(a), head(b), other(c)])
    return model, {name: numbers(4, seed=i) for i, name in enumerate("abc")}


@graph
def dict_outputs():
    inputs = keras.Input((10,), name="x")
    x = layers.Dense(12, activation="relu", name="body")(inputs)
    y = layers.Dense(12, activation="relu", name="body_2")(layers.Dense(12, name="body_1")(x))
    out = {
        "size": layers.Dense(1, name="left")(y),
        "kind": layers.Dense(4, activation="softmax", name="right")(y),
        "features": y,
    }
    return keras.Model(inputs, out), {"x": numbers(10)}


@graph
def dict_inputs():
    """A dict of inputs, in another order than the alphabet's, with keys other than the names."""
    b, a = keras.Input((6,), name="beta"), keras.Input((6,), name="alpha")
    shared = layers.Dense(6, activation="tanh", name="shared")
    x = layers.Concatenate(name="both")([shared(b), shared(a)])
    model = keras.Model({"beta": b, "alpha": a}, layers.Dense(2, name="out")(x))
    return model, {"beta": numbers(6), "alpha": numbers(6, seed=2)}


@graph
def scalar_outputs():
    """An output a row without an axis of its own, and one for the whole batch."""
    inputs = keras.Input((6,), name="x")
    x = layers.Dense(6, name="b")(layers.Dense(6, activation="relu", name="a")(inputs))
    return keras.Model(inputs, [ops.mean(x, axis=-1), ops.sum(x)]), {"x": numbers(6)}


@graph
def fixed_batch():
    inputs = keras.Input(batch_shape=(BATCH, 8), name="x")
    x = layers.Dense(8, activation="relu", name="a")(inputs)
    x = layers.Dense(8, activation="relu", name="b")(x)
    return keras.Model(inputs, layers.Dense(3, name="out")(x)), {"x": numbers(8)}
