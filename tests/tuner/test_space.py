"""The space of plans: counts, canonical spelling, uniform draws, steps, budgets."""

import random
from collections import Counter

import keras
import pytest

import wszoo
from wszoo.tuner.space.partitions import bell, canonical, draw, mutate, partitions, stirling
from wszoo.tuner.space.space import SearchSpace

SITES = [f"block_{i}" for i in range(6)]


def dense_net():
    """Three sites of one kind, two of another, one that is alone."""
    x = inputs = keras.Input((4,))
    for i in range(3):
        x = keras.layers.Dense(4, activation="tanh", name=f"a_{i}")(x)
    for i in range(2):
        x = keras.layers.Dense(4, activation="relu", name=f"b_{i}")(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(x))


@pytest.mark.parametrize("members, number", [(1, 1), (4, 15), (6, 203), (8, 4140), (10, 115975)])
def test_bell_numbers(members, number):
    assert bell(members) == number
    if members < 9:
        found = list(partitions(members))
        assert len(set(found)) == number == len(found)
        assert all(canonical(labels) == labels for labels in found)


def test_drawn_partitions_are_canonical_and_each_as_likely():
    rng = random.Random(0)
    seen = Counter(draw(5, 3, rng) for _ in range(5000))
    assert len(seen) == stirling(5, 3) == 25
    assert all(canonical(labels) == labels and len(set(labels)) == 3 for labels in seen)
    assert max(seen.values()) < 270 and min(seen.values()) > 130  # 200 ± 5 sd


def test_steps_give_another_partition_and_lead_everywhere():
    rng = random.Random(0)
    labels, seen = (0, 1, 2, 3), set()
    for _ in range(2000):
        new = mutate(labels, rng)
        assert new != labels and canonical(new) == new
        labels = new
        seen.add(new)
    assert len(seen) == bell(4)
    with pytest.raises(ValueError, match="no other"):
        mutate((0,), rng)


def test_a_space_of_one_class_lists_every_plan_once():
    space = SearchSpace.plain(SITES, size=10, rest=3)
    plans = list(space)
    assert len(plans) == space.count == 203 == len(set(plans))
    assert plans[0] == space.tied and plans[-1] == space.untied
    assert space.stored_parameters(space.tied) == 13
    assert space.stored_parameters(space.untied) == 63
    assert len(space.templates()) == 15
    assert list(space.templates())[:2] == ["untied", "tied"]


def test_sites_share_only_with_their_like():
    model = dense_net()
    space = SearchSpace.of(model)
    assert space.count == bell(3) * bell(2) == len(list(space))
    assert space.pattern(space.tied) == "AAABBC"
    with pytest.raises(ValueError, match="cannot share"):
        space.plan("AAAABC")
    for plan in space:
        tied = wszoo.retie(model, plan)
        assert tied.count_params() == space.stored_parameters(plan)
        assert space.plan(space.pattern(plan)) == plan
        assert plan in space
    assert wszoo.SharingPlan.untied(["a_0"]) not in space


def test_draws_and_steps_stay_within_the_budget():
    space = SearchSpace.of(dense_net(), max_parameters=0.7)
    inside = set(space)
    assert len(inside) == space.count < SearchSpace.of(dense_net()).count
    rng = random.Random(0)
    assert {space.draw(rng) for _ in range(300)} == inside
    plan = space.tied
    for _ in range(100):
        plan = space.mutate(plan, rng)
        assert plan in inside
    assert set(space.templates().values()) <= inside


def test_bytes_and_parameters_are_one_budget():
    whole = SearchSpace.of(dense_net())
    by_parameters = SearchSpace.of(dense_net(), max_parameters=60)
    by_bytes = SearchSpace.of(dense_net(), max_bytes=60 * 4)
    assert set(by_parameters) == set(by_bytes)
    assert whole.stored_bytes(whole.untied) == 4 * dense_net().count_params()


def test_blocks_move_together_by_depth():
    model = wszoo.get("tied_lm", depth=4, width=8, heads=2, sharing="untied")
    space = SearchSpace.of(model, by_depth=True)
    assert space.count == 15
    for plan in space:
        assert wszoo.retie(model, plan).count_params() == space.stored_parameters(plan)


def test_large_spaces_are_drawn_not_listed():
    space = SearchSpace.plain([f"s{i}" for i in range(40)], size=100)
    plan = space.draw(random.Random(0))
    assert plan in space and space.mutate(plan, random.Random(0)) in space
    assert space.count > 10**30


def test_a_site_of_a_group_that_is_not_searched_is_counted():
    model = wszoo.retie(dense_net(), "AAABBC")
    space = SearchSpace.of(model, ["a_0", "a_1"])
    for plan in space:
        assert wszoo.retie(model, plan).count_params() == space.stored_parameters(plan)


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"sites": ["a_0", "b_0", "head"]}, r"no two of the sites can share(.|\n)*head: Dense"),
        ({"max_parameters": 20}, r"allows 20 stored parameters; the fully tied model .*has 50"),
        ({"max_parameters": 0.1}, "fully tied model"),
        ({"max_parameters": -1}, "above 0"),
        ({"max_parameters": 50, "max_bytes": 200}, "not both"),
        ({"sites": "a_9"}, "did you mean"),
    ],
)
def test_bad_spaces(settings, message):
    with pytest.raises(ValueError, match=message):
        SearchSpace.of(dense_net(), **settings)
