"""Bank: one layer a group, made once, and every mistake of a builder is an error."""

import keras
import pytest
from keras import layers

from wszoo import SharingPlan, plan_of, sites
from wszoo.sharing.bank import Bank
from wszoo.sharing.graph import layer_at, names_of

NAMES = ["a", "b", "c", "d"]


def build(bank, names=NAMES, width=4):
    x = inputs = keras.Input((4,))
    for name in names:
        x = bank(name, layers.Dense, width)(x)
        x = layers.BatchNormalization(name=f"{name}_norm")(x)
    return keras.Model(inputs, x, name="built")


@pytest.mark.parametrize("pattern", ["ABCD", "AAAA", "AABB", "ABBA", "ABAC"])
def test_groups_of_the_model_are_those_of_the_plan(pattern):
    plan = SharingPlan.from_pattern(NAMES, pattern)
    bank = Bank(plan)
    model = bank.finish(build(bank))
    assert bank.asked == NAMES
    assert names_of(model).declared == tuple(NAMES)
    found = plan_of(model)
    assert found.restrict(NAMES) == plan
    assert all(found.groups[f"{name}_norm"] == (f"{name}_norm",) for name in NAMES)
    assert {layer_at(model, site).name for site in NAMES} == set(plan.groups)


def test_names_follow_the_calls_and_not_the_depth():
    """The layer's first call is the deeper one; the names still stand where they were asked."""
    bank = Bank(SharingPlan.from_pattern(["deep", "own", "early"], "ABA"))
    inputs = keras.Input((4,))
    middle = layers.Dense(4, name="middle")(inputs)
    deep = bank("deep", layers.Dense, 4)(middle)
    own = bank("own", layers.Dense, 4)(inputs)
    early = bank("early", layers.Dense, 4)(inputs)
    model = bank.finish(keras.Model(inputs, layers.Add()([early, own, deep])))
    assert sites(model) == ("early", "own", "middle", "deep")
    assert plan_of(model).restrict(["deep", "own", "early"]).pattern == "ABA"


def test_a_layer_from_a_function_is_fine():
    def scaled(units, name):
        return layers.Dense(units, kernel_initializer="zeros", name=name)

    bank = Bank(SharingPlan.tied(["a", "b"]))
    assert bank("a", scaled, 3) is bank("b", scaled, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"units": 5}, ["units=4", "units=5"]),
        ({"activation": "relu"}, ["'linear'", "'relu'"]),
        ({"kernel_initializer": "zeros"}, ["GlorotUniform", "Zeros"]),
        ({"dtype": "mixed_float16"}, ["float32", "mixed_float16"]),
        ({"trainable": False}, ["trainable=True", "trainable=False"]),
    ],
)
def test_sites_of_a_group_must_ask_for_the_same_layer(change, words):
    bank = Bank(SharingPlan.tied(["first", "second"]))
    bank("first", layers.Dense, units=4)
    with pytest.raises(ValueError, match="must ask for the same layer") as caught:
        bank("second", layers.Dense, **({"units": 4} | change))
    for word in ["\n  first: Dense(", "\n  second: Dense(", *words]:
        assert word in str(caught.value)
    assert bank.asked == ["first"]


def test_other_classes_are_not_the_same_layer():
    bank = Bank(SharingPlan.tied(["first", "second"]))
    bank("first", layers.Dense, 4)
    with pytest.raises(ValueError, match=r"first: Dense\((?s:.*)second: EinsumDense\("):
        bank("second", layers.EinsumDense, "ab,bc->ac", output_shape=4)


def test_a_site_is_asked_for_once_and_known():
    bank = Bank(SharingPlan.untied(NAMES))
    bank("a", layers.Dense, 4)
    with pytest.raises(ValueError, match="'a' was asked for twice"):
        bank("a", layers.Dense, 4)
    with pytest.raises(ValueError, match=r"'aa'.*did you mean a\?"):
        bank("aa", layers.Dense, 4)


def test_finish_wants_every_site_called_once():
    bank = Bank(SharingPlan.tied(NAMES))
    with pytest.raises(ValueError, match=r"'built' never asked for the sites \['c', 'd'\]"):
        bank.finish(build(bank, names=["a", "b"]))

    bank = Bank(SharingPlan.tied(["a"]))
    layer, inputs = bank("a", layers.Dense, 4), keras.Input((4,))
    with pytest.raises(ValueError, match=r"'a' was asked for at the sites \['a'\] .* called 2"):
        bank.finish(keras.Model(inputs, layer(layer(inputs))))

    bank = Bank(SharingPlan.tied(["a", "b"]))
    layer, inputs = bank("a", layers.Dense, 4), keras.Input((4,))
    bank("b", layers.Dense, 4)
    with pytest.raises(ValueError, match="called 1 times"):
        bank.finish(keras.Model(inputs, layer(inputs)))


def test_a_private_layer_with_the_name_of_a_site_is_refused():
    bank = Bank(SharingPlan.tied(["a", "b"]))
    inputs = keras.Input((4,))
    x = bank("b", layers.Dense, 4)(bank("a", layers.Dense, 4)(inputs))
    with pytest.raises(ValueError, match=r"names of their own.*'b'"):
        bank.finish(keras.Model(inputs, layers.Dense(4, name="b")(x)))
