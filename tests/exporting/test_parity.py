"""Keras and the file made of it are given the same, and compared output by output."""

import keras
import numpy as np
import pytest

from wszoo.exporting import parity

L = keras.layers


def test_errors_are_infinite_where_one_side_has_what_the_other_lacks():
    want = {"y": np.array([1.0, np.nan, -np.inf]), "text": np.array(["a", "é"])}
    same = {"y": want["y"].copy(), "text": np.array([b"a", "é".encode()])}
    assert parity.relative_error(same, want) == parity.mean_error(same, want) == 0
    for changed in (
        {"y": np.array([1.0, 2.0, -np.inf])},
        {"y": np.array([np.inf, np.nan, -np.inf])},
        {"y": np.array([1.0, np.nan, np.inf])},
        {"y": want["y"][:2]},
        {"text": np.array(["a", "e"])},
        {"more": np.ones(1)},
    ):
        assert parity.relative_error({**same, **changed}, want) == np.inf
    assert parity.relative_error({"y": same["y"]}, want) == np.inf
    words = parity.outputs_that_differ({"y": np.ones((2, 3)), "more": np.ones(1)}, want)
    assert "no output 'text'" in words and "'more'" in words and "(2, 3), in Keras (3,)" in words


def test_parts_are_put_together_as_one_call_would_give_them():
    def call(part):
        return {"row": 2 * part["x"], "sum": part["x"].sum(), "scale": part["scale"]}

    inputs = {"x": np.arange(10.0), "scale": np.ones(3)}
    whole = parity.in_parts(call, inputs, 4)
    np.testing.assert_array_equal(whole["row"], 2 * inputs["x"])
    assert whole["sum"] == 45 and whole["scale"].shape == (3,)
    fixed = parity.in_parts(call, inputs, 64, fixed=5)
    np.testing.assert_array_equal(fixed["row"], 2 * inputs["x"])
    np.testing.assert_array_equal(fixed["sum"], [10, 35])
    with pytest.raises(ValueError, match="4 examples at a time; received 10"):
        parity.in_parts(call, inputs, 64, fixed=4)


def test_random_inputs_are_such_that_every_layer_takes_them():
    words, ids = keras.Input((2,), dtype="string"), keras.Input((None,), dtype="int32")
    images, fixed = keras.Input((None, None, 3)), keras.Input(batch_shape=(3, 1))
    halves = images
    for _ in range(6):  # of valid padding: less than 127 to a side leaves nothing
        halves = L.Conv2D(2, 3, strides=2)(halves)
    lookup = L.StringLookup(vocabulary=["red", "blue"], num_oov_indices=0)(words)
    model = keras.Model(
        [words, ids, images, fixed], [lookup, L.Embedding(7, 2)(ids), halves, fixed]
    )
    one, two, three, four = parity.random_inputs(model, 3).values()
    assert set(one.ravel()) <= {"red", "blue"} and one.shape == (3, 2)
    assert two.max() < 7 and two.dtype == np.int32
    assert three.shape[1:] == (128, 128, 3) and four.shape == (3, 1)
    assert parity.fixed_batch(model) == parity.fixed_batch(model, 3) == 3
    with pytest.raises(ValueError, match=r"3 examples at a time.* received a batch of 2"):
        parity.fixed_batch(model, 2)
