"""The regularisation path: the same regression in fewer steps, chosen by rows it did not see."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

import wszoo
from wszoo.tasks import heads, probe
from wszoo.tasks.linear import logistic


def rows(classes=3, count=120, width=6, seed=0):
    """Overlapping clouds of points, off centre."""
    rng = np.random.default_rng(seed)
    y = np.arange(count) % classes
    x = 0.7 * rng.normal(size=(classes, width))[y] + rng.normal(size=(count, width)) + 5
    return probe.unit(x.astype("float32")), y


@pytest.mark.parametrize("classes", [2, 3])
def test_each_point_is_the_logistic_regression_of_its_strength(classes):
    x, y = rows(classes)
    for strength in (1.0, 10.0, 100.0):
        kernel, bias = probe.fit_path(
            x, y, classes=classes, held=(x, y), strengths=[strength]
        ).linear
        exact = LogisticRegression(C=strength, max_iter=10_000, tol=1e-8).fit(x, y)
        shares = np.exp(x @ kernel + bias)
        shares /= shares.sum(axis=1, keepdims=True)
        np.testing.assert_allclose(shares, exact.predict_proba(x), atol=0.03)


def test_the_best_is_chosen_by_rows_that_were_held_out():
    x, y = rows()
    held = rows(seed=1)[0], y
    path = probe.fit_path(x, y, classes=3, held=held)
    assert path.chosen_by == "held" and tuple(path.scores) == probe.STRENGTHS
    assert path.scores[path.strength] == max(path.scores.values())
    assert probe.accuracy(*held, path.linear) == path.scores[path.strength]


def test_without_held_rows_it_is_chosen_by_cross_validation_and_fitted_to_all():
    x, y = rows()
    path = probe.fit_path(x, y, classes=3)
    assert path.chosen_by == "cross-validation"
    assert path.scores[path.strength] == max(path.scores.values()) < 1
    upto = [s for s in probe.STRENGTHS if s <= path.strength]
    again = probe.fit_path(x, y, classes=3, held=(x, y), strengths=upto)
    assert again.scores[path.strength] == probe.accuracy(x, y, path.linear)


def test_one_example_a_class_leaves_nothing_to_choose_by():
    x, y = rows(count=3)
    path = probe.fit_path(x, y, classes=3)
    assert (path.chosen_by, path.strength, path.scores) == ("default", probe.USUAL, {})
    assert probe.accuracy(x, y, path.linear) == 1


def test_the_head_that_starts_there_decides_the_same():
    keras.utils.set_random_seed(0)
    net = wszoo.get("conv_net", depth=2, width=4, input_shape=(8, 8, 1), head=None)
    x = np.random.default_rng(0).random((60, 8, 8, 1), "float32")
    y = np.arange(60) % 5
    found = probe.features(net, x)
    linear = probe.fit_path(found, y, classes=5, held=(found, y)).linear
    model = heads.attach(net, logistic(5)).model
    model.get_layer("head").set_weights(linear)
    logits = model.predict(x, verbose=0)
    np.testing.assert_allclose(logits, found @ linear[0] + linear[1], rtol=1e-4, atol=1e-4)
    assert np.array_equal(logits.argmax(1), (found @ linear[0] + linear[1]).argmax(1))


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"strengths": []}, "one at least"),
        ({"strengths": [0, 1]}, "positive"),
        ({"classes": 4}, "3"),
    ],
)
def test_bad_input_is_named(wrong, words):
    x, y = rows()
    with pytest.raises(ValueError, match=words):
        probe.fit_path(x, y, **{"classes": 3} | wrong)
