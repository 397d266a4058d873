"""TimeSharedRNN: Keras' own layer in one group, a cell a step in the twin, a plan in between."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import wszoo
from wszoo.layers import TimeSharedRNN
from wszoo.layers.time_shared_rnn import CELLS

every_cell = pytest.mark.parametrize("cell", CELLS)
STEPS, FEATURES, UNITS = 6, 3, 4


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.5, shape).astype("float32")


def made(layer, steps=STEPS):
    """Built, with every weight random: Keras' zero biases would hide a bias that is not used."""
    layer.build((None, steps, FEATURES))
    layer.set_weights([random(*w.shape, seed=i) for i, w in enumerate(layer.weights)])
    return layer


def by_hand(layer, plan, x):
    """The recurrence written out with NumPy; the weights of step t are those of group plan[t]."""
    weights = np.array_split(np.array(layer.get_weights(), dtype=object), len(layer.groups))
    states = [np.zeros((len(x), UNITS))] * (2 if layer.cell == "lstm" else 1)
    outputs = []
    for t in range(x.shape[1]):
        kernel, recurrent, bias = weights[plan[t]]
        states = STEP[layer.cell](x[:, t], states, kernel, recurrent, bias)
        outputs.append(states[0])
    return np.stack(outputs, axis=1)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def simple(x, states, kernel, recurrent, bias):
    return [np.tanh(x @ kernel + states[0] @ recurrent + bias)]


def gru(x, states, kernel, recurrent, bias):
    z, r, new = np.split(x @ kernel + bias[0], 3, axis=1)
    h_z, h_r, h_new = np.split(states[0] @ recurrent + bias[1], 3, axis=1)
    z, r = sigmoid(z + h_z), sigmoid(r + h_r)
    return [z * states[0] + (1 - z) * np.tanh(new + r * h_new)]


def lstm(x, states, kernel, recurrent, bias):
    i, f, new, o = np.split(x @ kernel + states[0] @ recurrent + bias, 4, axis=1)
    carry = sigmoid(f) * states[1] + sigmoid(i) * np.tanh(new)
    return [sigmoid(o) * np.tanh(carry), carry]


STEP = {"simple": simple, "gru": gru, "lstm": lstm}


@every_cell
@pytest.mark.parametrize("sequences", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_one_group_is_keras_own_layer(cell, sequences, backwards):
    settings = {"return_sequences": sequences, "go_backwards": backwards}
    layer = made(TimeSharedRNN(UNITS, cell=cell, **settings))
    theirs = CELLS[cell](UNITS, **settings)
    theirs.build((None, STEPS, FEATURES))
    theirs.set_weights(layer.get_weights())
    for steps in (1, STEPS, 11):  # any number of steps
        x = tf.constant(random(2, steps, FEATURES))
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(x)
            values = [call(x) for call in (layer, theirs)]
            losses = [tf.reduce_sum(tf.sin(value)) for value in values]
        np.testing.assert_allclose(*values, atol=1e-5)
        for loss, owner in zip(losses, (layer, theirs), strict=True):
            assert tape.gradient(loss, x) is not None, owner
        np.testing.assert_allclose(*(tape.gradient(loss, x) for loss in losses), atol=1e-5)
        ours = tape.gradient(losses[0], [w.value for w in layer.weights])
        for one, other in zip(
            ours, tape.gradient(losses[1], [w.value for w in theirs.weights]), strict=True
        ):
            assert np.any(one) or steps == 1  # one step has no use for the recurrent kernel
            np.testing.assert_allclose(one, other, atol=1e-5)


@every_cell
@pytest.mark.parametrize("unroll", [False, True])
@pytest.mark.parametrize(
    ("steps", "plan"),
    [
        ("ABCDEF", [0, 1, 2, 3, 4, 5]),
        ("AABBBA", [0, 0, 1, 1, 1, 0]),
        ("ABABAB", [0, 1, 0, 1, 0, 1]),
        ("BBAABB", [0, 0, 1, 1, 0, 0]),
        ("AAAAAA", [0] * 6),
        (4, [0, 0, 1, 2, 2, 3]),
        (1, [0] * 6),
    ],
)
def test_the_weights_of_a_step_are_those_of_its_group(cell, unroll, steps, plan):
    layer = made(TimeSharedRNN(UNITS, cell=cell, steps=steps, return_sequences=True, unroll=unroll))
    assert len(layer.groups) == max(plan) + 1
    x = random(2, STEPS, FEATURES)
    np.testing.assert_allclose(layer(x), by_hand(layer, plan, x), atol=1e-5)


@every_cell
def test_the_gradient_of_a_group_is_the_sum_over_its_steps(cell):
    tied = made(TimeSharedRNN(UNITS, cell=cell, steps="ABBA"), 4)
    twin = made(TimeSharedRNN(UNITS, cell=cell, steps="ABCD"), 4)
    a, b = np.array_split(np.array(tied.get_weights(), dtype=object), 2)
    twin.set_weights([*a, *b, *b, *a])
    x = random(2, 4, FEATURES)

    def gradients(layer):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(tf.sin(layer(x)))
        return tape.gradient(loss, [w.value for w in layer.weights])

    np.testing.assert_allclose(tied(x), twin(x), atol=1e-6)
    mine, theirs = gradients(tied), gradients(twin)
    for i in range(len(a)):
        n = len(a)
        np.testing.assert_allclose(mine[i], theirs[i] + theirs[3 * n + i], atol=1e-5)
        np.testing.assert_allclose(mine[n + i], theirs[n + i] + theirs[2 * n + i], atol=1e-5)
        assert np.any(mine[i]) and np.any(mine[n + i])


def test_a_shorter_input_uses_the_first_labels_and_backwards_runs_from_the_end():
    layer = made(TimeSharedRNN(UNITS, steps="ABCABC", return_sequences=True))
    x = random(2, 4, FEATURES)
    np.testing.assert_allclose(layer(x), by_hand(layer, [0, 1, 2, 0], x), atol=1e-5)
    back = made(TimeSharedRNN(UNITS, steps="ABCABC", return_sequences=True, go_backwards=True))
    x = random(2, STEPS, FEATURES)
    np.testing.assert_allclose(back(x), by_hand(back, [0, 1, 2, 0, 1, 2], x[:, ::-1]), atol=1e-5)


def test_groups_start_apart_as_kerass_own_layers_do():
    layer = TimeSharedRNN(UNITS, cell="lstm", steps="AB")
    layer.build((None, 2, FEATURES))
    (kernel, recurrent, bias), (other, *_) = np.array_split(
        np.array(layer.get_weights(), dtype=object), 2
    )
    assert not np.array_equal(kernel, other)
    np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(UNITS), atol=1e-5)  # orthogonal
    assert np.sum(bias) == UNITS  # ones at the forget gate


def test_reset_before_use_bias_and_activations_are_kerass():
    settings = {
        "reset_after": False,
        "use_bias": False,
        "activation": "relu",
        "recurrent_activation": "hard_sigmoid",
    }
    layer = made(TimeSharedRNN(UNITS, steps="AAAAAA", **settings))
    theirs = keras.layers.GRU(UNITS, **settings)
    theirs.build((None, STEPS, FEATURES))
    theirs.set_weights(layer.get_weights())
    x = random(2, STEPS, FEATURES)
    np.testing.assert_allclose(layer(x), theirs(x), atol=1e-5)


@every_cell
def test_config_round_trip(cell):
    layer = TimeSharedRNN(
        UNITS,
        cell=cell,
        steps="ABA",
        kernel_regularizer="l2",
        recurrent_initializer="zeros",
        return_sequences=True,
        go_backwards=True,
        unroll=True,
    )
    again = TimeSharedRNN.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    for one in (layer, again):
        one.build((None, 3, FEATURES))
    assert len(again.groups) == 2 and len(again.losses) == len(layer.losses) == 2


@every_cell
def test_save_and_load_train_and_symbolic_shapes(cell, tmp_path):
    inputs = keras.Input((STEPS, FEATURES))
    x = TimeSharedRNN(UNITS, cell=cell, steps="AABBAA", return_sequences=True, name="one")(inputs)
    assert x.shape == (None, STEPS, UNITS)
    outputs = TimeSharedRNN(UNITS, cell=cell, steps=3, name="two")(x)
    assert outputs.shape == (None, UNITS)
    model, data = keras.Model(inputs, outputs), random(4, STEPS, FEATURES)
    before = [np.asarray(w).copy() for w in model.weights]
    model.compile("sgd", "mse")
    model.fit(data, random(4, UNITS), verbose=0)
    assert all(not np.array_equal(a, b) for a, b in zip(before, model.weights, strict=True))
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(data), model(data))
    assert len(loaded.weights) == len(model.weights) == len(before)


def test_one_group_takes_an_unknown_number_of_steps():
    inputs = keras.Input((None, FEATURES))
    model = keras.Model(inputs, TimeSharedRNN(UNITS, return_sequences=True)(inputs))
    assert model.output_shape == (None, None, UNITS)
    for steps in (2, 5):
        assert model.predict(random(2, steps, FEATURES), verbose=0).shape == (2, steps, UNITS)
    assert model.layers[1].inner_sharing() is None


@pytest.mark.parametrize(
    ("steps", "groups"), [(None, 1), ("AABBAA", 2), ("ABCDEF", 6), (3, 3), ("AABBAABB", 2)]
)
def test_inner_sharing_counts_what_a_cell_a_step_would_store(steps, groups):
    layer = TimeSharedRNN(UNITS, steps=steps)
    assert layer.inner_sharing() is None
    found = made(layer).inner_sharing()
    sites = 8 if steps == "AABBAABB" else STEPS
    assert (found.over, found.sites, found.groups) == ("time", sites, groups)
    assert found.parameters == layer.count_params()
    twin = made(TimeSharedRNN(UNITS, steps=sites), sites)
    assert found.unrolled_parameters == twin.count_params()


def test_mixed_precision():
    layer = TimeSharedRNN(UNITS, steps="AABBAA", dtype="mixed_float16")
    assert layer(random(2, STEPS, FEATURES)).dtype == tf.float16
    assert {w.dtype for w in layer.weights} == {"float32"}


@pytest.mark.parametrize("precision", ["float32", "float16", "dynamic_int8"])
def test_unrolled_it_converts_with_a_free_batch_and_stores_each_group_once(precision, tmp_path):
    from wszoo.exporting.inspect import inspect_tflite
    from wszoo.exporting.tflite.write import litert

    inputs = keras.Input((STEPS, 8), name="x")
    model = keras.Model(inputs, TimeSharedRNN(64, steps="AABABB", unroll=True)(inputs))
    for i, weight in enumerate(model.weights):
        weight.assign(0.2 * random(*weight.shape, seed=i))
    file = litert(model, tmp_path / "m.tflite", precision)
    inside = inspect_tflite(file.path)
    assert inside.ratio == 1.0
    # Beside the weights: scales, shapes, and in int8 biases that stay float32.
    assert file.stored_bytes <= inside.stored_bytes <= file.stored_bytes + 8192


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: TimeSharedRNN(0), "units must be .* of at least 1; received 0"),
        (lambda: TimeSharedRNN(2, cell="grx"), "simple, gru, lstm; received 'grx'"),
        (lambda: TimeSharedRNN(2, steps=0), "positive number of groups.*received 0"),
        (lambda: TimeSharedRNN(2, steps=True), "received True"),
        (lambda: TimeSharedRNN(2, steps=2.0), r"received 2\.0"),
        (lambda: TimeSharedRNN(2, steps=""), "steps must be None .* received ''"),
        (lambda: TimeSharedRNN(2, steps="aab"), "'aab' is not a row of labels"),
        (lambda: TimeSharedRNN(2, steps="A-B"), "'A-B' is not a row of labels"),
        (lambda: TimeSharedRNN(2, steps="AB")(random(1, 3, 2)), r"plan of 2 steps, 'AB'.* has 3"),
        (lambda: TimeSharedRNN(2, steps=4)(random(1, 3, 2)), "4 groups and has 3 steps"),
        (lambda: TimeSharedRNN(2)(random(3, 2)), r"\(batch, steps, features\).*\(3, 2\)"),
        (lambda: TimeSharedRNN(2, steps="AB")(keras.Input((None, 2))), "known number of steps"),
    ],
)
def test_mistakes_are_named(act, words):
    with pytest.raises(ValueError, match=words):
        act()


def test_a_built_layer_refuses_more_steps_than_its_plan():
    layer = made(TimeSharedRNN(UNITS, steps="ABCDEF"))
    with pytest.raises(ValueError, match="plan of 6 steps"):
        layer(random(1, 7, FEATURES))
