"""Kinds: sites may share where their layers are of one kind."""

import keras
import pytest

import wszoo
from wszoo.sharing.kinds import check_kind, kind, kinds_of, sites_by_kind


def dense(units, name, **settings):
    layer = keras.layers.Dense(units, name=name, **settings)
    layer.build((None, 4))
    return layer


@pytest.fixture(scope="module")
def layer_of():
    return {
        "a": dense(4, "a"),
        "b": dense(4, "b", kernel_initializer="zeros", trainable=False),
        "wide": dense(5, "wide"),
        "relu": dense(4, "relu", activation="relu"),
    }


def test_names_and_history_make_no_other_kind_and_settings_and_sizes_do(layer_of):
    assert kind(layer_of["a"]) == kind(layer_of["b"])
    assert len({kind(layer) for layer in layer_of.values()}) == 3
    taller = keras.layers.Dense(4)
    taller.build((None, 7))  # the same settings, other weights
    assert kind(taller) != kind(layer_of["a"])


def test_units_are_of_one_kind_where_they_are_site_by_site(layer_of):
    assert kinds_of(layer_of, [("a",), ("relu",), ("b",), ("wide",)]) == ((0, 2), (1,), (3,))
    units = [("a", "relu"), ("b", "relu"), ("relu", "a"), ("a",)]
    assert kinds_of(layer_of, units) == ((0, 1), (2,), (3,))
    assert kinds_of(layer_of, []) == ()


def test_sites_that_no_other_is_like_are_left_out():
    inputs = x = keras.Input((4,))
    for name, units in (("a", 4), ("b", 4), ("c", 3), ("d", 4), ("e", 4)):
        x = keras.layers.Dense(units, name=name)(x)
    model = keras.Model(inputs, x)
    assert sites_by_kind(model, wszoo.sites(model)) == [("a", "b", "e")]  # d takes three inputs
    assert sites_by_kind(model, ("e", "a")) == [("e", "a")]
    assert sites_by_kind(model, ("a", "c")) == []


def test_a_difference_is_told_of_both(layer_of):
    check_kind("a", layer_of["a"], "b", layer_of["b"])
    with pytest.raises(ValueError, match=r"(?s)'a' and 'relu' cannot share.*linear.*relu"):
        check_kind("a", layer_of["a"], "relu", layer_of["relu"])

    class Mute(keras.layers.Layer):
        def get_config(self):
            raise NotImplementedError("no config")

    mute = Mute()
    check_kind("a", mute, "b", mute)  # one layer is of its own kind, whatever it tells
