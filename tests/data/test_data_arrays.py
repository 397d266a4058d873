"""Arrays and .npz files: what is accepted, what is refused, and the splits that are carved."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wszoo.data import MissingDataError, from_arrays, load
from wszoo.data.splits import SPLITS
from wszoo.data.splitting import carve, stratified_order


@given(st.lists(st.integers(1, 40), min_size=1, max_size=6), st.integers(0, 5))
def test_every_prefix_of_a_stratified_order_is_in_proportion(counts, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    order = stratified_order(y, seed)
    assert sorted(order) == list(range(len(y)))
    for label, count in enumerate(counts):
        have = np.cumsum(y[order] == label)
        share = np.arange(1, len(y) + 1) * count / len(y)
        assert np.abs(have - share).max() <= 1 + len(counts) / 2


@given(st.integers(10, 200), st.floats(0.01, 0.3))
def test_carved_splits_are_disjoint_and_complete(count, fraction):
    rows = carve(np.random.default_rng(0).permutation(count), ["validation", "test"], fraction)
    assert sorted(np.concatenate(list(rows.values()))) == list(range(count))
    assert len(rows["test"]) == len(rows["validation"]) == max(1, round(fraction * count))


def test_missing_splits_are_stratified_and_always_the_same(pictures):
    x, y = pictures(300)
    first, second = (from_arrays(x, y, name="s") for _ in range(2))
    assert first.fingerprint() == second.fingerprint()
    sizes = {split: np.bincount(first.arrays(split)[1]).tolist() for split in SPLITS}
    assert sizes == {"train": [80] * 3, "validation": [10] * 3, "test": [10] * 3}
    images = [image.tobytes() for split in SPLITS for image in first.arrays(split)[0]]
    assert len(set(images)) == 300


def test_given_splits_are_kept_and_limited(pictures):
    x, y = pictures(60)
    more = pictures(30, seed=1)
    source = from_arrays(x, y, name="s", test_data=more, max_per_split=12)
    assert [len(source.arrays(s)[1]) for s in SPLITS] == [12, 6, 12]
    assert np.bincount(source.arrays("train")[1]).tolist() == [4, 4, 4]


def test_shapes_that_keras_data_sets_have_are_accepted(pictures):
    x, y = pictures(60)
    source = from_arrays(x[..., 0], y[:, None], name="s")
    assert source.fingerprint() == from_arrays(x, y, name="s").fingerprint()
    assert from_arrays(x.reshape(60, 36), y, name="s").input_shape == (36,)


def test_image_size_crops_and_resizes_without_overshoot(pictures):
    x, y = pictures(60, (10, 14, 3))
    with pytest.warns(UserWarning, match="60 of 60 images lose up to 29%"):
        assert from_arrays(x, y, name="s", image_size=5).input_shape == (5, 5, 3)
    x = np.zeros((60, 8, 12, 1), np.uint8)
    x[:, :, 2:10], x[:, 3:5, 5:7] = 128, 255  # grey in the centred square only
    x[:, 7, 9, 0] = 128 + np.arange(60)  # none is another's copy
    source = from_arrays(x, y, name="s", image_size=17, resize="crop")
    values = source.arrays("train")[0]
    assert values.min() == np.float32(128 / 255) and values.max() <= 1


def test_resizing_down_averages_instead_of_skipping():
    # chessboards
    x = (
        np.indices((64, 64)).sum(0)[None, ..., None]
        % 2
        * np.linspace(0.98, 1, 20).reshape(20, 1, 1, 1)
    )
    source = from_arrays(x, np.arange(20) % 2, name="s", image_size=8)
    assert np.abs(source.arrays("train")[0] - 0.5).max() < 0.05


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"y": np.zeros(59, int)}, "60 examples and 59 labels"),
        ({"y": np.zeros(60, int)}, "one class only"),
        ({"y": np.arange(60) % 3 * 2}, "without a gap"),
        ({"y": np.arange(60) % 3 - 1}, "labels run from -1 to 1"),
        ({"y": np.arange(60) % 2 + 2**32}, "labels run from"),
        ({"y": np.eye(3)[np.arange(60) % 3]}, "argmax"),
        ({"y": np.arange(60) % 3 * 1.0}, "labels must be integers"),
        ({"class_names": ["a", "b"]}, "the 2 class names allow 0 to 1"),
        ({"class_names": ["a", "a ", "b"]}, r"\['a'\] stand for two classes"),
        ({"x": np.full((60, 4, 4, 1), np.nan)}, "x must be finite"),
        ({"x": np.full((60, 4, 4, 1), np.inf)}, "x must be finite"),
        ({"x": np.full((60, 4), "a")}, "x must be an array of numbers"),
        ({"x": np.ones((60, 16)), "image_size": 8}, "x holds vectors"),
        ({"x": np.ones((0, 4, 4, 1)), "y": np.zeros(0, int)}, "x has no examples"),
        ({"image_size": 0}, "image_size must be a whole number of at least 1; received 0"),
        ({"max_per_split": -3}, "max_per_split must be"),
        ({"validation": 0.7}, "between 0 and 0.5"),
        ({"image_size": 5000}, "60 examples of shape .5000, 5000, 1. are 6 GB"),
    ],
)
def test_bad_input_is_refused_with_a_reason(pictures, change, match):
    x, y = pictures(60)
    with pytest.raises(ValueError, match=match):
        from_arrays(**{"x": x, "y": y, "name": "bad", **change})


def test_npz_round_trip(pictures, tmp_path):
    x, y = pictures(60)
    path = tmp_path / "shapes.npz"
    more, labels = pictures(9, seed=1)
    np.savez(path, x_train=x, y_train=y, x_test=more, y_test=labels, class_names=["a", "b", "c"])
    source = load(str(path))
    expected = from_arrays(x, y, name="shapes", test_data=(more, labels), class_names=list("abc"))
    assert source.fingerprint() == expected.fingerprint() == load(path).fingerprint()
    np.savez(path, x=x, y=y)
    assert load(path).fingerprint() == from_arrays(x, y, name="shapes").fingerprint()


def test_npz_errors_name_the_file_and_the_keys(pictures, tmp_path):
    x, y = pictures(60)
    path = tmp_path / "bad.npz"
    with pytest.raises(MissingDataError, match=r"bad\.npz: no such file"):
        load(path)
    np.savez(path, a=x)
    with pytest.raises(ValueError, match=r"\['a'\]; expected x_train and y_train, or x and y"):
        load(path)
    np.savez(path, x_train=x, y_train=y, x_test=x)
    with pytest.raises(ValueError, match="x_test without its partner"):
        load(path)
    np.savez(path, x=np.array([{}] * 60), y=y)
    with pytest.raises(ValueError, match=r"plain arrays.*pickle"):
        load(path)
    np.save(tmp_path / "one.npy", x)
    one = (tmp_path / "one.npy").read_bytes()
    for garbage in (b"", b"not a zip file", path.read_bytes()[:200], one):
        path.write_bytes(garbage)
        with pytest.raises(ValueError, match="cannot be read as an"):
            load(path)
