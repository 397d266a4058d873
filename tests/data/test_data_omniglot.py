"""The small Omniglot sets: counted once, split by drawer, never prepared from a wrong file."""

from __future__ import annotations

import shutil
from collections import Counter

import numpy as np
import pytest

from wszoo.data import MissingDataError, load
from wszoo.data.sets.omniglot import SHA256, builder_class, drawings
from wszoo.data.splits import SPLITS


@pytest.fixture(scope="module")
def omniglot(omniglot_dirs):
    return load("omniglot_small", **omniglot_dirs)


def test_the_union_counts_each_character_once(raw_data):
    every = list(drawings(raw_data / "omniglot"))
    assert len(every) == 4840 and len({(d.alphabet, d.character) for d in every}) == 242
    assert set(Counter(d.drawer for d in every)) == set(range(1, 21))
    assert set(Counter(d.drawer for d in every).values()) == {242}
    assert len({d.alphabet for d in every}) == 8


def test_the_splits_are_by_drawer(omniglot, label_digests):
    digests = ["08646aa827c24d44", "892a4c2b79bbf05a", "d2f929d5b4a0c8f9"]
    assert label_digests(omniglot) == digests
    for split, drawers in zip(SPLITS, (16, 2, 2), strict=True):
        x, y = omniglot.arrays(split)
        assert x.shape == (242 * drawers, 28, 28, 1)
        assert np.bincount(y, minlength=242).tolist() == [drawers] * 242
    assert omniglot.class_names[0] == "Balinese/character01" and omniglot.num_classes == 242
    assert omniglot.licence.startswith("MIT")


def test_ink_is_one_and_paper_zero(omniglot):
    x, _ = omniglot.arrays("train")
    assert x.min() == 0 and x.max() == 1
    assert 0.03 < x.mean() < 0.15
    assert ((x > 0.1) & (x < 0.9)).mean() > 0.02  # anti-aliased, not black and white


def test_labels_and_alphabets_agree_in_the_prepared_set(omniglot_dirs):
    import tensorflow_datasets as tfds

    builder = builder_class()(data_dir=omniglot_dirs["data_dir"])
    assert set(builder.info.features) == {"image", "label", "alphabet", "alphabet_char_id"}
    features = builder.info.features
    for example in tfds.as_numpy(builder.as_dataset(split="test")):
        name = features["label"].int2str(example["label"])
        alphabet = features["alphabet"].int2str(example["alphabet"])
        assert name == f"{alphabet}/character{example['alphabet_char_id'] + 1:02d}"
        assert example["image"].shape == (105, 105, 3)


def test_a_size_of_its_own_and_a_limit(omniglot_dirs):
    source = load("omniglot_small", image_size=105, max_per_split=100, **omniglot_dirs)
    assert source.input_shape == (105, 105, 1)
    assert set(np.unique(source.arrays("test")[0])) == {0, 1}


def test_missing_archives_are_named(tmp_path):
    with pytest.raises(MissingDataError, match=r"small1\.zip and .*small2\.zip") as error:
        load("omniglot_small", data_dir=tmp_path / "data")
    assert "brendenlake/omniglot" in str(error.value) and "WSZOO_MANUAL_DIR" in str(error.value)
    assert str(tmp_path / "data" / "downloads" / "manual") in str(error.value)


def test_a_corrupted_archive_is_refused_and_nothing_prepared(raw_data, tmp_path):
    manual = tmp_path / "manual" / "omniglot"
    manual.mkdir(parents=True)
    for name in SHA256:
        shutil.copyfile(raw_data / "omniglot" / name, manual / name)
    bad = manual / "images_background_small2.zip"
    content = bytearray(bad.read_bytes())
    content[1000] ^= 1
    bad.write_bytes(content)
    dirs = {"data_dir": tmp_path / "data", "manual_dir": tmp_path / "manual"}
    with pytest.raises(ValueError, match=r"small2\.zip is not the published file") as error:
        load("omniglot_small", **dirs)
    assert SHA256[bad.name] in str(error.value)
    assert not list((tmp_path / "data").glob("omniglot_small/*"))
    bad.unlink()
    with pytest.raises(MissingDataError, match=r"needs images_background_small2\.zip in"):
        load("omniglot_small", **dirs)
