"""Laws of the batch contract."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wszoo.data import Batches, Source, Spec, from_arrays
from wszoo.data.splits import SPLITS


def rows(x):
    return {image.tobytes() for image in x}


def test_importing_the_package_imports_no_framework():
    code = "import wszoo.data, sys; print(*{m.split('.')[0] for m in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert {"numpy", "wszoo"} <= set(loaded.stdout.split())
    heavy = {"keras", "tensorflow", "tensorflow_datasets", "sklearn", "scipy", "PIL"}
    assert not heavy & set(loaded.stdout.split())


@given(st.integers(1, 60), st.integers(1, 70), st.booleans(), st.integers(0, 99), st.integers(0, 9))
def test_batches_cover_every_example_once(count, batch_size, shuffle, seed, epoch):
    x = np.arange(count, dtype=np.float32)[:, None]
    batches = Batches(x, x[:, 0].astype(np.int32), batch_size, shuffle, seed, epoch)
    seen = list(batches)
    assert len(seen) == len(batches)
    assert all(len(bx) == batch_size for bx, _ in seen[:-1])
    assert all(np.array_equal(bx[:, 0], by) for bx, by in seen)
    assert sorted(np.concatenate([by for _, by in seen])) == list(range(count))


def test_the_order_depends_only_on_seed_and_epoch(small):
    def order(**options):
        return b"".join(x.tobytes() for x, _ in small.batches("train", 8, **options))

    assert order(seed=1, epoch=2) == order(seed=1, epoch=2)
    assert len({order(seed=s, epoch=e) for s in range(3) for e in range(3)}) == 9
    np.random.seed(0)
    first = order()
    np.random.seed(1)
    assert order() == first


def test_batches_are_re_iterable_and_shuffled_for_train_only(small):
    for split in SPLITS:
        batches = small.batches(split, 7)
        first, second = ([x.tobytes() for x, _ in batches] for _ in range(2))
        assert first == second
        in_order = b"".join(first) == small.arrays(split)[0].tobytes()
        assert in_order == (split != "train")


def test_batches_are_copies_and_arrays_are_read_only(small):
    for x, _ in small.batches("test"):
        x += 1
    assert small.arrays("test")[0].max() <= 1
    with pytest.raises(ValueError, match="read-only"):
        small.arrays("train")[0][0] = 0


def test_element_spec_describes_the_batches(small):
    assert small.element_spec == (Spec((None, 6, 6, 1), "float32"), Spec((None,), "int32"))
    for batch in small.batches("train", 10):
        for array, spec in zip(batch, small.element_spec, strict=True):
            assert array.dtype == spec.dtype and array.shape[1:] == spec.shape[1:]


def test_unknown_split_and_batch_size_are_refused(small):
    with pytest.raises(ValueError, match="did you mean 'validation'"):
        small.arrays("validaton")
    with pytest.raises(ValueError, match="at least 1; received 0"):
        small.batches("train", 0)


@pytest.mark.parametrize("seed", [0, 1])
def test_subset_is_stratified_reproducible_and_nested(small, seed):
    five, ten = (small.subset(n, seed=seed) for n in (5, 10))
    assert np.bincount(five.arrays("train")[1]).tolist() == [5, 5, 5]
    assert five.fingerprint() == small.subset(5, seed=seed).fingerprint()
    assert five.fingerprint() != small.subset(5, seed=seed + 1).fingerprint()
    chosen = rows(five.arrays("train")[0])
    assert len(chosen) == 15
    assert chosen < rows(ten.arrays("train")[0]) < rows(small.arrays("train")[0])
    for split in ("validation", "test"):
        assert np.array_equal(five.arrays(split)[0], small.arrays(split)[0])


@pytest.mark.parametrize("per_class", [0, -1, 25])
def test_subset_refuses_more_than_there_is(small, per_class):
    with pytest.raises(ValueError, match=r"valid is 1 to 24, as many as class '0'"):
        small.subset(per_class, seed=0)


def test_fingerprint_changes_with_one_pixel_label_or_name(small):
    x, y = (array.copy() for array in small.arrays("test"))
    same = dataclasses.replace(small, splits={**small.splits, "test": (x.copy(), y.copy())})
    assert same.fingerprint() == small.fingerprint()
    x[0, 0, 0, 0] += 0.25
    changed = {
        dataclasses.replace(small, splits={**small.splits, "test": (x, y)}).fingerprint(),
        dataclasses.replace(small, class_names=("a", "b", "c")).fingerprint(),
        dataclasses.replace(small, name="other").fingerprint(),
        small.fingerprint(),
    }
    y[0] = (y[0] + 1) % 3
    changed.add(dataclasses.replace(small, splits={**small.splits, "test": (x, y)}).fingerprint())
    assert len(changed) == 5


def test_a_source_survives_pickling(small):
    assert pickle.loads(pickle.dumps(small)).fingerprint() == small.fingerprint()


def bad(small, **changes):
    return dataclasses.replace(small, splits={**small.splits, **changes})


def test_a_source_refuses_what_breaks_the_contract(small):
    x, y = (array.copy() for array in small.arrays("test"))
    for match, change in {
        r"small, test: 9 examples and 8 labels": (x, y[:-1]),
        r"small, test: no examples": (x[:0], y[:0]),
        r"float64.*expected float32": (x.astype(float), y),
        r"3 values are NaN": (np.where(np.arange(9) < 3, np.nan, 0)[:, None].astype("f4"), y),
        r"labels run from 0 to 3; the 3 class names allow 0 to 2": (x, y + np.int32(1) * (y == 2)),
        r"differ in the shape": (x[:, :3], y),
    }.items():
        with pytest.raises(ValueError, match=match):
            bad(small, test=change)
    with pytest.raises(ValueError, match="train has one class only"):
        bad(small, train=(x[y == 0], y[y == 0]))
    with pytest.raises(ValueError, match="expected"):
        Source("small", {"train": (x, y)}, ("a", "b", "c"), "MIT", "here")


def test_uint8_is_divided_by_255_and_floats_keep_their_values(pictures):
    x, y = pictures(60)
    source = from_arrays(
        x, y, name="s", test_data=pictures(9, seed=1), validation_data=pictures(9, seed=2)
    )
    assert np.array_equal(source.arrays("train")[0], (x / 255).astype(np.float32))
    floats = x.astype(np.float64) * 3 - 1
    with pytest.warns(UserWarning):  # of the range, and of the images that are in both
        source = from_arrays(floats, y, name="s", test_data=(floats, y))
    assert np.array_equal(source.arrays("test")[0], floats.astype(np.float32))
