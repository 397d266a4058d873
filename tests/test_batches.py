"""wszoo.batches: the order of examples is a function of its key."""

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wszoo
from wszoo import batches

SIZES, KEYS = st.integers(1, 60), st.tuples(st.integers(0, 2**31), st.integers(0, 99))


@given(SIZES, KEYS)
def test_an_order_has_every_example_once_and_the_key_decides_it(examples, key):
    order = batches.order(examples, *key)
    assert sorted(order) == list(range(examples))
    np.testing.assert_array_equal(order, batches.order(examples, *key))
    # NumPy's own stream, which all published runs took
    np.testing.assert_array_equal(order, np.random.default_rng(list(key)).permutation(examples))


def test_an_order_is_what_it_has_always_been():
    assert batches.order(10, 0, 1).tolist() == [9, 1, 3, 8, 7, 6, 0, 4, 2, 5]
    assert batches.order(10, 7).tolist() == [8, 0, 7, 1, 3, 6, 2, 4, 5, 9]


def test_other_keys_are_other_orders():
    keys = [(seed, epoch) for seed in range(5) for epoch in range(1, 5)]
    assert len({tuple(batches.order(40, *key)) for key in keys}) == len(keys)


@given(SIZES, st.integers(1, 200), st.integers(0, 2**31))
def test_a_stream_is_the_rounds_one_after_another(examples, length, seed):
    rows = batches.stream(examples, length, batches.generator(seed))
    whole = [*islice(batches.rounds(examples, batches.generator(seed)), -(-length // examples))]
    np.testing.assert_array_equal(rows, np.concatenate(whole)[:length])
    counts = np.bincount(rows, minlength=examples)
    assert len(rows) == length and counts.max() - counts.min() <= 1


def test_rows_are_shuffled_as_their_places():
    rows = np.arange(50, 90)
    found = batches.shuffled(rows, batches.generator(1))
    np.testing.assert_array_equal(found, rows[batches.shuffled(40, batches.generator(1))])


def test_a_source_takes_its_batches_in_this_order():
    source = wszoo.data.load("digits", max_per_split=50)
    y = np.concatenate([y for _, y in source.batches("train", 7, seed=3, epoch=2)])
    np.testing.assert_array_equal(y, source.arrays("train")[1][batches.order(len(y), 3, 2)])


def test_a_batch_is_no_larger_than_the_data():
    assert [batches.fitting(size, 48) for size in (1, 48, 64)] == [1, 48, 48]
    with pytest.raises(ValueError, match="at least 1, received 0"):
        batches.fitting(0, 48)


def test_batches_are_of_the_size_that_leaves_fewest_out():
    assert [batches.even_size(50, most) for most in (50, 51, 1000)] == [50, 50, 50]
    assert [batches.even_size(50, most) for most in (16, 24, 48)] == [16, 24, 25]
    assert (
        batches.even_size(50, 16, multiple=4) == 16 and batches.even_size(60, 25, multiple=4) == 20
    )
    with pytest.raises(ValueError, match="too few for 8 devices"):
        batches.even_size(50, 6, multiple=8)
