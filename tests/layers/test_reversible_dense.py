"""ReversibleDense and Bias: an exact adjoint, one gradient, and good manners as Keras layers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import wszoo
from wszoo.layers import Bias, ReversibleDense


def integers(*shape, seed=0):
    """Small integers as floats: sums of their products are exact, so equal means equal."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype("float32")


def with_kernel(layer, shape, seed=7):
    layer.build((None, shape[0]))
    layer.kernel.assign(integers(*shape, seed=seed))
    return layer


@pytest.mark.parametrize("lead", [(2,), (2, 3), (2, 3, 4)])
def test_reverse_is_the_adjoint(lead):
    layer = with_kernel(ReversibleDense(5), (4, 5))
    x, z = integers(*lead, 4, seed=1), integers(*lead, 5, seed=2)
    forward, reverse = np.asarray(layer(x)), np.asarray(layer(z, reverse=True))
    assert forward.shape == z.shape
    assert reverse.shape == x.shape
    assert np.sum(forward * z) == np.sum(x * reverse)


def test_both_roles_are_dense_layers_with_the_same_weights():
    layer = with_kernel(ReversibleDense(5), (4, 5))
    kernel = np.asarray(layer.kernel)
    for width, weights, reverse in ((5, kernel, False), (4, kernel.T, True)):
        dense = keras.layers.Dense(width, use_bias=False)
        x = integers(3, weights.shape[0])
        dense.build(x.shape)
        dense.set_weights([weights])
        np.testing.assert_array_equal(layer(x, reverse=reverse), dense(x))


def autoencoder():
    inputs = keras.Input((4,))
    kernel = ReversibleDense(3, name="kernel")
    x = Bias(initializer="normal", name="bias")(kernel(inputs))
    return keras.Model(inputs, kernel(keras.ops.tanh(x), reverse=True))


def test_the_gradient_of_a_tied_kernel_is_the_sum_of_the_twins():
    tied = autoencoder()
    twin = wszoo.untied_twin(tied)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")

    def gradients(model):
        kernels = [w for w in model.trainable_weights if w.name == "kernel"]
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.square(model(x) - x))
        return tape.gradient(loss, [k.value for k in kernels])

    (one,), (first, second) = gradients(tied), gradients(twin)
    assert np.any(first) and np.any(second)
    np.testing.assert_allclose(one, first + second, rtol=1e-5, atol=1e-5)  # float32 sums


def test_config_round_trip():
    layer = ReversibleDense(
        5, input_dim=4, kernel_initializer="zeros", kernel_regularizer="l2", name="kernel"
    )
    again = ReversibleDense.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.units, again.input_dim, again.name) == (5, 4, "kernel")
    bias = Bias(initializer="ones", regularizer="l1")
    assert Bias.from_config(bias.get_config()).get_config() == bias.get_config()


def test_save_and_load(tmp_path):
    model, x = autoencoder(), integers(3, 4)
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(x), model(x))
    assert wszoo.plan_of(loaded).pattern == wszoo.plan_of(model).pattern == "ABA"


def test_regularizer_and_constraint_act_on_the_one_kernel():
    layer = ReversibleDense(3, kernel_regularizer="l1", kernel_constraint="non_neg")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, layer(layer(inputs), reverse=True))
    assert len(model.losses) == 1
    model.compile("sgd", "mse")
    model.fit(integers(8, 4), integers(8, 4, seed=1), verbose=0)
    assert np.all(np.asarray(layer.kernel) >= 0)


def test_mixed_precision():
    layer = ReversibleDense(3, dtype="mixed_float16")
    inputs = keras.Input((4,))
    outputs = Bias(dtype="mixed_float16")(layer(layer(inputs), reverse=True))
    model = keras.Model(inputs, outputs)
    assert layer.kernel.dtype == "float32"
    assert outputs.dtype == "float16"
    assert model(integers(2, 4)).dtype == tf.float16


@pytest.mark.parametrize("reverse", [False, True])
def test_symbolic_shapes_are_the_real_ones(reverse):
    layer = with_kernel(ReversibleDense(5), (4, 5))
    width = 5 if reverse else 4
    outputs = layer(keras.Input((None, width)), reverse=reverse)
    assert outputs.shape == (None, None, 9 - width)
    assert layer(integers(2, 3, width), reverse=reverse).shape == (2, 3, 9 - width)


def test_first_call_in_reverse_with_the_width_given():
    layer = ReversibleDense(5, input_dim=4)
    assert layer(integers(2, 5), reverse=True).shape == (2, 4)
    assert layer(integers(2, 4)).shape == (2, 5)


def test_masks_pass_through():
    tokens = keras.Input((3,), dtype="int32")
    x = keras.layers.Embedding(9, 4, mask_zero=True)(tokens)
    for layer in (ReversibleDense(4), Bias()):
        assert layer(x)._keras_mask is not None


def test_bias_adds_along_the_last_axis():
    layer, x = Bias(), integers(2, 3, 4)
    np.testing.assert_array_equal(layer(x), x)
    layer.bias.assign(integers(4, seed=1))
    np.testing.assert_array_equal(layer(x), x + integers(4, seed=1))
    assert layer.count_params() == 4


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: ReversibleDense(0), "units must be .* of at least 1; received 0"),
        (lambda: ReversibleDense(2.5), "units .* received 2.5"),
        (lambda: ReversibleDense(2, input_dim=-1), "input_dim .* received -1"),
        (lambda: ReversibleDense(5)(integers(2, 5), reverse=True), "input_dim="),
        (lambda: with_kernel(ReversibleDense(5), (4, 5))(integers(2, 5)), r"forward .* of 4;"),
        (
            lambda: with_kernel(ReversibleDense(5), (4, 5))(integers(2, 4), reverse=True),
            r"reverse .* of 5; .*\(2, 4\)",
        ),
        (
            lambda: with_kernel(ReversibleDense(5), (4, 5))(keras.Input((4,)), reverse=True),
            r"reverse .* of 5",
        ),
    ],
)
def test_mistakes_are_named(act, words):
    with pytest.raises(ValueError, match=words):
        act()
