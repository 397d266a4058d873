"""Reading a graph: every call is seen once, in one order, and the model is not changed by it."""

import json

import hand_built
import keras
import numpy as np
import pytest
from keras import layers

import wszoo
from wszoo.sharing import graph

SITES = {
    "repeated": ("shared own_0 shared.1 own_1 shared.2 own_2 shared.3 own_3", "ABACADAE"),
    "crossed": ("shared first first.1 second shared.1 shared.2", "ABBCAA"),
    "structured": ("shared shared.1 shared.2", "AAA"),
    "operations": ("shared shared.1 shared.2", "AAA"),
    "with_lambda": ("shared shared.1", "AA"),
    "always_dropping": ("shared shared.1", "AA"),
    "masked": ("embedding shared shared.1 both_ways", "ABBC"),
    "nested": ("shared.up shared.down other.in other.out shared.up.1 shared.down.1", "ABCDAB"),
    "attention": ("norm_0 shared norm_1 shared.1 norm_2 shared.2", "ABCBDB"),
    "normed": ("scaled conv norm conv.1 other norm.1", "ABCBDC"),
    "sequential": ("shared own shared.1", "ABA"),
    "mixed": ("conv conv.1 head", "AAB"),
    "own_class": ("shared shared.1", "AA"),
}


def test_the_hand_built_models_are_these():
    assert set(SITES) == set(hand_built.BUILDERS)


@pytest.mark.parametrize("name", SITES)
def test_every_call_is_a_site(name):
    model, _ = hand_built.make(name)
    names, pattern = SITES[name]
    plan = wszoo.plan_of(model)
    assert set(wszoo.sites(model)) == set(names.split()) == set(plan.sites)
    assert len(plan) == len(names.split())
    expected = wszoo.SharingPlan.from_pattern(names.split(), pattern)
    assert {frozenset(g) for g in plan.groups.values()} == {
        frozenset(g) for g in expected.groups.values()
    }
    for site in plan.sites:
        assert graph.layer_at(model, site) is graph.layer_at(model, plan.owner(site))
    owners = [graph.layer_at(model, owner) for owner in plan.groups]
    assert len({id(layer) for layer in owners}) == len(owners)


def state_of(model, inputs):
    operations = [*getattr(model, "operations", ()), *model.layers]
    return (
        {id(op): (len(op._inbound_nodes), len(op._outbound_nodes)) for op in operations},
        json.dumps(model.get_config(), default=repr),
        [w.path for w in model.weights],
        [np.asarray(v).copy() for v in model.variables],
    )


@pytest.mark.parametrize("name", SITES)
def test_nothing_changes_the_model_that_is_read(name):
    model, inputs = hand_built.make(name)
    before = state_of(model, inputs)
    wszoo.sites(model)
    wszoo.plan_of(model)
    wszoo.audit(model)
    wszoo.untied_twin(model)
    wszoo.retie(model, wszoo.plan_of(model), weights="mean")
    after = state_of(model, inputs)
    assert after[:3] == before[:3]
    for old, new in zip(before[3], after[3], strict=True):
        np.testing.assert_array_equal(new, old)


@pytest.mark.parametrize("name", SITES)
def test_a_model_and_its_twin_have_the_same_sites_in_the_same_order(name):
    model, _ = hand_built.make(name)
    twin = wszoo.untied_twin(model)
    assert wszoo.sites(twin) == wszoo.sites(model)
    assert wszoo.plan_of(twin) == wszoo.SharingPlan.untied(wszoo.sites(model))
    for site in wszoo.sites(model):
        ours, theirs = graph.layer_at(model, site), graph.layer_at(twin, site)
        assert type(ours) is type(theirs)
        for a, b in zip(ours.weights, theirs.weights, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_deep_model_is_read():
    x = inputs = keras.Input((2,))
    shared = layers.Dense(2)
    for _ in range(300):
        x = shared(x)
    plan = wszoo.plan_of(keras.Model(inputs, x))
    assert len(plan) == 300
    assert len(plan.groups) == 1


def test_part_of_a_graph_has_the_sites_of_that_part():
    inputs = keras.Input((4,))
    shared, own = layers.Dense(4, name="shared"), layers.Dense(4, name="own")
    middle = shared(inputs)
    whole = keras.Model(inputs, shared(own(shared(middle))))
    part = keras.Model(inputs, own(middle))
    assert len(wszoo.sites(whole)) == 4
    assert wszoo.sites(part) == ("shared", "own")


def test_made_names_avoid_those_of_all_other_layers():
    inputs = keras.Input((4,), name="d.2")
    shared = layers.Dense(4, name="d")
    model = keras.Model(inputs, layers.Dropout(0.1, name="d.1")(shared(shared(inputs))))
    twin = wszoo.untied_twin(model)
    assert len(set(wszoo.sites(model))) == 2
    assert {layer.name for layer in twin.layers} >= set(wszoo.sites(model))


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2)

    def call(self, inputs):
        return self.dense(inputs)


READERS = [wszoo.sites, wszoo.plan_of, wszoo.audit, wszoo.untied_twin]


@pytest.mark.parametrize("read", READERS)
def test_a_model_without_a_graph_is_refused(read):
    with pytest.raises(ValueError, match=r"functional Keras model.*Subclassed"):
        read(Subclassed())
    with pytest.raises(ValueError, match=r"'idle' is not built.*build\("):
        read(keras.Sequential([layers.Dense(2)], name="idle"))
    with pytest.raises(ValueError, match="functional Keras model"):
        read(layers.Dense(2))


class Borrowed(layers.Layer):
    def __init__(self, kernel, **kwargs):
        super().__init__(**kwargs)
        self.kernel = kernel

    def call(self, inputs):
        return keras.ops.matmul(inputs, keras.ops.transpose(self.kernel))


def held_twice():
    inputs, one = keras.Input((4,)), layers.Dense(3, name="one")
    x = one(inputs)
    return keras.Model(inputs, Borrowed(one.kernel, name="other")(x))


@pytest.mark.parametrize("act", [wszoo.untied_twin, wszoo.flatten, "save"])
def test_a_variable_in_two_layers_is_refused_by_what_would_untie_it(act, tmp_path):
    def save(model):
        wszoo.save(model, tmp_path / "model.keras")

    with pytest.raises(ValueError, match="held by two layers, 'one' and 'other'"):
        (save if act == "save" else act)(held_twice())
    assert not list(tmp_path.iterdir())


def test_a_layer_name_is_free_where_nothing_above_a_tensor_has_it():
    inputs = keras.Input((4,), name="input")
    x = keras.layers.Dense(4, name="head")(inputs)
    beside = keras.layers.Dense(4, name="beside")(inputs)
    last = keras.layers.Dense(4, name="head.1")(x)
    for name in ("beside", "last", "hea"):
        assert graph.free_layer_name(name, last) == name
    assert graph.free_layer_name("input", last) == "input.1"
    assert graph.free_layer_name("head", x) == "head.1"
    assert graph.free_layer_name("head", last) == "head.2"
    assert graph.free_layer_name("beside", last, beside) == "beside.1"


def test_names_that_do_not_fit_are_refused():
    model, _ = hand_built.make("structured")
    with pytest.raises(ValueError, match="3 sites"):
        graph.remember(model, ["a", "b"], ["a"])
    with pytest.raises(ValueError, match="'a'"):
        graph.remember(model, ["a", "a", "b"], ["a"])
    with pytest.raises(ValueError, match="'z'"):
        graph.remember(model, ["a", "b", "c"], ["z"])
    with pytest.raises(ValueError, match=r"shared\.1"):
        graph.layer_at(model, "shared.7")
