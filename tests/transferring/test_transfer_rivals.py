"""Every way to use few labels trains, repeats itself, and leaves the others alone."""

import keras
import numpy as np
import pytest

import wszoo
import wszoo.data
from wszoo.transferring import rivals
from wszoo.transferring.training.repeated import accuracy
from wszoo.transferring.ways import WAYS


def small():
    keras.utils.set_random_seed(0)
    return wszoo.get("conv_net", depth=1, width=4, input_shape=(8, 8, 1), head=None)


@pytest.mark.slow
def test_ways_repeat_themselves_and_do_not_touch_each_other(tmp_path):
    source = wszoo.data.load("digits").subset(2, seed=0)
    train, held = source.arrays("train"), source.arrays("validation")
    ways = rivals.Rivals(small, 10, 3, tmp_path)
    before = [np.copy(w) for w in ways.net.get_weights()]

    def both(name):
        """Accuracy of a training, and of the classifier of another with the same seed."""
        asked = {"setting": WAYS[name].usual, "seed": 1}
        first = ways.accuracy(name, train, held, **asked)
        if name == "pixels":
            return first, ways.train(name, train, held, **asked).accuracy(*held)
        return first, accuracy(ways.classifier(name, train, **asked), *held)

    scores = {name: both(name) for name in WAYS}
    assert all(0 <= first == again <= 1 for first, again in scores.values()), scores
    with pytest.raises(ValueError, match="'pixels' has none"):
        ways.classifier("pixels", train, setting=1.0, seed=0)
    for a, b in zip(before, ways.net.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
