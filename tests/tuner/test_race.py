"""Races: paired repetition beats noise, and ends with what is equal to the best."""

import numpy as np
import pytest

from wszoo.tuner.racing.race import Round, halving, race, race_through, split
from wszoo.tuner.space.space import SearchSpace

SPACE = SearchSpace.plain([f"block_{i}" for i in range(6)])


def noisy(pairs):
    """One group more than two costs 0.1; a replicate's own level hides it, as data sets do."""
    rng = np.random.default_rng(0)
    levels, noise = rng.normal(size=1000), rng.normal(size=(1000, len(pairs)))
    return np.array(
        [0.1 * abs(len(p.groups) - 2) + levels[r] + 0.1 * noise[r, i] for i, (p, r) in
         enumerate(pairs)]
    )  # fmt: skip


def test_the_best_are_found_and_the_trainings_are_counted():
    rounds = halving(203)
    seen = []
    result = race(SPACE, noisy, rounds, report=lambda state: seen.append(state.trained))
    assert len(result.best.groups) == 2
    lasting = [203, *(turn.keep for turn in rounds)]
    assert result.trained == seen[-1]
    assert result.trained == sum(n * r.repeats for n, r in zip(lasting, rounds, strict=False))
    assert result.best in result.equal_to_best()
    assert set(result.equal_to_best()) <= set(result.standing)
    repeats = sum(turn.repeats for turn in rounds)
    assert len(result.scores[result.best]) == repeats


def test_a_price_moves_the_winner():
    result = race(SPACE, noisy, halving(203), cost=lambda plan: len(plan.groups))
    assert result.best == SPACE.tied


def test_promising_plans_of_a_pool_join_and_catch_up():
    plans = list(SPACE)
    starters = [plan for plan in plans if len(plan.groups) > 3]
    rounds = [Round(3, 40), Round(2, 20, join=60), Round(5, 8)]
    result = race(starters, noisy, rounds, pool=plans)
    assert len(result.best.groups) == 2  # none of the starters has two groups
    assert len(result.scores) == len(starters) + 60
    assert result.trained == 3 * len(starters) + 60 * 3 + 2 * 100 + 5 * 20
    assert len(result.scores[result.best]) == 10
    assert {len(s) for s in result.scores.values()} == {3, 5, 10}


def test_a_large_space_is_raced_through_without_training_all_of_it():
    space = SearchSpace.plain([f"block_{i}" for i in range(8)])

    def measure(pairs):
        rng = np.random.default_rng(len(pairs))
        apart = [len(p.groups) - 2 + (p.owner("block_1") != "block_0") for p, _ in pairs]
        return 0.1 * np.array(apart) ** 2 + 0.05 * rng.normal(size=len(pairs))

    result = race_through(space, measure, first=3)
    assert result.best.owner("block_1") == "block_0"
    assert len(result.best.groups) == 2
    assert len(result.scores) == 700  # of 4,140


def test_splits_are_a_cross_validation_then_another():
    rows = [split(50, replicate, seed=1) for replicate in range(10)]
    for folds in (rows[:5], rows[5:]):
        assert sorted(np.concatenate([held for _, held in folds])) == list(range(50))
    assert all(len(set(train) | set(held)) == 50 for train, held in rows)
    assert not np.array_equal(rows[0][1], rows[5][1])


def test_bad_races():
    with pytest.raises(ValueError, match="needs plans and rounds"):
        race([], noisy, halving(5))
    with pytest.raises(ValueError, match="repeats must be a whole number of at least 1"):
        Round(0, 5)
