"""TFDS sets: real ones, small generated ones, and what is refused without a network."""

from __future__ import annotations

import shutil
import time

import numpy as np
import pytest

from wszoo.data import MissingDataError, load
from wszoo.data.sets.tfds_images import plan_splits
from wszoo.data.splits import SPLITS


def make_set(data_dir, name, splits, *, shape=(6, 6, 1), sizes=(6,), label=True):
    """Prepares a TFDS set of generated images in `data_dir`; `splits` gives examples a split."""
    import tensorflow_datasets as tfds

    tfds.disable_progress_bar()

    class Generated(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {"image": tfds.features.Image(shape=shape)}
            features["label"] = tfds.features.ClassLabel(names=["a", "b"]) if label else np.float32
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, dl_manager):
            return {s: self._generate_examples(i, n) for i, (s, n) in enumerate(splits.items())}

        def _generate_examples(self, seed, count):
            rng = np.random.default_rng(seed)
            for i in range(count):
                size = sizes[i % len(sizes)]
                image = rng.integers(0, 256, (size, size, shape[2]), dtype=np.uint8)
                yield i, {"image": image, "label": i % 2}

    Generated.name = name
    Generated(data_dir=data_dir).download_and_prepare()
    return data_dir


@pytest.mark.slow
def test_fashion_mnist_is_whole(tfds_dir):
    source = load("fashion_mnist", data_dir=tfds_dir)
    assert {s: source.arrays(s)[0].shape for s in SPLITS} == {
        "train": (54000, 28, 28, 1),
        "validation": (6000, 28, 28, 1),
        "test": (10000, 28, 28, 1),
    }
    assert np.bincount(source.arrays("test")[1]).tolist() == [1000] * 10
    together = sum(np.bincount(source.arrays(s)[1]) for s in ("train", "validation"))
    assert together.tolist() == [6000] * 10
    assert source.class_names[9] == "Ankle boot" and source.licence == "MIT"
    x, _ = source.arrays("train")
    assert x.min() == 0 and x.max() == 1
    part = load("tfds:fashion_mnist", data_dir=tfds_dir, max_per_split=500)
    for split in SPLITS:  # a part never mixes the splits of the whole
        whole = {image.tobytes() for image in source.arrays(split)[0]}
        assert all(image.tobytes() in whole for image in part.arrays(split)[0])


def test_mnist_and_fashion_mnist_are_not_confused(tfds_dir):
    """Their raw files, from which both were prepared, have the same names."""
    options = {"data_dir": tfds_dir, "max_per_split": 2000}
    mnist, fashion = (load(name, **options) for name in ("mnist", "fashion_mnist"))
    assert (mnist.class_names[0], fashion.class_names[0]) == ("0", "T-shirt/top")
    assert mnist.licence == "CC BY-SA 3.0" and "MNIST" in mnist.origin
    ink = [source.arrays("train")[0].mean() for source in (mnist, fashion)]
    assert ink[0] == pytest.approx(0.131, abs=0.01)  # the sets' published means: 0.1307, 0.2860
    assert ink[1] == pytest.approx(0.286, abs=0.01)
    assert mnist.fingerprint() == load("mnist", **options).fingerprint()


def test_the_environment_names_the_folder(tfds_dir, monkeypatch):
    monkeypatch.setenv("WSZOO_DATA_DIR", str(tfds_dir))
    assert load("mnist", max_per_split=20, image_size=14).input_shape == (14, 14, 1)


def test_sets_that_do_not_fit_in_memory_are_refused(tfds_dir):
    with pytest.raises(ValueError, match=r"70000 examples .* are 14 GB .* max_per_split") as error:
        load("fashion_mnist", data_dir=tfds_dir, image_size=224)
    assert "at most 6643" in str(error.value)


def test_a_manual_dir_that_lacks_some_files_is_not_enough(raw_data, tmp_path):
    (tmp_path / "manual").mkdir()
    shutil.copy(raw_data / "mnist" / "t10k-images-idx3-ubyte.gz", tmp_path / "manual")
    with pytest.raises(MissingDataError, match="is not on this machine"):  # the others are missing
        load("mnist", data_dir=tmp_path / "data", manual_dir=tmp_path / "manual")
    assert not list((tmp_path / "data").glob("mnist/*"))


def test_a_manual_file_of_another_set_is_refused(raw_data, tmp_path):
    from tensorflow_datasets.core.download.download_manager import NonMatchingChecksumError

    with pytest.raises(NonMatchingChecksumError):
        load("mnist", data_dir=tmp_path, manual_dir=raw_data / "fashion_mnist")


@pytest.mark.parametrize("folder", ["nowhere", "empty", "half"])
def test_a_missing_set_says_at_once_how_to_get_it(tmp_path, folder):
    import tensorflow_datasets  # noqa: F401 - not part of the time

    if folder != "nowhere":
        (tmp_path / folder).mkdir()
    if folder == "half":  # a download that was cut off
        (tmp_path / folder / "downloads" / "cifar10").mkdir(parents=True)
        (tmp_path / folder / "downloads" / "cifar10" / "part.tmp").write_text("x")
    start = time.perf_counter()
    with pytest.raises(FileNotFoundError, match="cifar10 is not prepared") as error:
        load("cifar10", data_dir=tmp_path / folder)
    assert time.perf_counter() - start < 10
    for remedy in ("download=True", "WSZOO_MANUAL_DIR", "WSZOO_DATA_DIR", "cifar-10-binary.tar.gz"):
        assert remedy in str(error.value)
    assert not list((tmp_path / folder).glob("cifar10/*"))


def test_a_set_that_is_fetched_by_hand_says_what_to_fetch(tmp_path):
    with pytest.raises(MissingDataError, match=r"ILSVRC2012_img_train\.tar") as error:
        load("imagenet2012", data_dir=tmp_path, image_size=32)
    assert "download=True" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("fashon_mnist", "'fashion_mnist'"),
        ("omniglot_smal", "'omniglot_small'"),
        ("cifar_10", "'cifar10'"),
        ("tfds:mnst", "'mnist'"),
        ("huggingface:mnist", "'mnist'"),
        ("nothing like it", None),
    ],
)
def test_unknown_names_list_near_ones(tmp_path, name, near):
    with pytest.raises(ValueError, match="unknown data set") as error:
        load(name, data_dir=tmp_path)
    assert (near or "omniglot_small") in str(error.value)
    assert ("did you mean" in str(error.value)) == (near is not None)


def test_a_set_that_is_no_classification_names_its_features(tmp_path):
    with pytest.raises(ValueError, match=r"imdb_reviews .* label: ClassLabel, text: Text"):
        load("imdb_reviews", data_dir=tmp_path)
    make_set(tmp_path, "regression", {"train": 9}, label=False)
    with pytest.raises(ValueError, match="no image classification set: it has image: Image"):
        load("regression", data_dir=tmp_path)


def test_missing_splits_are_carved_from_train(tmp_path):
    make_set(tmp_path, "train_only", {"train": 100})
    make_set(tmp_path, "with_test", {"train": 100, "test": 30})
    make_set(tmp_path, "with_all", {"train": 50, "validation": 20, "test": 30})
    sizes = {
        name: [len(load(name, data_dir=tmp_path).arrays(s)[1]) for s in SPLITS]
        for name in ("train_only", "with_test", "with_all")
    }
    assert sizes == {
        "train_only": [80, 10, 10],
        "with_test": [90, 10, 30],
        "with_all": [50, 20, 30],
    }
    source = load("train_only", data_dir=tmp_path)
    images = [image.tobytes() for split in SPLITS for image in source.arrays(split)[0]]
    assert len(set(images)) == 100
    assert source.class_names == ("a", "b") and source.licence == "see origin"
    assert len(load("train_only", data_dir=tmp_path, validation=0.2).arrays("test")[1]) == 20


def test_images_that_vary_in_size_need_image_size(tmp_path):
    make_set(tmp_path, "varied", {"train": 60}, shape=(None, None, 3), sizes=(5, 9, 12))
    with pytest.raises(ValueError, match="vary in size; give image_size"):
        load("varied", data_dir=tmp_path)
    assert load("varied", data_dir=tmp_path, image_size=8).input_shape == (8, 8, 3)


def test_a_set_without_train_is_refused(tmp_path):
    make_set(tmp_path, "only_test", {"test": 9})
    with pytest.raises(ValueError, match=r"no train split, only \['test'\]"):
        load("only_test", data_dir=tmp_path)


def test_a_limited_plan_is_part_of_the_whole():
    with pytest.raises(ValueError, match=r"validation=0.1 .* have all of"):
        plan_splits("s", dict.fromkeys(SPLITS, 10), 0.1, None)
    whole = plan_splits("s", {"train": 1000, "test": 50}, 0.1, None)
    part = plan_splits("s", {"train": 1000, "test": 50}, 0.1, 40)
    for split in SPLITS:
        assert len(part[split][1]) == 40
        assert np.array_equal(part[split][1], whole[split][1][:40])
    assert not set(whole["train"][1]) & set(whole["validation"][1])
