"""LiteRT files store every weight once and agree with Keras: the zoo's models and others."""

import keras
import numpy as np
import pytest
from keras import ops

import wszoo
from wszoo.export import flatbuffer, parity
from wszoo.export.inspect import inspect_tflite
from wszoo.export.litert import convert, litert

PRECISIONS = ["float32", "float16", "dynamic_int8"]
SLACK = 64 * 1024  # bytes for graph and metadata


def export(model, folder, precision):
    """Exports, and holds the file to the law: each weight once, and the same numbers."""
    stir(model)
    made = litert(model, folder / "model.tflite", precision)
    assert made.file_bytes == made.path.stat().st_size
    assert made.file_bytes <= 1.05 * made.stored_bytes + SLACK
    assert not made.sharing.left
    assert inspect_tflite(made.path).ratio == 1.0
    return made


def stir(model):
    """Moves every weight a little, so that no bias is a row of zeros that the converter drops."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        some = 0.1 * rng.random(weight.shape, "float32")
        weight.assign(weight * (1 + some) + (some if len(weight.shape) == 1 else 0))


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


OTHERS = {
    "transpose": lambda: tied_dense("transpose"),
    "transpose_b": lambda: tied_dense("transpose_b"),
    "einsum": lambda: tied_dense("einsum"),
    "holder": held,
    "conv": tied_conv,
    "six_calls": called_six_times,
    "pyramid": pyramid,
    "pyramid_bias": lambda: pyramid(use_bias=True),
    "embedding": tied_embedding,
}


def test_the_registry_is_what_is_tested_here():
    assert {"tied_ae", "tied_conv_ae", "conv_net"} <= set(wszoo.list_models())


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", wszoo.list_models())
def test_registered_models_store_each_weight_once(name, precision, tmp_path):
    keras.utils.set_random_seed(0)
    export(wszoo.get(name), tmp_path, precision)


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", OTHERS)
def test_hand_written_models_store_each_weight_once(name, precision, tmp_path):
    keras.utils.set_random_seed(0)
    export(OTHERS[name](), tmp_path, precision)


@pytest.mark.parametrize("name", ["transpose", "conv", "pyramid"])
def test_the_stock_converter_stores_copies(name):
    """If this fails the converter has learnt to share, and the pass may go."""
    stock = inspect_tflite(convert(OTHERS[name](), shareable=False))
    shared = inspect_tflite(convert(OTHERS[name]()))
    assert stock.ratio > 1.5 or stock.stored_bytes > 2 * shared.stored_bytes


def test_names_and_a_free_batch_dimension(tmp_path):
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    dense = keras.layers.Dense(3, name="dense")
    total = keras.layers.Add(name="total")([dense(a), b])
    model = keras.Model({"a": a, "b": b}, {"sum": total, "same": dense(b)})
    data = litert(model, tmp_path / "m.tflite").path.read_bytes()
    for batch in (1, 5):
        x = {k: np.random.default_rng(i).random((batch, 3), "float32") for i, k in enumerate("ab")}
        got, wanted = parity.run(data, x), model(x)
        np.testing.assert_allclose(got["total"], wanted["sum"], rtol=1e-5)
        np.testing.assert_allclose(got["dense"], wanted["same"], rtol=1e-5)


def test_a_loop_wants_a_fixed_batch(tmp_path):
    inputs = keras.Input((5, 32), name="x")
    model = keras.Model(inputs, keras.layers.GRU(64)(inputs))
    with pytest.raises(ValueError, match="batch=1"):
        litert(model, tmp_path / "m.tflite")
    made = litert(model, tmp_path / "m.tflite", batch=1)
    assert made.file_bytes <= 1.05 * made.stored_bytes + SLACK


def test_int8_has_a_scale_a_channel_where_nothing_is_transposed(tmp_path):
    def scales(model):
        data = flatbuffer.read(litert(model, tmp_path / "m", "dynamic_int8").path.read_bytes())
        kinds = [t.quantization for t in data.subgraphs[0].tensors]
        return max(len(q.scale) for q in kinds if q is not None and q.scale is not None)

    assert scales(called_six_times()) == 256
    assert scales(tied_dense("transpose")) == 1


def test_outputs_kept_for_the_conversion_alone_are_gone():
    model = pyramid()
    outputs = parity.run(convert(model), parity.random_inputs(model))
    assert sorted(outputs) == ["level_0", "level_1", "level_2"]


def test_a_difference_above_the_bound_writes_nothing(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(b"what stood here")
    with pytest.raises(ValueError, match=r"differs from Keras by .* Nothing was written"):
        litert(called_six_times(), path, "dynamic_int8", bound=1e-9)
    assert path.read_bytes() == b"what stood here"
    assert [p.name for p in tmp_path.iterdir()] == ["m.tflite"]


def test_what_cannot_be_exported_is_said(tmp_path):
    with pytest.raises(ValueError, match="'int4'"):
        litert(called_six_times(), tmp_path / "m", "int4")

    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="graph"):
        litert(Subclassed(), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_a_relative_error_is_infinite_where_values_are_missing():
    one = {"y": np.ones(3)}
    assert parity.relative_error(one, {"y": np.full(3, 1.5)}) == pytest.approx(1 / 3)
    assert parity.relative_error({"y": np.array([1, np.nan, 1])}, one) == np.inf
    assert parity.relative_error({"z": np.ones(3)}, one) == np.inf
