"""wszoo.evaluation: a model that was trained elsewhere is scored on what it was trained on."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo import evaluation, training
from wszoo.data import load
from wszoo.sharing.about import describe

L = keras.layers


def exact(x, y, *first, order=None):
    """A network that knows its training images by heart: the nearest one's class wins."""
    rows = x.reshape(len(x), -1)
    inputs = keras.Input(x.shape[1:])
    h = inputs
    for layer in first:
        h = layer(h)
    h = L.Dense(len(rows), name="near")(L.Flatten()(h))
    outputs = L.Dense(10, use_bias=False, name="vote")(L.Softmax()(h))
    model = keras.Model(inputs, outputs)
    near = 20 * rows.T, -10 * np.sum(rows**2, axis=1)
    model.get_layer("near").set_weights(near)
    labels = y if order is None else np.array(order)[y]
    model.get_layer("vote").set_weights([np.eye(10, dtype="float32")[labels]])
    return model


def scored(model, data="digits"):
    source, task = evaluation.data_of(model, "mine.keras", data)
    return training.evaluate(model, source, task)["test_accuracy"]


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_a_model_of_the_default_source_is_scored_on_it(digits):
    x, y = digits.arrays("train")
    model = exact(x, y)
    right = training.evaluate(model, digits, "classification")["test_accuracy"]
    assert right > 0.9 and scored(model) == right


def test_images_come_in_the_range_that_the_model_wants(digits):
    x, y = digits.arrays("train")
    right = scored(exact(x, y))
    with pytest.warns(UserWarning, match="mine.keras: the backbone scales its inputs itself"):
        assert scored(exact(x, y, L.Rescaling(1 / 255))) == pytest.approx(right, abs=0.01)
    said = exact(x, y, lambda h: (h + 1) / 2)
    describe(said, input_range=(-1, 1))
    assert scored(said) == pytest.approx(right, abs=0.01)


def test_labels_come_in_the_order_of_the_models_classes(digits):
    x, y = digits.arrays("train")
    order = [3, 1, 4, 0, 5, 9, 2, 6, 8, 7]  # the place of each class among the model's
    model = exact(x, y, order=order)
    assert scored(model) < 0.7
    describe(model, class_names=[str(order.index(place)) for place in range(10)])
    assert scored(model) > 0.9
    describe(model, class_names=[*"abcdefghij"])
    with pytest.raises(ValueError, match=r"classes of mine.keras are a, b, .* of digits are 0, 1"):
        scored(model)


@pytest.mark.parametrize(
    ("shape", "units", "message"),
    [
        ((8, 8, 1), 5, "tells 5 classes apart; digits has 10: 0, 1"),
        ((8, 8, 1), 1, "tells 1 classes apart"),
        ((64,), 10, r"takes examples of shape \(64,\); digits has \(8, 8, 1\)"),
        ((8, 8, 3), 10, r"takes examples of shape \(8, 8, 3\); digits"),
    ],
)
def test_a_source_that_is_not_the_models_is_refused(shape, units, message):
    inputs = keras.Input(shape)
    model = keras.Model(inputs, L.Dense(units)(L.Flatten()(inputs)))
    with pytest.raises(ValueError, match=message):
        scored(model)


def test_weights_of_the_zoo_are_scored_as_their_card_says():
    model = wszoo.get("tied_ae.digits")
    source, task = evaluation.data_of(model, "tied_ae.digits")
    card = evaluation.card_of("tied_ae.digits")["metrics"]["test_mse"]["value"]
    assert training.evaluate(model, source, task)["test_mse"] == pytest.approx(card, rel=1e-3)
    assert evaluation.data_of(model, "tied_ae.digits", "digits")[0].fingerprint() == (
        source.fingerprint()
    )
