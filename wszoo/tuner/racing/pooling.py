"""What a plan is worth, from few noisy scores of many plans: like plans tell of each other.

A Gaussian process over plans: two plans are as alike as they agree on which pairs of sites are
tied, and each has a part of its own. Length, and how much is smooth, are those of the greatest
likelihood; the noise is that of a plan's scores, over their number. Few scores lean on like plans,
many speak for themselves.
"""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from wszoo.tuner.space.partitions import Labels

LENGTHS = (1.0, 2.0, 4.0, 8.0)  # in pairs of sites
SMOOTH = (0.1, 0.3, 0.5, 0.7, 0.9, 0.97)  # share of the variance between plans
MOST = 1000  # plans; the work grows with their cube


def distances(plans: Sequence[Labels], others: Sequence[Labels]) -> np.ndarray:
    """`(plans, others)`: on how many pairs of sites do two plans disagree?"""
    tied, theirs = _tied_pairs(plans), _tied_pairs(others)
    return tied @ (1 - theirs).T + (1 - tied) @ theirs.T


def _tied_pairs(plans: Sequence[Labels]) -> np.ndarray:
    """`(plans, pairs of sites)`: 1 where the pair shares."""
    tied = [[a == b for a, b in combinations(labels, 2)] for labels in plans]
    return np.array(tied, float).reshape(len(plans), -1)


def pooled(
    plans: Sequence[Labels], scores: Sequence[Sequence[float]], unseen: Sequence[Labels] = ()
) -> np.ndarray:
    """Estimates of all plans, then of the unseen ones; smaller is better, up to a constant.

    `scores[i]` are those of replicates 0, 1, …, as many as plan i had; plans that ran in all
    give the levels of the replicates. Of more than 1,000 plans, or fewer than three, or where none
    ran twice, each gets its own mean, and the unseen the mean of all.
    """
    longest = max(map(len, scores))
    table = np.full((len(plans), longest), np.nan)
    for row, values in zip(table, scores, strict=True):
        row[: len(values)] = values
    table -= table[~np.isnan(table).any(1)].mean(0)
    means, numbers = np.nanmean(table, axis=1), (~np.isnan(table)).sum(1)
    if len(plans) > MOST or len(plans) < 3 or longest < 2:
        return np.append(means, np.full(len(unseen), means.mean()))
    noise = spread(table) / numbers
    across = distances(unseen, plans) if unseen else np.zeros((0, len(plans)))
    return _posterior(distances(plans, plans), across, means, noise)


def spread(table: np.ndarray) -> float:
    """The variance of one score, pooled over the plans `(plans, replicates)`; NaN is no score.

    A plan of n scores has n - 1 degrees of freedom, so one that ran once tells nothing.
    """
    freedom = ((~np.isnan(table)).sum(axis=1) - 1).sum()
    gaps = table - np.nanmean(table, axis=1, keepdims=True)
    return float(np.nansum(gaps**2) / max(1, freedom))


def _posterior(
    apart: np.ndarray, from_unseen: np.ndarray, means: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """Posterior means, then those of the unseen, under the likeliest of a few lengths and shares.

    `apart` are distances `(plans, plans)`, `from_unseen` `(unseen, plans)`.
    """
    weights = 1 / (noise + means.var())
    centred = means - (weights * means).sum() / weights.sum()
    between = max(float(means.var() - noise.mean()), 1e-3 * float(means.var()), 1e-12)
    best = -np.inf, np.zeros(len(means) + len(from_unseen))
    for length in LENGTHS:
        for share in SMOOTH:
            prior = between * (share * np.exp(-apart / length) + (1 - share) * np.eye(len(means)))
            total = prior + np.diag(noise + 1e-9 * between)
            solved = np.linalg.solve(total, centred)
            likelihood = -0.5 * centred @ solved - 0.5 * np.linalg.slogdet(total)[1]
            if likelihood > best[0]:
                across = between * share * np.exp(-from_unseen / length)
                best = likelihood, np.concatenate([prior, across]) @ solved
    return best[1] + (means - centred)[0]
