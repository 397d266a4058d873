"""Compressing a trained model: smaller, near its original, and never changed itself."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo.tuner.compressing.compress import compress, tie
from wszoo.tuner.compressing.narrow import narrower
from wszoo.tuner.compressing.recovery import Recovery, recover


@pytest.fixture(scope="module")
def digits():
    source = wszoo.data.load("digits")
    return source.arrays("train"), source.arrays("test")


@pytest.fixture(scope="module")
def parent(digits):
    keras.utils.set_random_seed(0)
    model = wszoo.get("conv_net", input_shape=(8, 8, 1), width=12, depth=6)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(3e-3), loss=loss, jit_compile=False)
    model.fit(*digits[0], batch_size=32, epochs=6, verbose=0)
    return model


def accuracy(model, data):
    return np.mean(model.predict(data[0], verbose=0).argmax(axis=1) == data[1])


def test_a_model_of_half_the_size_stays_near_its_original(parent, digits, tmp_path):
    train, test = digits
    before = parent.get_weights()
    made = compress(parent, train, recovery=Recovery(epochs=4, learning_rate=1e-2))
    assert made.model.count_params() <= 0.5 * parent.count_params()
    assert wszoo.plan_of(made.model).restrict(made.plan.sites) == made.plan
    assert accuracy(parent, test) > 0.9
    assert accuracy(made.model, test) > accuracy(parent, test) - 0.05
    for old, new in zip(before, parent.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    wszoo.save(made.model, tmp_path / "small.keras")
    again = wszoo.load(tmp_path / "small.keras")
    np.testing.assert_allclose(
        again.predict(test[0], verbose=0), made.model.predict(test[0], verbose=0), atol=1e-5
    )
    assert wszoo.plan_of(again) == wszoo.plan_of(made.model)


def test_the_fitted_start_is_nearer_than_the_mean(parent, digits):
    x = digits[0][0]
    plan = wszoo.as_plan("AABBCC", tuple(f"block_{i}" for i in range(6)))
    wanted = parent.predict(x, verbose=0)
    gaps = {
        method: np.mean((tie(parent, plan, x, method=method).predict(x, verbose=0) - wanted) ** 2)
        for method in ("activations", "weights")
    }
    assert gaps["activations"] < gaps["weights"]


def test_recovery_brings_a_student_to_its_teacher(parent, digits):
    x, y = digits[0]
    student = tie(parent, wszoo.as_plan("AABBCC", tuple(f"block_{i}" for i in range(6))), x)
    assert recover(student, parent, (x, y), Recovery(epochs=0)) is student
    before = np.mean((student.predict(x, verbose=0) - parent.predict(x, verbose=0)) ** 2)
    made = recover(student, parent, (x, y), Recovery(epochs=2, share=0.0))
    after = np.mean((made.predict(x, verbose=0) - parent.predict(x, verbose=0)) ** 2)
    assert after < before / 2
    assert not made.compiled


def test_values_are_recovered_too():
    keras.utils.set_random_seed(0)
    model = wszoo.get("tied_ae", input_shape=(8,), widths=(6, 6, 6), sharing="untied")
    x = np.random.default_rng(0).random((64, 8), "float32")
    made = compress(model, (x, x), fraction=0.8, recovery=Recovery(epochs=2))
    assert made.suggestion.method == "weights"
    assert made.model.count_params() <= 0.8 * model.count_params()
    assert made.model.output_shape == model.output_shape


@pytest.mark.parametrize("shape", [(1,), (4, 4, 1)])
def test_values_with_a_last_axis_of_one_are_compared_each_with_its_own(shape):
    inputs = keras.Input(shape)
    x = keras.layers.Dense(shape[-1], name="only")(inputs)
    teacher = keras.Model(inputs, x, name="teacher")
    x = np.random.default_rng(0).random((32, *shape), "float32")
    student = keras.models.clone_model(teacher)
    student.set_weights(teacher.get_weights())
    made = recover(student, teacher, (x, teacher.predict(x, verbose=0)), Recovery(1, 1e-2))
    for mine, theirs in zip(made.get_weights(), teacher.get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-3)  # of them the decay alone moves it


def test_what_the_plan_leaves_goes_to_private_parts(parent, digits):
    sizes, gaps, wanted = {}, {}, parent.predict(digits[0][0], verbose=0)
    for rank in (None, 0):
        made = compress(parent, digits[0], relax=rank, recovery=Recovery(epochs=0))
        sizes[rank] = made.model.count_params()
        outputs = made.model.predict(digits[0][0], verbose=0)
        gaps[rank] = np.mean((outputs - wanted) ** 2)
    assert sizes[0] < sizes[None] <= 0.5 * parent.count_params()
    assert gaps[None] < gaps[0]
    assert 0.5 * parent.count_params() - sizes[None] < 9 * 12 * 6 + 12 * 6  # one rank more


def test_private_parts_count_in_the_budget(parent, digits):
    made = compress(parent, digits[0], relax=1, recovery=Recovery(epochs=0))
    assert made.model.count_params() <= 0.5 * parent.count_params()
    parts = [layer for layer in made.model.layers if layer.name.endswith("_low_rank")]
    assert len(parts) == sum(len(g) for g in made.plan.groups.values() if len(g) > 1)
    with pytest.raises(ValueError, match="lower rank"):
        compress(parent, digits[0], relax=50, fraction=0.3)


def test_softmax_outputs_are_taken_as_probabilities(parent, digits):
    soft = keras.Model(parent.input, keras.layers.Softmax()(parent.output))
    made = compress(soft, digits[0], fraction=0.7, recovery=Recovery(epochs=1))
    outputs = made.model.predict(digits[1][0], verbose=0)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)
    assert accuracy(made.model, digits[1]) > 0.8


@pytest.mark.parametrize("share", [0.4, 0.7])
def test_a_narrower_network_is_as_wide_as_it_may_be(parent, share):
    budget = int(share * parent.count_params())
    made = narrower(parent, budget)
    assert 0.6 * budget < made.count_params() <= budget
    assert made.output_shape == parent.output_shape
    with pytest.raises(ValueError, match="must be less"):
        narrower(parent, parent.count_params())
    with pytest.raises(ValueError, match="cannot be as small"):
        narrower(parent, 3)


def test_a_model_of_keras_applications_can_be_narrower():
    model = keras.applications.MobileNetV2(input_shape=(32, 32, 3), weights=None, classes=5)
    made = narrower(model, model.count_params() // 2)
    assert made.count_params() <= model.count_params() // 2
    assert made.output_shape == (None, 5)


def test_bad_input_is_refused(parent, digits):
    x, y = digits[0]
    with pytest.raises(ValueError, match="takes inputs"):
        compress(parent, (x[:, :7], y))
    with pytest.raises(ValueError, match="10 classes"):
        compress(parent, (x, y + 5))
    with pytest.raises(ValueError, match="relax must be a whole number of at least 0"):
        compress(parent, (x, y), relax=-1)
    with pytest.raises(ValueError, match="cannot be stored in 100 "):
        compress(parent, (x, y), max_parameters=100)
    with pytest.raises(ValueError, match="batch_size must be a whole number of at least 1"):
        Recovery(batch_size=0)
    with pytest.raises(ValueError, match=r"share must be .* of at least 0 and at most 1"):
        Recovery(share=2)
