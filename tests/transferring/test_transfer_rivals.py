"""Every way to use few labels trains, repeats itself, and leaves the others alone."""

import keras
import numpy as np
import pytest

import wszoo
import wszoo.data
from wszoo.transferring import rivals


def small():
    keras.utils.set_random_seed(0)
    return wszoo.get("conv_net", depth=1, width=4, input_shape=(8, 8, 1), head=None)


@pytest.mark.slow
def test_ways_repeat_themselves_and_do_not_touch_each_other(tmp_path):
    source = wszoo.data.load("digits").subset(2, seed=0)
    train, held = source.arrays("train"), source.arrays("validation")
    ways = rivals.Rivals(small, 10, 3, tmp_path)
    before = [np.copy(w) for w in ways.net.get_weights()]

    def scores():
        return {
            name: ways.accuracy(name, train, held, setting=way.settings[1], seed=1)
            for name, way in rivals.WAYS.items()
        }

    first = scores()
    assert scores() == first and all(0 <= score <= 1 for score in first.values())
    for a, b in zip(before, ways.net.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
