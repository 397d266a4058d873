"""Pooling: few noisy scores lean on like plans, many speak for themselves."""

from itertools import pairwise

import numpy as np

from wszoo.tuner.racing.pooling import distances, pooled, spread
from wszoo.tuner.space.partitions import partitions

PLANS = list(partitions(6))
TIED = np.array([[a == b for a, b in pairwise(p)] for p in PLANS], float)
TRUTH = TIED @ [0.3, 0.1, 0.0, -0.1, -0.3]  # neighbours that share matter, each in its way


def errors(repeats, noise, seed=0):
    rng = np.random.default_rng(seed)
    table = TRUTH[:, None] + rng.normal(size=repeats) + noise * rng.normal(size=(203, repeats))
    own = table.mean(1)
    found = pooled(PLANS, table.tolist())
    return [float(np.std(estimate - TRUTH)) for estimate in (own, found)]


def test_like_plans_tell_of_each_other_where_noise_is_large():
    own, found = errors(repeats=3, noise=0.5)
    assert found < 0.6 * own


def test_many_scores_speak_for_themselves():
    own, found = errors(repeats=40, noise=0.05)
    assert found <= 1.1 * own < 0.01


def test_plans_that_left_early_are_compared_at_the_levels_they_met():
    rng = np.random.default_rng(0)
    levels = np.array([0.0, 0.0, 5.0, -5.0])  # later replicates are other splits
    scores = [(t + levels[: 4 if i % 2 else 2] + 0.01 * rng.normal()).tolist()
              for i, t in enumerate(TRUTH)]  # fmt: skip
    assert np.std(pooled(PLANS, scores) - TRUTH) < 0.02


def test_distances_are_the_pairs_on_which_plans_disagree():
    plans = [(0, 0, 0), (0, 1, 2), (0, 0, 1)]
    apart = distances(plans, plans)
    assert apart.tolist() == [[0, 3, 2], [3, 0, 1], [2, 1, 0]]
    assert distances(plans[:1], plans).tolist() == apart[:1].tolist()


def test_one_score_or_one_plan_is_taken_as_it_is():
    assert np.allclose(pooled(PLANS, TRUTH[:, None].tolist()), TRUTH - TRUTH.mean())
    assert pooled([(0, 0)], [[1.0, 2.0]]).tolist() == [0.0]


def test_noise_is_pooled_by_degrees_of_freedom():
    rng = np.random.default_rng(1)
    table = rng.normal(size=(7, 4))
    assert np.isclose(spread(table), table.var(axis=1, ddof=1).mean())
    table[2:4, 1:] = np.nan  # ran once, which tells nothing of noise
    table[4:, 2:] = np.nan  # ran twice: one degree of freedom against three
    variances = [np.var(row[~np.isnan(row)], ddof=1) for row in table[[0, 1, 4, 5, 6]]]
    assert np.isclose(spread(table), np.average(variances, weights=[3, 3, 1, 1, 1]))
    assert spread(np.array([[1.0, np.nan], [2.0, np.nan]])) == 0


def test_unseen_plans_are_foretold_by_like_ones():
    rng = np.random.default_rng(3)
    table = (TRUTH[:, None] + 0.2 * rng.normal(size=(203, 4))).tolist()
    known, unseen = list(range(0, 203, 2)), list(range(1, 203, 2))
    found = pooled([PLANS[i] for i in known], [table[i] for i in known], [PLANS[i] for i in unseen])
    assert len(found) == 203
    assert np.corrcoef(found[len(known) :], TRUTH[unseen])[0, 1] > 0.8
