"""More of foreign_graphs.py: nested and Sequential models, number formats, classes of one's own."""

import keras
from keras import layers, ops

from benchmarks.foreign.graphs import graph, normed, numbers, stir


@graph
def operations():
    """keras.ops, operators and slices between the calls of one layer."""
    inputs = keras.Input((4, 4), name="x")
    shared = layers.Dense(4, name="shared")
    x = ops.add(shared(inputs), 2 * inputs) - 1.0
    x = ops.concatenate([x, shared(x)[:, ::-1]], axis=1)
    x = ops.einsum("btc,bsc->bts", x, shared(x))
    parts = ops.split(ops.reshape(x, (-1, 8, 8)), 2, axis=-1)
    return keras.Model(inputs, [parts[1], ops.mean(parts[0], axis=(1, 2))]), {"x": numbers(4, 4)}


@graph
def with_lambda():
    inputs = keras.Input((6,), name="x")
    x = layers.Dense(6, name="a")(inputs)
    x = layers.Lambda(lambda value: value * 2.0 + 1.0, name="shift")(x)
    return keras.Model(inputs, layers.Dense(6, name="b")(x)), {"x": numbers(6)}


@graph
def nested():
    """A backbone model under a head, as `keras.applications` are used."""
    inside = keras.Input((12, 12, 3), name="image")
    x = normed(normed(normed(inside, 6, "conv_0"), 6, "conv_1"), 6, "conv_2")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    backbone = keras.Model(inside, x, name="backbone")
    inputs = keras.Input((12, 12, 3), name="photo")
    out = layers.Dense(3, name="head")(backbone(layers.Rescaling(2.0, -1.0, name="scale")(inputs)))
    return keras.Model(inputs, out), {"photo": numbers(12, 12, 3)}


@graph
def nested_shared():
    """Sharing inside a nested model, which stands in another one and is called twice."""
    inside = x = keras.Input((8,), name="row")
    shared = layers.Dense(8, activation="tanh", name="shared")
    for i in range(3):
        x = layers.Add(name=f"add_{i}")([x, shared(x)])
    core = keras.Model(inside, x, name="core")
    middle = keras.Input((8,), name="middle_row")
    h = layers.Dense(8, name="before")(middle)
    shell = keras.Model(middle, core(layers.Dense(8, name="between")(core(h))), name="shell")
    inputs = keras.Input((8,), name="x")
    return keras.Model(inputs, layers.Dense(2, name="out")(shell(inputs))), {"x": numbers(8)}


@graph
def sequential():
    stack = [keras.Input((12, 12, 1), name="image"), layers.Conv2D(4, 3, name="a")]
    stack += [layers.Conv2D(4, 3, name="b"), layers.Conv2D(4, 3, name="c")]
    stack += [layers.Flatten(name="flat"), layers.Dense(10, name="out")]
    model = keras.Sequential(stack)
    model.compile("adam", "mse")
    return model, {"image": numbers(12, 12, 1)}


@graph
def sequential_repeated():
    """A Sequential that lists one layer twice: Keras' own file of it comes back wrong."""
    shared = layers.Dense(6, activation="tanh", name="shared")
    stack = [keras.Input((6,), name="x"), shared, layers.Dense(6, name="own"), shared]
    return keras.Sequential(stack), {"x": numbers(6)}


def _convolutions(policy):
    inputs = x = keras.Input((12, 12, 3), name="image")
    for i in range(3):
        x = layers.Conv2D(3, 3, padding="same", activation="relu", dtype=policy, name=f"conv_{i}")(
            x
        )
    x = layers.GlobalAveragePooling2D(dtype=policy, name="pool")(x)
    return keras.Model(inputs, layers.Dense(4, dtype="float32", name="out")(x))


@graph
def mixed_float16():
    return _convolutions("mixed_float16"), {"image": numbers(12, 12, 3)}


@graph
def mixed_bfloat16():
    return _convolutions("mixed_bfloat16"), {"image": numbers(12, 12, 3)}


@graph
def float64():
    inputs = keras.Input((6,), dtype="float64", name="x")
    x = layers.Dense(6, dtype="float64", name="b")(
        layers.Dense(6, dtype="float64", name="a")(inputs)
    )
    return keras.Model(inputs, x), {"x": numbers(6).astype("float64")}


def _quantised(mode):
    inputs = keras.Input((16,), name="x")
    x = layers.Dense(16, activation="relu", name="a")(inputs)
    x = layers.Dense(16, activation="relu", name="b")(x)
    model = stir(keras.Model(inputs, layers.Dense(4, name="out")(x)))
    model.quantize(mode)
    return model


@graph
def quantised_int8():
    return _quantised("int8"), {"x": numbers(16)}


@graph
def quantised_int4():
    return _quantised("int4"), {"x": numbers(16)}


@keras.saving.register_keras_serializable("foreign")
class Gated(layers.Layer):
    """A layer of one's own, with sub-layers, a weight and a config."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.gate, self.value = layers.Dense(units, activation="sigmoid"), layers.Dense(units)

    def build(self, input_shape):
        self.gate.build(input_shape)
        self.value.build(input_shape)
        self.size = self.add_weight(shape=(), initializer="ones", name="size")

    def call(self, x):
        return self.size * self.gate(x) * self.value(x)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@graph
def own_layer():
    inputs = keras.Input((8,), name="x")
    x = Gated(8, name="gated_1")(Gated(8, name="gated_0")(inputs))
    return keras.Model(inputs, layers.Dense(2, name="out")(x)), {"x": numbers(8)}


class Unconfigured(layers.Layer):
    """A layer whose config does not rebuild it: it takes no `name`, and has no `get_config`."""

    def __init__(self, units):
        super().__init__()
        self.inner = layers.Dense(units)

    def call(self, x):
        return ops.relu(self.inner(x))


@graph
def layer_without_config():
    inputs = keras.Input((8,), name="x")
    x = Unconfigured(8)(Unconfigured(8)(inputs))
    return keras.Model(inputs, layers.Dense(2, name="out")(x)), {"x": numbers(8)}


@keras.saving.register_keras_serializable("foreign")
class Transposed(layers.Layer):
    """Holds the kernel of another layer: one variable, two layers."""

    def __init__(self, other, **kwargs):
        super().__init__(**kwargs)
        self.other = other

    def call(self, x):
        return ops.matmul(x, ops.transpose(self.other.kernel))

    def get_config(self):
        return {**super().get_config(), "other": keras.saving.serialize_keras_object(self.other)}


@graph
def one_variable_two_layers():
    inputs, encoder = keras.Input((8,), name="x"), layers.Dense(5, activation="relu", name="code")
    x = Transposed(encoder, name="decoder")(encoder(inputs))
    return keras.Model(inputs, layers.Dense(2, name="out")(x)), {"x": numbers(8)}


@keras.saving.register_keras_serializable("foreign")
class Trained(keras.Model):
    """A functional model with a training step of its own."""

    def train_step(self, data):
        return {"loss": ops.zeros(())}


@graph
def own_model_class():
    inputs, shared = keras.Input((4,), name="x"), layers.Dense(4, name="shared")
    x = layers.Dense(4, name="b")(layers.Dense(4, name="a")(shared(shared(inputs))))
    return Trained(inputs, x, name="trained"), {"x": numbers(4)}


@keras.saving.register_keras_serializable("foreign")
class Subclassed(keras.Model):
    """A model without a graph."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.first, self.second = layers.Dense(4), layers.Dense(4)

    def call(self, x):
        return self.second(self.first(x))


@graph
def subclassed():
    model = Subclassed()
    model(numbers(4))
    return model, {"x": numbers(4)}
