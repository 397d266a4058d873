"""SoftTying: a group's weights become one while they train."""

import keras
import numpy as np
import pytest
from keras import layers

import wszoo
from wszoo.relaxed import SoftTying, spread

PLAN = wszoo.SharingPlan.tied([f"d_{i}" for i in range(3)])


def net():
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((6,))
    for i in range(3):
        x = layers.Dense(6, activation="tanh", name=f"d_{i}")(x)
    return keras.Model(inputs, layers.Dense(1, name="head")(x))


def data():
    x = np.random.default_rng(0).normal(size=(160, 6)).astype("float32")
    return x, x[:, :1] * x[:, 1:2]


def test_groups_become_one_and_tying_them_changes_nothing():
    model, (x, y) = net(), data()
    start = spread(model, PLAN)
    model.compile("adam", "mse")
    before = np.asarray(model(x))
    pull = SoftTying(PLAN, steps=40)  # ten of each epoch
    history = model.fit(x, y, batch_size=16, epochs=5, verbose=0, callbacks=[pull])
    found = history.history["spread"]
    assert start > 0.5 and start > found[0] > found[1] > found[2]
    assert found[3] < 1e-6 and found[4] < 1e-6 and spread(model, PLAN) < 1e-6
    assert len(model.trainable_weights) == 8  # untied to the end
    tied = wszoo.retie(model, PLAN, weights="mean")
    assert len(tied.trainable_weights) == 4
    np.testing.assert_allclose(tied(x), model(x), atol=1e-6)
    assert not np.allclose(model(x), before, atol=1e-2)
    assert spread(tied, PLAN) == 0


def test_training_goes_on_from_the_optimizer_s_count():
    model, (x, y) = net(), data()
    model.compile("adam", "mse")
    for _ in range(4):
        model.fit(x, y, batch_size=16, verbose=0, callbacks=[SoftTying(PLAN, steps=40)])
    assert spread(model, PLAN) < 1e-6


def test_bad_input():
    with pytest.raises(ValueError, match="steps must be a whole number of at least 1; received 0"):
        SoftTying(PLAN, steps=0)
    with pytest.raises(ValueError, match="power must be a finite number above 0; received 0"):
        SoftTying(PLAN, steps=1, power=0)
    model, (x, y) = net(), data()
    model.compile("sgd", "mse")
    whole = wszoo.SharingPlan.tied(["d_0", "head"])
    with pytest.raises(ValueError, match="cannot share one layer"):
        model.fit(x, y, verbose=0, callbacks=[SoftTying(whole, steps=9)])
