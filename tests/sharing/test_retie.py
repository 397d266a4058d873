"""retie: the same network under another plan. Equal means bit for bit, unless said otherwise."""

import hand_built
import keras
import numpy as np
import pytest
from hand_built import dense, randomise
from keras import layers

import wszoo
from wszoo.sharing import graph


def outputs_of(model, inputs):
    return [keras.ops.convert_to_numpy(t) for t in keras.tree.flatten(model(inputs))]


def assert_same_outputs(one, other, inputs):
    """Both are run once: a model with a random state moves it on."""
    ours, theirs = outputs_of(one, inputs), outputs_of(other, inputs)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def values(layer):
    return [np.asarray(w).copy() for w in layer.weights]


@pytest.mark.parametrize("name", hand_built.BUILDERS)
def test_twin_and_back_compute_the_same(name):
    model, inputs = hand_built.make(name)
    plan = wszoo.plan_of(model)
    twin = wszoo.untied_twin(model)
    back = wszoo.retie(twin, plan)
    again = wszoo.retie(model, plan)
    assert wszoo.plan_of(back) == wszoo.plan_of(again) == plan
    assert len(back.weights) == len(model.weights)
    assert_same_outputs(model, twin, inputs)
    assert_same_outputs(back, again, inputs)
    assert not {id(v) for v in twin.variables} & {id(v) for v in model.variables}


@pytest.mark.parametrize("name", hand_built.BUILDERS)
def test_every_weight_of_the_hand_built_models_matters(name):
    """Otherwise equal outputs would say little: new values must give other outputs."""
    model, inputs = hand_built.make(name)
    other = randomise(wszoo.untied_twin(model), seed=99)
    for a, b in zip(outputs_of(model, inputs), outputs_of(other, inputs), strict=True):
        assert not np.array_equal(a, b)


@pytest.mark.parametrize("name", ["repeated", "crossed", "normed", "nested", "sequential"])
def test_tied_sites_are_one_object_after_training(name):
    model, inputs = hand_built.make(name)
    tied = wszoo.retie(wszoo.untied_twin(model), wszoo.plan_of(model))
    before = [values(layer) for layer in tied.layers]
    tied.compile("sgd", "mse")
    tied.fit(inputs, outputs_of(tied, inputs)[0] + 1, verbose=0)
    plan = wszoo.plan_of(tied)
    assert plan == wszoo.plan_of(model)
    for site in plan.sites:
        assert graph.layer_at(tied, site) is graph.layer_at(tied, plan.owner(site))
    moved = [
        not np.array_equal(old, new)
        for olds, layer in zip(before, tied.layers, strict=True)
        for old, new in zip(olds, values(layer), strict=True)
    ]
    assert any(moved)


def test_a_plan_may_name_some_sites_and_the_others_keep_theirs():
    model, inputs = hand_built.make("repeated")
    part = wszoo.SharingPlan.tied(["own_0", "own_2"])
    made = wszoo.retie(model, part)
    plan = wszoo.plan_of(made)
    assert plan.owner("own_2") == "own_0"
    assert plan.restrict(["own_1", "own_3"]).pattern == "AB"
    shared = [s for s in plan.sites if s.startswith("shared")]
    assert plan.restrict(shared).pattern == "AAAA"
    # A named site leaves its old group, whose rest stays together.
    left = wszoo.plan_of(wszoo.retie(model, wszoo.SharingPlan.untied(["shared"])))
    assert left.restrict(shared).pattern == "ABBB"
    assert_same_outputs(model, wszoo.retie(model, wszoo.SharingPlan.untied(["shared"])), inputs)


def chain(count=3, **kwargs):
    x = inputs = keras.Input((4,))
    for i in range(count):
        x = dense(f"d_{i}", **kwargs)(x)
    return randomise(keras.Model(inputs, x))


def test_merged_sites_take_the_values_of_the_owner_or_their_mean():
    model = chain()
    by_owner = wszoo.retie(model, "AAB")
    by_mean = wszoo.retie(model, "AAB", weights="mean")
    first, second, third = (values(graph.layer_at(model, f"d_{i}")) for i in range(3))
    for got, a in zip(values(graph.layer_at(by_owner, "d_1")), first, strict=True):
        np.testing.assert_array_equal(got, a)
    for got, a, b in zip(values(graph.layer_at(by_mean, "d_1")), first, second, strict=True):
        np.testing.assert_array_equal(got, ((a.astype("f8") + b) / 2).astype("f4"))
    for made in (by_owner, by_mean):
        for got, c in zip(values(graph.layer_at(made, "d_2")), third, strict=True):
            np.testing.assert_array_equal(got, c)


def test_the_mean_of_equal_values_is_that_value():
    model, inputs = hand_built.make("repeated")
    again = wszoo.retie(wszoo.untied_twin(model), wszoo.plan_of(model), weights="mean")
    assert_same_outputs(model, again, inputs)


def test_a_string_speaks_of_the_declared_sites():
    model = chain()
    names = wszoo.sites(model)
    graph.remember(model, names, names[:2])
    assert wszoo.plan_of(wszoo.retie(model, "tied")).pattern == "AAB"
    assert wszoo.plan_of(wszoo.retie(model, "AA")).pattern == "AAB"
    with pytest.raises(ValueError, match="3 labels for 2 sites"):
        wszoo.retie(model, "AAA")


def test_flags_carry_over_by_layer_and_part():
    inputs = keras.Input((5, 4))
    first, second = (layers.MultiHeadAttention(2, 3, name=name) for name in ("first", "second"))
    x = second(first(inputs, inputs), inputs)
    model = keras.Model(inputs, layers.BatchNormalization(name="norm")(layers.Dropout(0.1)(x)))
    first.query_dense.trainable = False  # a part of a composite layer
    model.get_layer("norm").trainable = False
    twin = wszoo.untied_twin(model)
    for old, new in zip(model._flatten_layers(), twin._flatten_layers(), strict=True):
        assert (type(old), old.trainable) == (type(new), new.trainable)
    assert [v.trainable for v in twin.weights] == [v.trainable for v in model.weights]
    assert len(twin.trainable_weights) == len(model.trainable_weights) < len(model.weights) - 2


def test_a_frozen_model_stays_frozen_and_thaws():
    model = chain()
    graph.layer_at(model, "d_1").trainable = False
    model.trainable = False
    twin = wszoo.untied_twin(model)
    assert twin.trainable is False
    assert twin.trainable_weights == []
    twin.trainable = True
    assert len(twin.trainable_weights) == len(twin.weights)


def test_random_states_carry_over():
    model, _ = hand_built.make("always_dropping")
    twin = wszoo.untied_twin(model)
    states = [[v for v in m.variables if "seed" in v.path] for m in (model, twin)]
    assert len(states[0]) == len(states[1]) == 1
    np.testing.assert_array_equal(states[0][0], states[1][0])


def test_seeds_initializers_and_names_do_not_keep_sites_apart():
    inputs = keras.Input((4,))
    one = layers.Dense(4, kernel_initializer="zeros", name="one")
    other = layers.Dense(4, kernel_initializer="he_normal", trainable=False, name="other")
    model = keras.Model(inputs, other(one(inputs)))
    assert wszoo.plan_of(wszoo.retie(model, "AA")).pattern == "AA"


def test_equal_nested_models_may_share_whatever_their_layers_are_called():
    model, inputs = hand_built.make("nested")
    tied = wszoo.retie(model, wszoo.SharingPlan.tied(["shared", "other", "shared.1"]))
    assert wszoo.plan_of(tied).pattern == "ABABAB"
    assert len(tied.weights) == 4
    apart = wszoo.retie(model, wszoo.SharingPlan.untied(["shared.1"]))
    assert wszoo.plan_of(apart).pattern == "ABCDEF"
    assert_same_outputs(model, apart, inputs)
    with pytest.raises(ValueError, match="'other' is a nested model and cannot share with"):
        wszoo.retie(model, wszoo.SharingPlan.tied(["shared.up", "other"]))


def test_a_tied_nested_model_keeps_what_it_shares_inside():
    def block(name):
        inside, inner = keras.Input((4,)), dense("inner")
        return keras.Model(inside, inner(dense("middle")(inner(inside))), name=name)

    model = two(block("a"), block("b"), shape=(4,))
    tied = wszoo.retie(model, wszoo.SharingPlan.tied(["a", "b"]))
    assert wszoo.plan_of(tied).pattern == "ABAABA"
    assert wszoo.plan_of(wszoo.retie(model, wszoo.SharingPlan.untied(["a"]))).pattern == "ABACDC"


def test_a_models_own_class_is_kept_where_it_is_made_from_inputs_and_outputs():
    model, _ = hand_built.make("own_class")
    assert type(wszoo.untied_twin(model)) is type(model)
    assert wszoo.untied_twin(model).name == model.name


def two(first, second, shape=(8, 8, 4)):
    inputs = keras.Input(shape)
    return keras.Model(inputs, second(first(inputs)))


DIFFERENT = [
    (
        lambda: two(layers.Conv2D(4, 3, name="a"), layers.Conv2D(4, 3, strides=2, name="b")),
        ["strides=[1, 1]", "strides=[2, 2]"],
    ),
    (
        lambda: two(layers.Conv2D(5, 3, name="a"), layers.Conv2D(5, 3, name="b")),
        ["(3, 3, 4, 5)", "(3, 3, 5, 5)"],
    ),
    (
        lambda: two(layers.Dense(4, name="a"), layers.Conv2D(4, 1, name="b")),
        ["Dense(", "Conv2D("],
    ),
    (
        lambda: two(layers.Dense(4, name="a"), layers.Dense(4, dtype="mixed_float16", name="b")),
        ["float32", "mixed_float16"],
    ),
    (
        lambda: two(layers.Dense(4, name="a", activation="relu"), layers.Dense(4, name="b")),
        ["activation='relu'", "activation='linear'"],
    ),
    (
        lambda: two(
            keras.Sequential([layers.Dense(4), layers.ReLU()], name="a"),
            keras.Sequential([layers.Dense(4), layers.Softmax()], name="b"),
        ),
        ["Sequential(", "ReLU", "Softmax"],
    ),
]


@pytest.mark.parametrize(("build", "words"), DIFFERENT)
def test_sites_that_differ_cannot_share_and_both_are_printed(build, words):
    with pytest.raises(ValueError, match="cannot share one layer") as caught:
        wszoo.retie(build(), wszoo.SharingPlan.tied(["a", "b"]))
    for word in ["\n  a: ", "\n  b: ", *words]:
        assert word in str(caught.value)


def test_nested_models_with_other_wiring_cannot_share():
    def block(name, crossed):
        inside = keras.Input((4,))
        hidden = dense()(inside)
        ends = [hidden, inside] if crossed else [inside, hidden]
        return keras.Model(inside, layers.Subtract()(ends), name=name)

    model = two(block("a", False), block("b", True), shape=(4,))
    with pytest.raises(ValueError, match="cannot share one layer"):
        wszoo.retie(model, wszoo.SharingPlan.tied(["a", "b"]))


def test_a_sequential_inside_a_wrapper_that_repeats_a_layer_is_refused():
    repeated = layers.Dense(4)
    inner = keras.Sequential([keras.Input((4,)), repeated, repeated], name="a")
    model = two(layers.TimeDistributed(inner), layers.Dense(4), shape=(5, 4))
    with pytest.raises(ValueError, match=r"'a' inside .* more than once.*wszoo\.flatten"):
        wszoo.untied_twin(model)


def test_other_mistakes_are_named():
    model = chain()
    with pytest.raises(ValueError, match=r"2 labels for 3 sites: 'd_0', 'd_1', 'd_2'"):
        wszoo.retie(model, "AB")
    with pytest.raises(ValueError, match=r"'d_7'.*did you mean d_"):
        wszoo.retie(model, wszoo.SharingPlan.tied(["d_0", "d_7"]))
    with pytest.raises(ValueError, match="one of owner, mean; received 'sum'"):
        wszoo.retie(model, "AAB", weights="sum")
    with pytest.raises(ValueError, match="plan must be a SharingPlan or its spelling; received 2"):
        wszoo.retie(model, 2)
