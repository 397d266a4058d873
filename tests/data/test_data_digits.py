"""The embedded digits."""

from __future__ import annotations

import numpy as np
import pytest

from wszoo.data import list_sources, load
from wszoo.data.splits import SPLITS


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_the_splits_are_all_digits_once_and_stratified(digits):
    from sklearn.datasets import load_digits

    assert [len(digits.arrays(s)[1]) for s in SPLITS] == [797, 200, 800]
    ours = sorted(
        (image.tobytes(), label)
        for split in SPLITS
        for image, label in zip(*digits.arrays(split), strict=True)
    )
    bunch = load_digits()
    theirs = (bunch.images / 16).astype(np.float32)
    assert ours == sorted((x.tobytes(), y) for x, y in zip(theirs, bunch.target, strict=True))
    whole = np.bincount(bunch.target) / 1797
    for split in SPLITS:
        counts = np.bincount(digits.arrays(split)[1])
        assert np.abs(counts - whole * counts.sum()).max() <= 2


def test_the_splits_are_fixed(digits):
    assert digits.fingerprint() == (
        "e0e1f8eac975063dfae687080cd55a3c9264da33400df293b130fdf5812376a6"
    )
    assert load("digits").fingerprint() == digits.fingerprint()
    assert np.array_equal(load("digits", image_size=28).arrays("test")[1], digits.arrays("test")[1])


def test_framing_is_that_of_mnist(digits):
    x, _ = load("digits", image_size=28).arrays("train")
    assert x.shape == (797, 28, 28, 1) and x.min() == 0 and 0.9 < x.max() <= 1
    inside = np.zeros((28, 28), bool)
    inside[4:24, 4:24] = True
    assert not x[:, ~inside].any()
    native = digits.arrays("train")[0]
    scale = x.sum(axis=(1, 2, 3)) / native.sum(axis=(1, 2, 3))
    assert np.abs(scale / (20 / 8) ** 2 - 1).max() < 0.15  # ink grows with the area
    assert load("digits", image_size=9).input_shape == (9, 9, 1)


def test_the_size_that_they_have_changes_nothing():
    assert load("digits", image_size=8).fingerprint() == load("digits").fingerprint()


def test_a_limit_keeps_all_classes(digits):
    part = load("digits", max_per_split=50)
    assert [len(part.arrays(s)[1]) for s in SPLITS] == [50] * 3
    assert np.bincount(part.arrays("train")[1], minlength=10).min() >= 4


def test_the_card_of_the_set(digits):
    assert digits.licence == "CC BY 4.0" and "Alpaydin" in digits.origin
    assert "digits" in list_sources()


@pytest.mark.parametrize("image_size", [0, -1, 2.5, True])
def test_image_size_is_checked(image_size):
    with pytest.raises(ValueError, match="image_size must be a whole number"):
        load("digits", image_size=image_size)
