"""Local layers: what loops compute, exactly; a convolution at one end, Keras 2's at the other."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from local_reference import integers, local_reference

import wszoo
from wszoo.layers import LocallyConnected1D, LocallyConnected2D, connections


def filled(layer, shape, seed=3):
    layer.build((None, *shape))
    for i, weight in enumerate(layer.weights):
        weight.assign(integers(*weight.shape, seed=seed + i))
    return layer


# No kernel of one pixel with strides: TensorFlow 2.21's own conv2d gradient then writes out of
# bounds on a CPU (kernel 1 × 1, strides (2, 1), "SAME").
GEOMETRY = [
    ((3, 2), (1, 1), "valid", (6, 8)),
    ((3, 2), (2, 1), "same", (7, 5)),
    ((3, 2), (2, 3), "circular", (6, 8)),
    ((2, 3), (1, 1), "same", (7, 5)),
    ((2, 3), (2, 1), "circular", (7, 5)),
    ((2, 3), (2, 3), "valid", (6, 8)),
    ((4, 4), (1, 1), "circular", (4, 6)),
    ((4, 4), (2, 1), "valid", (6, 8)),
    ((4, 4), (2, 3), "same", (6, 8)),
]


def tilings(layer, shape):
    """Every position its own, one tile, and two tilings between where the numbers allow."""
    counts = layer.compute_output_shape((None, *shape))[1:3]
    divisors = [[d for d in range(1, n + 1) if n % d == 0] for n in counts]
    middle = tuple(d[len(d) // 2] for d in divisors)
    return {None, (1, 1), middle, (divisors[0][-1], 1)}


@pytest.mark.parametrize(("training", "widest"), [(True, 64), (True, 0), (False, 64)])
@pytest.mark.parametrize(("kernel", "strides", "padding", "size"), GEOMETRY)
def test_outputs_and_gradients_are_those_of_loops(
    kernel, strides, padding, size, training, widest, monkeypatch
):
    """In whole numbers, so exactly; a gradient is held to be the functional that it stands for."""
    monkeypatch.setattr(connections, "WIDEST_BAND", widest)
    shape, spec = (*size, 2), {"strides": strides, "padding": padding}
    x, other = integers(3, *shape, seed=1), integers(3, *shape, seed=2)
    for tiles in tilings(LocallyConnected2D(3, kernel, **spec), shape):
        layer = filled(LocallyConnected2D(3, kernel, tiles=tiles, **spec), shape)

        def loops(x, kernel_values, bias_values, tiles=tiles):
            return local_reference(x, kernel_values, bias_values, kernel, strides, padding, tiles)

        values, bias = (np.array(w) for w in layer.weights)
        with tf.GradientTape() as tape:
            inputs = tf.constant(x)
            tape.watch(inputs)
            y = layer(inputs, training=training)
            z = integers(*y.shape, seed=9)
            loss = tf.reduce_sum(y * z)
        by_x, by_kernel, by_bias = tape.gradient(loss, [inputs, *(w.value for w in layer.weights)])
        np.testing.assert_array_equal(y, loops(x, values, bias))
        assert layer.compute_output_shape(x.shape) == y.shape
        assert np.sum(by_x * other) == np.sum(loops(other, values, None) * z)
        kernel_other = integers(*values.shape, seed=5)
        assert np.sum(by_kernel * kernel_other) == np.sum(loops(x, kernel_other, None) * z)
        bias_other = integers(*bias.shape, seed=6)
        assert np.sum(by_bias * bias_other) == np.sum(loops(0 * x, values, bias_other) * z)


@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize("strides", [1, 2])
def test_one_tile_is_the_convolution_bit_for_bit(strides, padding):
    x = np.random.default_rng(0).normal(size=(4, 9, 8, 3)).astype("float32")
    conv = keras.layers.Conv2D(5, 3, strides=strides, padding=padding, bias_initializer="normal")
    layer = LocallyConnected2D(5, 3, strides=strides, padding=padding, tiles=1)
    for one in (conv, layer):
        one.build(x.shape)
    kernel, bias = conv.get_weights()
    layer.set_weights([kernel.reshape(layer.kernel.shape), bias.reshape(layer.bias.shape)])
    np.testing.assert_array_equal(layer(x), conv(x))


@pytest.mark.parametrize("tiles", [1, (2, 1), (2, 4), None])
def test_equal_kernels_in_every_tile_are_a_convolution(tiles):
    layer = filled(LocallyConnected2D(3, 3, padding="circular", tiles=tiles), (4, 8, 2))
    for weight in layer.weights:
        first = np.asarray(weight).reshape(-1, *weight.shape[-2 + (weight is layer.bias) :])[0]
        weight.assign(np.broadcast_to(first, weight.shape))
    x = integers(2, 4, 8, 2)
    shared = LocallyConnected2D(3, 3, padding="circular", tiles=1)
    shared.build(x.shape)
    shared.set_weights([layer.kernel[:1], layer.bias[:1, :1]])
    np.testing.assert_array_equal(layer(x), shared(x))


@pytest.mark.parametrize("shift", [(1, 0), (0, 3), (2, 5)])
def test_a_circular_convolution_moves_with_its_input_and_its_local_twin_does_not(shift):
    x = integers(2, 6, 8, 2)
    moved = np.roll(x, shift, (1, 2))
    for tiles in (1, (2, 2), None):
        layer = filled(LocallyConnected2D(3, 3, padding="circular", tiles=tiles), x.shape[1:])
        wanted, got = np.roll(layer(x), shift, (1, 2)), np.asarray(layer(moved))
        assert np.array_equal(got, wanted) == (tiles == 1)


@pytest.mark.parametrize("padding", ["valid", "same", "circular"])
@pytest.mark.parametrize("tiles", [None, 1, 2])
@pytest.mark.parametrize("training", [True, False])
def test_one_dimension_is_two_with_one_row(padding, tiles, training):
    spec = {"padding": padding, "activation": "relu"}
    line = filled(LocallyConnected1D(3, 3, tiles=tiles, **spec), (10, 2))
    count = line.compute_output_shape((None, 10, 2))[1] if tiles is None else tiles
    plane = LocallyConnected2D(3, (1, 3), tiles=(1, count), **spec)
    plane.build((None, 1, 10, 2))
    plane.set_weights([line.kernel, line.bias[None]])
    x = integers(2, 10, 2)
    wanted = plane(x[:, None], training=training)[:, 0]
    np.testing.assert_array_equal(line(x, training=training), wanted)


@pytest.mark.parametrize("activation", ["softmax", "relu", None])
@pytest.mark.parametrize("bias", [True, False])
def test_training_computes_what_inference_does(activation, bias):
    """Also where an activation looks at all filters, which then must stand last."""
    spec = {"activation": activation, "use_bias": bias}
    for tiles in (None, 2):
        layer = filled(LocallyConnected2D(3, 3, tiles=tiles, **spec), (6, 8, 2))
        x = 0.1 * integers(4, 6, 8, 2)
        np.testing.assert_allclose(layer(x, training=True), layer(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tiles", [None, (2, 2), 1])
def test_training_with_batches_of_two_sizes(tiles):
    """Warnings are errors: Keras' own gather would warn of gradients of unknown size."""
    inputs = keras.Input((8, 8, 1))
    x = LocallyConnected2D(4, 3, padding="same", activation="relu", tiles=tiles)(inputs)
    x = LocallyConnected2D(4, 3, strides=2, padding="same", tiles=tiles)(x)
    model = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    model.compile(keras.optimizers.Adam(0.01), "mse")
    x, y = np.random.default_rng(0).uniform(size=(10, 8, 8, 1)), np.ones((10, 4))
    losses = model.fit(x, y, batch_size=4, epochs=5, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_config_round_trip_and_file(tmp_path):
    inputs = keras.Input((9, 9, 2))
    layer = LocallyConnected2D(
        4, (3, 2), (2, 1), "same", activation="relu", use_bias=False,
        kernel_regularizer="l2", kernel_constraint="non_neg", tiles=(5, 3),
    )  # fmt: skip
    model = keras.Model(inputs, LocallyConnected2D(2, 2)(layer(inputs)))
    again = LocallyConnected2D.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.tiles, again.strides, again.padding) == ((5, 3), (2, 1), "same")
    wszoo.save(model, tmp_path / "model.keras")
    x = integers(2, 9, 9, 2)
    np.testing.assert_array_equal(wszoo.load(tmp_path / "model.keras")(x), model(x))
    assert len(model.losses) == 1


def test_mixed_precision():
    layer = LocallyConnected2D(3, 3, tiles=2, dtype="mixed_float16")
    y = layer(integers(1, 6, 6, 2))
    assert (layer.kernel.dtype, y.dtype) == ("float32", tf.float16)
    assert layer(keras.Input((6, 6, 2))).dtype == "float16"


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal", "lecun_uniform"])
def test_every_tiling_starts_like_a_convolution(initializer):
    shape = (18, 18, 8)
    conv = keras.layers.Conv2D(32, 3, kernel_initializer=initializer)
    conv.build((None, *shape))
    wanted = np.std(conv.kernel)
    for tiles in (None, 4, 1):
        layer = LocallyConnected2D(32, 3, kernel_initializer=initializer, tiles=tiles)
        layer.build((None, *shape))
        assert np.std(layer.kernel) == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize("bias", [True, False])
def test_the_audit_counts_a_convolution_against_its_local_twin(bias):
    def found(layer):
        inputs = keras.Input((6, 9, 2))
        return wszoo.audit(keras.Model(inputs, layer(inputs)))

    spec = {"use_bias": bias}
    local = found(LocallyConnected2D(3, 3, **spec))
    for layer, groups in (
        (keras.layers.Conv2D(3, 3, **spec), 1),
        (LocallyConnected2D(3, 3, tiles=1, **spec), 1),
        (LocallyConnected2D(3, 3, tiles=(2, 7), **spec), 14),
        (LocallyConnected2D(3, 3, **spec), 28),
    ):
        audit = found(layer)
        (row,) = audit.inner
        assert (row.sites, row.groups, row.parameters) == (28, groups, layer.count_params())
        assert audit.inner_unrolled_parameters == local.stored_parameters == 28 * (54 + 3 * bias)
    assert LocallyConnected2D(3, 3).inner_sharing() is None


def called(*shape, **kwargs):
    return LocallyConnected2D(3, 3, **kwargs)(keras.Input(shape))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (
            lambda: LocallyConnected2D(0, 3),
            "filters must be .* of at least 1; received 0",
        ),
        (lambda: LocallyConnected2D(3, (3, 3, 3)), "kernel_size must be one or 2 positive"),
        (
            lambda: LocallyConnected1D(3, (3, 3)),
            "kernel_size must be a positive integer, not",
        ),
        (lambda: LocallyConnected2D(3, 3, 0), "strides .* received 0"),
        (lambda: LocallyConnected2D(3, 3, tiles=(2, 0)), r"tiles .* received 0"),
        (lambda: LocallyConnected2D(3, 3, tiles=True), "tiles .* received True"),
        (
            lambda: LocallyConnected2D(3, 3, padding="full"),
            "circular; received 'full'",
        ),
        (lambda: LocallyConnected2D(3, 3, data_format="channels_first"), "channels_last"),
        (lambda: called(8, 8, 1, tiles=(2, 4)), r"\(2, 4\) .*\(6, 6\).* axis 2, .* 1, 2, 3, 6 t"),
        (lambda: called(2, 8, 1), r"a kernel of \(3, 3\) does not fit .*\(2, 8\)"),
        (lambda: called(2, 8, 1, padding="circular"), "does not fit"),
        (lambda: called(8, 8), r"\(batch, rows, columns, channels\).*\(None, 8, 8\)"),
        (lambda: called(None, 8, 1), r"known sizes; received the shape \(None, None, 8, 1\)"),
        (lambda: LocallyConnected1D(3, 3)(keras.Input((8, 8, 1))), r"\(batch, steps, channels\)"),
        (
            lambda: filled(LocallyConnected2D(3, 3), (6, 6, 1))(integers(1, 7, 6, 1)),
            "expected axis",
        ),
    ],
)
def test_mistakes_are_named(act, words):
    with pytest.raises(ValueError, match=words):
        act()
