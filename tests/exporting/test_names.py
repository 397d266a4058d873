"""Names of exported inputs and outputs: Keras' own, one each, whatever the plan."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import wszoo
from wszoo.exporting.names import by_input, input_names, output_names, told_apart

L = keras.layers


def two_inputs(first="a", second="b"):
    return keras.Input((3,), name=first), keras.Input((3,), name=second)


def siamese():
    """Three outputs; a layer that is used twice stands beside Keras' next default name."""
    a, b = two_inputs()
    head, other = L.Dense(2, name="dense"), L.Dense(3, name="dense_1")
    return keras.Model([a, b], [head(a), head(b), other(a)])


def test_outputs_have_the_names_that_keras_gives_them():
    a, b = two_inputs()
    one, two = L.Dense(2, name="one"), L.Dense(2, name="two")
    model = keras.Model([a, b], [two(a), one(b)])
    assert output_names(model) == model.output_names == ["two", "one"]
    assert output_names(keras.Sequential([keras.Input((3,)), L.Dense(2, name="d")])) == ["d"]
    block = L.Dense(3, name="block")
    repeated = keras.Model(a, block(block(a)))
    assert output_names(repeated) == repeated.output_names == ["block"]


def test_the_keys_of_a_dict_name_its_outputs():
    a, b = two_inputs()
    tower = L.Dense(3, name="tower")
    model = keras.Model([a, b], {"z": tower(a), "y z": tower(b)})
    assert dict(zip(output_names(model), model.outputs, strict=True)) == model.output
    nested = keras.Model([a, b], {"z": [tower(a), tower(b)], "y": {"q": tower(b)}, "z.0": a})
    assert sorted(output_names(nested)) == ["y.q", "z.0", "z.0.1", "z.1"]


def test_no_two_outputs_have_one_name():
    assert output_names(siamese()) == ["dense", "dense.1", "dense_1"]
    i = keras.Input((2, 2), name="i")
    lstm = L.LSTM(2, return_state=True, name="lstm")
    assert output_names(keras.Model(i, [*lstm(i), i])) == ["lstm", "lstm.1", "lstm.2", "i"]
    a, _ = two_inputs()
    act = L.ReLU(name="act")
    x = act(a)
    assert output_names(keras.Model(a, [x, x, act(x)])) == ["act", "act.1", "act.2"]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["a", "a.1", "a.2", "b", "b.1"]), max_size=7))
def test_names_are_told_apart_and_the_first_of_each_stays(names):
    apart = told_apart(names)
    assert len(set(apart)) == len(apart) == len(names)
    for name in set(names):
        assert apart[names.index(name)] == name


def plans_of(model):
    yield wszoo.untied_twin(model)
    yield wszoo.retie(wszoo.untied_twin(model), wszoo.plan_of(model))


def test_names_do_not_change_with_the_plan():
    a, _ = two_inputs()
    block = L.Dense(3, name="block")
    repeated = keras.Model(a, block(block(a)))
    first, last = L.Dense(3, name="first"), L.Dense(3, name="last")
    untied = keras.Model(a, last(first(a)))
    assert output_names(wszoo.retie(untied, "AA")) == output_names(untied) == ["last"]
    for model in (siamese(), repeated, wszoo.get("tied_lm", vocabulary=7, width=8, heads=2)):
        for other in plans_of(model):
            assert output_names(other) == output_names(model)
            assert input_names(other) == input_names(model)


@pytest.mark.parametrize("name", wszoo.list_models())
def test_every_plan_of_the_zoo_gives_one_signature(name):
    model, untied = wszoo.get(name), wszoo.get(name, sharing="untied")
    assert output_names(model) == output_names(untied) and len(output_names(model)) == 1
    assert input_names(model) == input_names(untied) == ["input"]


def test_inputs_have_their_own_names_in_the_alphabet_of_a_signature():
    for names, wanted in (
        (("left", "right_2"), ["left", "right_2"]),
        (("Image", "image"), ["image", "image_1"]),
        (("a.b", "a_b"), ["a_b", "a_b_1"]),
        (("self", "class"), ["arg_self", "arg_class"]),
        (("1a", "_a"), ["arg_1a", "arg__a"]),
    ):
        a, b = two_inputs(*names)
        assert input_names(keras.Model([a, b], [a, b])) == wanted


def test_arrays_are_found_by_any_name_of_an_input():
    a, b = two_inputs("Left", "right")
    with pytest.warns(UserWarning, match="dict"):
        model = keras.Model({"l": a, "r": b}, L.Add()([a, b]))
    x, y = np.zeros(1), np.ones(1)
    for arrays in ({"left": x, "right": y}, {"right": y, "Left": x}, {"l": x, "r": y}):
        assert by_input(model, arrays) == {"left": x, "right": y}
    for wrong in ({"left": x}, {"left": x, "right": y, "more": y}, {}):
        with pytest.raises(ValueError, match="'left', 'right'"):
            by_input(model, wrong)
