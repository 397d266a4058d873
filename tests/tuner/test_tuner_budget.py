"""A budget of parameters used up: plans that moves cannot better, and parts that just fit."""

from itertools import combinations

import keras
import numpy as np
import pytest

import wszoo
from wszoo.tuner.compressing import budget
from wszoo.tuner.compressing.compress import start
from wszoo.tuner.pricing import costs
from wszoo.tuner.pricing.suggest import Step, Suggestion, price_of, suggest
from wszoo.tuner.space.partitions import partitions

SITES = tuple("abcdef")
SIZE = dict.fromkeys(SITES, 10)


def plan(pattern):
    return wszoo.as_plan(pattern, SITES)


def spread_of(values):
    """The price of one-dimensional sites: squared distance to the mean of their group."""
    return costs.Additive(lambda group: float(np.var([values[s] for s in group]) * len(group)))


def test_sites_move_to_where_they_belong():
    price = spread_of(dict(zip(SITES, (0, 1, 2, 7, 8, 9), strict=True)))
    for pattern in ("AAABBA", "ABABAB", "ABBBBA"):
        assert budget.settle(plan(pattern), price, [SITES], SIZE, 40) == plan("AAABBB")


@pytest.mark.parametrize("seed", range(5))
def test_what_is_settled_no_move_can_better(seed):
    rng = np.random.default_rng(seed)
    price = spread_of(dict(zip(SITES, rng.normal(size=6), strict=True)))
    for labels in list(partitions(6))[::20]:
        begun = plan("".join("ABCDEF"[label] for label in labels))
        least = budget.saved(begun, SIZE)
        found = budget.settle(begun, price, [SITES], SIZE, least)
        assert price(found) <= price(begun)
        assert budget.saved(found, SIZE) >= least
        for other in budget.moves(found, [SITES]):
            assert budget.saved(other, SIZE) < least or price(other) >= price(found)


def test_moves_stay_within_a_family():
    family_of = dict(zip(SITES, "xxxyyy", strict=True))
    near = list(budget.moves(plan("AABCCD"), [SITES[:3], SITES[3:]]))
    assert plan("AAACCD") in near and plan("ABCDDE") in near
    for other in near:
        for group in other.groups.values():
            assert all(family_of[a] == family_of[b] for a, b in combinations(group, 2))


def net(**dense):
    """Six dense sites, the first three near each other and the last three too."""
    keras.utils.set_random_seed(0)
    inputs = x = keras.Input((8,))
    for site in SITES:
        x = keras.layers.Add()([x, keras.layers.Dense(8, name=site, **dense)(x)])
    model = keras.Model(inputs, keras.layers.Dense(3, name="head")(x))
    rng = np.random.default_rng(0)
    for group in (SITES[:3], SITES[3:]):
        kernel = rng.normal(size=(8, 8))
        for site in group:
            model.get_layer(site).kernel.assign(kernel + 0.1 * rng.normal(size=(8, 8)))
    return model


@pytest.mark.parametrize("method", ["activations", "weights"])
def test_the_cheapest_plan_is_not_dearer_than_the_suggested_one(method):
    model, x = net(), np.random.default_rng(1).normal(size=(64, 8)).astype("float32")
    wrong = Step(plan("ABABAB"), ("a", "b"), 1.0, model.count_params() - 4 * 72)
    found = Suggestion("net", method, (wrong,))
    assert budget.cheapest(model, found, wrong.stored_parameters, x, x) == plan("AAABBB")
    price = price_of(model, SITES, method, x)
    greedy = suggest(model, x, sites=SITES, method=method)
    for step in greedy.steps:
        better = budget.cheapest(model, greedy, step.stored_parameters, x, x)
        assert price(better) <= price(step.plan)
    with pytest.raises(ValueError, match="cannot be stored in 10 "):
        budget.cheapest(model, greedy, 10, x, x)


@pytest.mark.parametrize("extra", [130, 240, 400])
def test_parts_have_the_largest_rank_that_fits(extra):
    model = net()
    most = wszoo.retie(model, plan("AAABBB")).count_params() + extra
    made = budget.filled(model, plan("AAABBB"), most)
    rank = made.get_layer("a_low_rank").rank
    assert made.count_params() <= most
    assert wszoo.relax(model, rank=rank + 1, plan=plan("AAABBB")).count_params() > most
    assert wszoo.plan_of(made).restrict(SITES) == plan("AAABBB")


def test_parts_are_left_out_where_none_fit():
    model = net()
    tied = wszoo.retie(model, plan("AAABBB")).count_params()
    assert budget.filled(model, plan("AAABBB"), tied + 20) is None
    assert budget.filled(model, plan("ABCDEF"), 10**6) is None
    fixed = net(kernel_constraint=keras.constraints.MaxNorm(3))
    assert budget.filled(fixed, plan("AAABBB"), 10**6) is None
    whole = budget.filled(model, plan("AAABBB"), 10**6)
    part = whole.get_layer("a_low_rank")
    assert part.rank == part.full_rank


@pytest.mark.parametrize("bias", [True, False])
def test_with_parts_of_full_rank_the_start_is_the_original(bias):
    model, x = net(use_bias=bias), np.random.default_rng(1).normal(size=(64, 8)).astype("float32")
    if bias:
        for site in SITES:
            model.get_layer(site).bias.assign(np.random.default_rng(2).normal(size=8))
    wanted = model.predict(x, verbose=0)
    for rank, same in ((1, False), (8, True)):
        made = wszoo.relax(model, rank=rank, plan=plan("AAABBB"))
        start(made, model, plan("AAABBB"), x, method="activations")
        gap = np.abs(made.predict(x, verbose=0) - wanted).max() / np.abs(wanted).max()
        assert (gap < 1e-4) == same
