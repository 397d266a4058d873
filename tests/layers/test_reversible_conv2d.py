"""ReversibleConv2D: reverse is the exact adjoint of forward, and gives every size back."""

import itertools

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_reversible_dense import integers

import wszoo
from wszoo.layers import Bias, ReversibleConv2D


def built(filters=3, kernel=3, channels=2, **kwargs):
    layer = ReversibleConv2D(filters, kernel, input_channels=channels, **kwargs)
    layer.build((None, None, None, channels))
    layer.kernel.assign(integers(*layer.kernel.shape, seed=7))
    return layer


GEOMETRY = list(itertools.product(range(1, 6), range(1, 4), ("same", "valid"), (5, 6, 7, 8)))
ROLES = sorted({geometry[:3] for geometry in GEOMETRY})


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), GEOMETRY)
def test_reverse_is_the_adjoint(kernel, stride, padding, size):
    """In integers, so exactly; rows and columns differ, so that no axis is mixed up."""
    rows, columns = size, size + 1
    layer = built(kernel=(kernel, max(1, kernel - 1)), strides=stride, padding=padding)
    x = integers(2, rows, columns, 2, seed=1)
    forward = np.asarray(layer(x))
    z = integers(*forward.shape, seed=2)
    reverse = np.asarray(layer(z, reverse=True, output_size=(rows, columns)))
    assert reverse.shape == x.shape
    assert np.sum(forward * z) == np.sum(x * reverse)


@pytest.mark.parametrize(("kernel", "stride", "padding"), ROLES)
def test_both_roles_are_the_layers_of_keras(kernel, stride, padding):
    layer = built(kernel=kernel, strides=stride, padding=padding)
    spec = {"strides": stride, "padding": padding, "use_bias": False}
    conv = keras.layers.Conv2D(3, kernel, **spec)
    transposed = keras.layers.Conv2DTranspose(2, kernel, **spec)
    x, z = integers(2, 7, 6, 2), integers(2, 4, 3, 3)
    for other, values, reverse in ((conv, x, False), (transposed, z, True)):
        other.build(values.shape)
        other.set_weights([np.asarray(layer.kernel).copy()])
        np.testing.assert_array_equal(layer(values, reverse=reverse), other(values))


@pytest.mark.parametrize(("kernel", "stride", "padding"), ROLES)
def test_without_output_size_reverse_gives_a_size_that_forward_maps_back(kernel, stride, padding):
    layer = built(kernel=kernel, strides=stride, padding=padding)
    z = integers(1, 4, 3, 3)
    back = layer(z, reverse=True)
    assert layer(back).shape == z.shape
    if padding == "same":
        assert back.shape[1:3] == (4 * stride, 3 * stride)


@pytest.mark.parametrize(("kernel", "stride", "padding", "size"), GEOMETRY[::3])
def test_symbolic_shapes_are_the_real_ones(kernel, stride, padding, size):
    layer = built(kernel=kernel, strides=stride, padding=padding)
    x = integers(2, size, size + 1, 2)
    forward = layer(keras.Input(x.shape[1:]))
    assert forward.shape[1:] == layer(x).shape[1:]
    z = integers(2, *forward.shape[1:])
    for output_size in (None, (size, size + 1)):
        spec = layer(keras.Input(z.shape[1:]), reverse=True, output_size=output_size)
        assert spec.shape[1:] == layer(z, reverse=True, output_size=output_size).shape[1:]


def test_sizes_known_when_the_model_runs():
    inputs = keras.Input((None, None, 2))
    layer = ReversibleConv2D(3, 3, strides=2)
    model = keras.Model(inputs, layer(layer(inputs), reverse=True))
    assert model.output_shape == (None, None, None, 2)
    assert model(integers(1, 6, 8, 2)).shape == (1, 6, 8, 2)
    assert model.predict(integers(1, 4, 6, 2), verbose=0).shape == (1, 4, 6, 2)
    fixed = keras.Model(inputs, layer(layer(inputs), reverse=True, output_size=(5, 7)))
    assert fixed(integers(1, 5, 7, 2)).shape == (1, 5, 7, 2)
    assert fixed.predict(integers(1, 5, 7, 2), verbose=0).shape == (1, 5, 7, 2)


def autoencoder(size=(7, 9), **kwargs):
    inputs = keras.Input((*size, 2))
    layer = ReversibleConv2D(3, 3, strides=2, name="kernel", **kwargs)
    x = keras.ops.tanh(Bias(name="bias", **kwargs)(layer(inputs)))
    return keras.Model(inputs, layer(x, reverse=True, output_size=size))


def test_the_gradient_of_a_tied_kernel_is_the_sum_of_the_twins():
    tied = autoencoder()
    twin = wszoo.untied_twin(tied)
    x = np.random.default_rng(0).normal(size=(2, 7, 9, 2)).astype("float32")

    def gradients(model):
        kernels = [w for w in model.trainable_weights if w.name == "kernel"]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x) - x))
        return tape.gradient(loss, [k.value for k in kernels])

    (one,), (first, second) = gradients(tied), gradients(twin)
    assert np.any(first) and np.any(second)
    np.testing.assert_allclose(one, first + second, rtol=1e-5, atol=1e-6)  # float32 sums


def test_config_round_trip():
    layer = ReversibleConv2D(
        3, (3, 2), strides=(2, 1), padding="valid", input_channels=4, kernel_regularizer="l2"
    )
    again = ReversibleConv2D.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.kernel_size, again.strides, again.padding) == ((3, 2), (2, 1), "valid")


def test_save_and_load(tmp_path):
    model, x = autoencoder(), integers(2, 7, 9, 2)
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
    assert wszoo.plan_of(loaded).pattern == "ABA"


def test_mixed_precision():
    model = autoencoder(dtype="mixed_float16")
    assert model.get_layer("kernel").kernel.dtype == "float32"
    assert model.output.dtype == "float16"
    assert model(integers(1, 7, 9, 2)).dtype == tf.float16


def test_first_call_in_reverse_with_the_channels_given():
    layer = ReversibleConv2D(3, 2, input_channels=2)
    assert layer(integers(1, 4, 4, 3), reverse=True).shape == (1, 4, 4, 2)
    assert layer(integers(1, 4, 4, 2)).shape == (1, 4, 4, 3)


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (
            lambda: ReversibleConv2D(0, 3),
            "filters must be .* of at least 1; received 0",
        ),
        (lambda: ReversibleConv2D(3, 0), "kernel_size .* received 0"),
        (lambda: ReversibleConv2D(3, (3, 3, 3)), r"kernel_size .* received \(3, 3, 3\)"),
        (lambda: ReversibleConv2D(3, 2.5), "kernel_size .* received 2.5"),
        (lambda: ReversibleConv2D(3, "33"), "kernel_size .* received the text '33'"),
        (lambda: ReversibleConv2D(3, 3, strides=-1), "strides .* received -1"),
        (lambda: ReversibleConv2D(3, 3, padding="full"), "same, valid; received 'full'"),
        (lambda: ReversibleConv2D(3, 3, input_channels=0), "input_channels .* received 0"),
        (lambda: ReversibleConv2D(3, 3)(integers(1, 4, 4, 3), reverse=True), "input_channels="),
        (lambda: built()(integers(1, 4, 4, 3)), r"forward wants .* 2\); .*\(1, 4, 4, 3\)"),
        (lambda: built()(integers(1, 4, 4, 2), reverse=True), r"reverse wants .* 3\)"),
        (lambda: built()(integers(4, 4, 2)), r"wants \(batch, rows, columns, 2\)"),
        (lambda: built()(integers(1, 4, 4, 2), output_size=(4, 4)), "reverse call alone"),
        (
            lambda: built(strides=2)(integers(1, 4, 4, 3), reverse=True, output_size=(8, 9)),
            r"output_size=\(8, 9\): forward maps 9 to 5 along axis 2, and the input has 4",
        ),
        (
            lambda: built()(integers(1, 4, 4, 3), reverse=True, output_size=(0, 4)),
            "output_size .* received 0",
        ),
    ],
)
def test_mistakes_are_named(act, words):
    with pytest.raises(ValueError, match=words):
        act()
