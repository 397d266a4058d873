"""Small models, one for each way in which a graph can share; name → (model, an input for it).

Every weight is random (statistics and biases too), so that a copy that forgot one is seen.
"""

import keras
import numpy as np
from keras import layers, ops

BATCH = 3


def randomise(model, seed=0):
    """Gives every weight a random value, distinct from that of any other."""
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        if keras.backend.is_float_dtype(weight.dtype):
            value = rng.normal(0, 0.5, weight.shape)
            weight.assign(np.abs(value) + 0.5 if "variance" in weight.name else value)
    for layer in model._flatten_layers():
        if isinstance(layer, layers.Normalization):
            layer.finalize_state()
    return model


def numbers(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=(BATCH, *shape)).astype("float32")


def dense(name=None, width=4, **kwargs):
    return layers.Dense(width, bias_initializer="normal", name=name, **kwargs)


def repeated():
    """One layer at four places, with private layers and a dropout between."""
    shared, x = dense("shared", activation="tanh"), keras.Input((4,))
    inputs = x
    for i in range(4):
        x = layers.Dropout(0.5, name=f"drop_{i}")(dense(f"own_{i}")(shared(x)))
    return keras.Model(inputs, x), numbers(4)


def crossed():
    """The shared layer's first call is the deeper one, and a branch skips it."""
    inputs = keras.Input((4,))
    shared, first, second = dense("shared"), dense("first"), dense("second")
    late = shared(layers.ReLU()(second(first(inputs))))
    early = shared(inputs)
    skipped = layers.Add()([first(early), late, inputs])
    return keras.Model(inputs, layers.Concatenate()([shared(skipped), early])), numbers(4)


def structured():
    """Dicts and lists of inputs and outputs; two outputs of one tensor."""
    a, b, c = (keras.Input((4,), name=name) for name in "abc")
    shared = dense("shared")
    x, y = shared(layers.add([a, c])), shared(b)
    model = keras.Model({"a": a, "rest": [b, c]}, {"sum": x + y, "each": [x, y, shared(y)]})
    return model, {
        "a": numbers(4, seed=1),
        "rest": [numbers(4, seed=2), numbers(4, seed=3)],
    }


def operations():
    """keras.ops, operators and slices between the calls."""
    inputs = keras.Input((4, 4))
    shared = dense("shared")
    x = ops.add(shared(inputs), 2 * inputs) - 1.0
    x = ops.concatenate([x, shared(x)[:, ::-1]], axis=1)
    x = ops.einsum("btc,bsc->bts", x, shared(x))
    outputs = ops.split(ops.reshape(x, (-1, 8, 8)), 2, axis=-1)
    return keras.Model(inputs, [outputs[1], ops.mean(outputs[0], axis=(1, 2))]), numbers(4, 4)


def with_lambda():
    """A Lambda over a closure."""
    factor, inputs, shared = np.float32(3), keras.Input((4,)), dense("shared")
    x = layers.Lambda(lambda value, shift: factor * value + shift, arguments={"shift": 1.0})(
        shared(inputs)
    )
    return keras.Model(inputs, shared(x)), numbers(4)


def always_dropping():
    """Dropout that is told `training=True` in the graph: its random state is part of the model."""
    inputs, shared = keras.Input((4,)), dense("shared")
    drop = layers.Dropout(0.5, seed=7)
    model = keras.Model(inputs, drop(shared(drop(shared(inputs), training=True)), training=True))
    model(numbers(4))  # the state moves on from its seed
    return model, numbers(4)


def masked():
    """An embedding's mask, which Keras passes from layer to layer."""
    inputs = keras.Input((6,), dtype="int32")
    shared = layers.LSTM(4, return_sequences=True, name="shared")
    x = layers.Embedding(9, 4, mask_zero=True, name="embedding")(inputs)
    x = shared(layers.Dropout(0.1)(shared(x)))
    x = layers.Bidirectional(layers.GRU(3), name="both_ways")(x)
    return keras.Model(inputs, x), np.array([[1, 2, 0, 0, 0, 0], [3] * 6, [4, 5, 6, 0, 0, 0]])


def nested():
    """A whole model called twice; and its equal with other names inside."""

    def block(name, up, down):
        inside = keras.Input((4,))
        hidden = dense(up, activation="relu")(inside)
        return keras.Model(inside, layers.Add()([dense(down)(hidden), inside]), name=name)

    inputs, shared = keras.Input((4,)), block("shared", "up", "down")
    return keras.Model(inputs, shared(block("other", "in", "out")(shared(inputs)))), numbers(4)


def attention():
    """Composite layers, tied with their mask argument."""
    inputs = x = keras.Input((5, 4))
    shared = layers.MultiHeadAttention(2, 3, dropout=0.1, name="shared")
    for i in range(3):
        x = layers.LayerNormalization(name=f"norm_{i}")(x)
        x = layers.Add()([x, shared(x, x, use_causal_mask=i > 0)])
    return keras.Model(inputs, x), numbers(5, 4)


def normed():
    """Statistics: two BatchNorms (one called twice) and an adapted Normalization."""
    inputs = keras.Input((6, 6, 2))
    conv = layers.Conv2D(2, 3, padding="same", name="conv")
    norm, other = (layers.BatchNormalization(name=name) for name in ("norm", "other"))
    scaled = layers.Normalization(name="scaled")
    scaled.adapt(numbers(6, 6, 2, seed=5))
    return keras.Model(inputs, norm(other(conv(norm(conv(scaled(inputs))))))), numbers(6, 6, 2)


def sequential():
    """A Sequential that lists one layer twice: Keras' own file of it comes back wrong."""
    shared = dense("shared", activation="tanh")
    return keras.Sequential([keras.Input((4,)), shared, dense("own"), shared]), numbers(4)


def mixed():
    """float16 arithmetic on float32 weights."""
    inputs = keras.Input((6, 6, 2))
    conv = layers.Conv2D(2, 3, padding="same", dtype="mixed_float16", name="conv")
    head = dense("head", dtype="float32")
    return keras.Model(inputs, head(layers.Flatten()(conv(conv(inputs))))), numbers(6, 6, 2)


class Trained(keras.Model):
    """A functional model with methods of its own."""

    def train_step(self, data):
        return {"loss": keras.ops.zeros(())}


def own_class():
    inputs, shared = keras.Input((4,)), dense("shared")
    return Trained(inputs, shared(shared(inputs)), name="trained"), numbers(4)


BUILDERS = {
    build.__name__: build
    for build in (
        repeated,
        crossed,
        structured,
        operations,
        with_lambda,
        always_dropping,
        masked,
        nested,
        attention,
        normed,
        sequential,
        mixed,
        own_class,
    )
}


def make(name):
    """`(model, input)` with random weights."""
    model, inputs = BUILDERS[name]()
    return randomise(model), inputs
