"""Splits that are made are what they have always been: else test examples would become training's.

The digests of shipped sources stand with their own tests, see `label_digests`.
"""

from __future__ import annotations

import numpy as np
import pytest

from wszoo.data.sets.tfds_images import plan_splits
from wszoo.data.splits import SPLITS
from wszoo.data.splitting import carve, complete, first_stratified, stratified_order


def test_splits_are_cut_off_the_end_the_first_that_is_missing_first():
    order = np.array([3, 1, 4, 0, 5, 9, 2, 6, 8, 7])
    rows = carve(order, ["validation", "test"], 0.2)
    assert {split: r.tolist() for split, r in rows.items()} == {
        "train": [0, 1, 3, 4, 5, 9],
        "validation": [7, 8],
        "test": [2, 6],
    }


def test_a_stratified_order_is_that_of_its_seed(digest):
    assert stratified_order(np.arange(30) % 3)[:12].tolist() == [
        13, 18, 26, 9, 4, 5, 21, 14, 10, 27, 22, 20,
    ]  # fmt: skip
    assert digest(stratified_order(np.arange(1000) % 7)) == "28d0848683f380f9"


def test_arrays_are_carved_and_limited_as_ever():
    pairs = {"train": (np.arange(30), np.arange(30) % 3)}
    rows = {split: x.tolist() for split, (x, _) in complete(pairs, None, None).items()}
    assert (rows["validation"], rows["test"]) == ([0, 2, 25], [6, 8, 28])
    assert first_stratified(np.arange(30) % 3, 5).tolist() == [4, 9, 13, 18, 26]


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [
        (  # mnist and fashion_mnist
            {"train": 60000, "test": 10000},
            ["35c4fbd5a4fe8ec8", "94d821957fd63329", "9e1c19b3fdc18541"],
        ),
        ({"train": 1000}, ["aef420fc780dddd9", "98b67207187196ee", "9dc3c5457708f1e9"]),
    ],
)
def test_rows_of_tfds_sets_are_carved_as_ever(digest, sizes, wanted):
    plan = plan_splits("some", sizes, None, None)
    assert [digest(plan[split][1]) for split in SPLITS] == wanted
