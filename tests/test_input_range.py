"""wszoo.input_range: a model gets its inputs in the range that it was made for."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo import input_range
from wszoo.sharing.about import about, describe

L = keras.layers
RNG = np.random.default_rng(0)
X = RNG.random((40, 12, 12, 3), "float32") * np.array([0.9, 0.7, 0.5], "float32")
CAFFE = np.array([103.9, 116.8, 123.7], "float32")  # means of channels, of inputs up to 255


def normalization(x):
    layer = L.Normalization()
    layer.adapt(x)
    return layer


def net(*first):
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((12, 12, 3))
    for layer in first:
        x = layer(x)
    return keras.Model(inputs, L.Conv2D(2, 3, name="block_0")(x))


def nested():
    inside = [L.RandomFlip(seed=0), keras.Sequential([L.Rescaling(1 / 127.5, -1)])]
    return keras.Sequential([keras.Input((12, 12, 3)), *inside])


OF_255 = {
    "rescaling": lambda: [L.Rescaling(1 / 255)],
    "rescaling to -1 … 1": lambda: [L.Rescaling(1 / 127.5, -1)],
    "after augmentation": lambda: [L.RandomFlip(seed=0), L.Resizing(12, 12), L.Rescaling(1 / 255)],
    "nested": lambda: [nested()],
    "normalization": lambda: [normalization(255 * X)],
    "both": lambda: [L.Rescaling(1 / 255), normalization(X)],
    "operation": lambda: [lambda x: x / 255.0],
    "lambda": lambda: [L.Lambda(lambda x: x / 127.5 - 1)],
    "means taken off": lambda: [lambda x: x - CAFFE],
}
OF_1 = {
    "none": list,
    "centred": lambda: [L.Rescaling(2.0, -1.0)],
    "normalization": lambda: [normalization(X)],
    "own factor": lambda: [L.Rescaling(255.0), lambda x: x - CAFFE],
}


@pytest.mark.parametrize("dark", [1.0, 0.03])
@pytest.mark.parametrize("first", OF_255)
def test_a_model_with_its_own_scaling_gets_0_to_255(first, dark):
    model, x = net(*OF_255[first]()), dark * X
    made, notes = input_range.fitted(model, x)
    np.testing.assert_allclose(made.predict(x, verbose=0), model.predict(255 * x, verbose=0),
                               rtol=1e-4, atol=1e-4)  # fmt: skip
    assert len(notes) == 1 and "0 to 255" in notes[0] and "input_range=(0, 1)" in notes[0]
    assert about(made)["input_range"] == [0, 1] and wszoo.sites(made) == wszoo.sites(model)
    same, notes = input_range.fitted(model, 255 * x)
    assert same is model and not notes


@pytest.mark.parametrize("dark", [1.0, 0.03])
@pytest.mark.parametrize("first", OF_1)
def test_a_model_of_unit_inputs_is_left_alone(first, dark):
    model = net(*OF_1[first]())
    assert input_range.fitted(model, dark * X) == (model, ())


def test_what_is_said_counts(tmp_path):
    model = net(L.Rescaling(1 / 255))
    assert input_range.fitted(model, X, (0, 1)) == (model, ())
    made, notes = input_range.fitted(net(), X, (-1, 1))
    np.testing.assert_allclose(made.predict(X, verbose=0), net().predict(2 * X - 1, verbose=0),
                               atol=1e-5)  # fmt: skip
    described = net()
    describe(described, input_range=(-1, 1))
    wszoo.save(described, tmp_path / "net.keras")
    again, _ = input_range.fitted(wszoo.load(tmp_path / "net.keras"), X)
    np.testing.assert_array_equal(again.predict(X, verbose=0), made.predict(X, verbose=0))
    assert not notes and about(again)["input_range"] == [0, 1]


@pytest.mark.parametrize(
    ("first", "x", "asked", "message"),
    [
        ([L.Rescaling(1 / 65535)], X, None, r"largest value over real .*input_range=\(0, 255\)"),
        ([L.Rescaling(255.0)], 255 * X, None, "of another range; say which"),
        ([], X, (255, 0), r"is \(low, high\), such as \(0, 255\); received \(255, 0\)"),
        ([], X, 255, "received 255"),
        ([], 255 * X, (0, 1), r"run from 0.* to 2.*; a model with input_range=\(0.0, 1.0\)"),
        ([], 9 * X, (-1, 1), "takes them in"),
    ],
)
def test_ranges_that_cannot_be_are_refused(first, x, asked, message):
    with pytest.raises(ValueError, match=message):
        input_range.fitted(net(*first), x, asked)


@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetV2B0"])
def test_keras_applications_that_scale_themselves(name):
    x = np.repeat(X, 3, 1)[:4, :32].repeat(3, 2)[:, :, :32]
    make = getattr(keras.applications, name)
    model = make(input_shape=(32, 32, 3), weights=None, include_top=False)
    assert input_range._seen(model, x)[0] == (0, 255)
    assert input_range._seen(model, 255 * x)[0] is None


def test_looking_leaves_the_model_as_it_was():
    model = net(L.Rescaling(1 / 255))
    before = model.predict(X, verbose=0)
    input_range.fitted(model, X)
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)
    assert "call" not in vars(model.get_layer("block_0"))
