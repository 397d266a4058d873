"""Streams of image files: what arrays of the same folder hold, without the arrays."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from wszoo.data import images, load
from wszoo.data.examples import examples
from wszoo.data.formats.decoding import read_image
from wszoo.data.splits import SPLITS
from wszoo.data.streams import AHEAD, InTurn, in_parts

WAYS = ("crop", "pad", "stretch")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """40 pictures of two classes: three sizes, grey and in colour, one turned by its EXIF tag."""
    top, rng = tmp_path_factory.mktemp("pets"), np.random.default_rng(0)
    for i in range(40):
        place = top / ("cat", "dog")[i % 2]
        place.mkdir(exist_ok=True)
        shape = ((30, 20, 3), (24, 24, 3), (17, 40))[i % 3]
        picture = Image.fromarray(rng.integers(0, 256, shape, dtype=np.uint8))
        turned = picture.getexif()
        turned[0x0112] = 6 if i == 7 else 1
        picture.save(place / f"{i}.{('png', 'jpg')[i % 2]}", exif=turned)
    return top


@pytest.fixture(scope="module")
def both(folder):
    return [load(folder, image_size=16, resize="pad", stream=stream) for stream in (False, True)]


@pytest.mark.parametrize("how", WAYS)
def test_splits_labels_and_pixels_are_those_of_arrays(folder, how):
    arrays, stream = (load(folder, image_size=16, resize=how, stream=s) for s in (False, True))
    assert (stream.class_names, stream.resize) == (arrays.class_names, how)
    assert (stream.input_shape, stream.element_spec) == (arrays.input_shape, arrays.element_spec)
    for split in SPLITS:
        (x, y), (files, labels) = arrays.arrays(split), stream.images(split)
        assert files.shape == x.shape and files.dtype == x.dtype and len(files) == len(x)
        np.testing.assert_array_equal(labels, y)
        np.testing.assert_array_equal(files[np.arange(len(x))], x)


def test_images_of_one_size_are_read_as_they_are(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(20):
        (tmp_path / "ab"[i % 2]).mkdir(exist_ok=True)
        pixels = rng.integers(0, 2**16, (5, 8), dtype=np.uint16)
        Image.fromarray(pixels).save(tmp_path / "ab"[i % 2] / f"{i}.png")
    arrays, stream = load(tmp_path), load(tmp_path, stream=True)
    assert stream.input_shape == (5, 8, 1)
    x, files = arrays.arrays("train")[0], stream.images("train")[0]
    np.testing.assert_array_equal(files[np.arange(16)], x)


@pytest.mark.parametrize("how", WAYS)
def test_large_jpegs_are_decoded_small_and_look_as_decoded_whole(tmp_path, how):
    rng, ramp = np.random.default_rng(0), np.linspace(0, 200, 300)[:, None, None]
    pixels = ramp + rng.integers(0, 50, (300, 440, 3))
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "large.jpg", quality=95)
    (whole,) = images.resize(read_image(tmp_path / "large.jpg", 3)[None], 32, how)
    small = read_image(tmp_path / "large.jpg", 3, [(32, how)])
    assert 0 < np.abs(small - whole).max() < 4 / 255
    (kept,) = images.resize(read_image(tmp_path / "large.jpg", 3)[None], 100, how)
    np.testing.assert_array_equal(read_image(tmp_path / "large.jpg", 3, [(100, how)]), kept)


@pytest.mark.parametrize("options", [{}, {"shuffle": False}, {"seed": 3, "epoch": 2}])
def test_batches_come_in_the_order_of_arrays(both, options):
    arrays, stream = (source.batches("train", 5, **options) for source in both)
    assert len(arrays) == len(stream) == 7
    for _ in range(2):
        for (x, y), (x_read, y_read) in zip(arrays, stream, strict=True):
            np.testing.assert_array_equal(x_read, x)
            np.testing.assert_array_equal(y_read, y)


def test_subsets_are_those_of_arrays(both):
    (x, y), (files, labels) = (s.subset(3, seed=1).images("train") for s in both)
    np.testing.assert_array_equal(labels, y)
    np.testing.assert_array_equal(files[np.arange(6)], x)


def test_another_size_is_that_of_arrays(both):
    (x, _), (files, _) = (examples(source, image_size=9).splits["test"] for source in both)
    assert files.shape == x.shape == (4, 9, 9, 3)
    np.testing.assert_array_equal(files[np.arange(4)], x)


def test_what_decides_pixels_is_in_the_fingerprint(folder, both):
    made = [load(folder, image_size=size, resize="pad", stream=True) for size in (16, 17)]
    made.append(load(folder, image_size=16, resize="crop", stream=True))
    prints = [source.fingerprint() for source in made]
    assert prints[0] == both[1].fingerprint() and len(set(prints)) == 3
    of_examples = [examples(source).fingerprint() for source in made]
    assert of_examples[0] == examples(both[1]).fingerprint() and len(set(of_examples)) == 3
    files, y = made[0].images("train")
    changed = dataclasses.replace(files, digests=files.digests ^ 1)
    splits = {**examples(made[0]).splits, "train": (changed, y)}
    assert dataclasses.replace(examples(made[0]), splits=splits).fingerprint() != of_examples[0]


def test_a_file_has_the_fingerprint_of_its_contents_wherever_it_lies(folder, both, tmp_path):
    for file in sorted(folder.rglob("*.*")):
        place = tmp_path / folder.name / file.parent.name / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())
    options = {"image_size": 16, "resize": "pad", "stream": True}
    assert load(tmp_path / folder.name, **options).fingerprint() == both[1].fingerprint()
    Image.open(place).rotate(90).save(place)
    assert load(tmp_path / folder.name, **options).fingerprint() != both[1].fingerprint()


def test_size_switches_and_is_said(folder):
    small = load(folder, image_size=16, resize="pad", max_gb=1e-3)
    assert small.arrays("train") and "as they are needed" not in " ".join(small.notes)
    large = load(folder, image_size=16, resize="pad", max_gb=1e-6)
    assert any("more than max_gb=1e-06, are read from their files" in n for n in large.notes)
    with pytest.raises(ValueError, match=r"images of \(16, 16, 3\) are read .*source\.batches"):
        large.arrays("train")
    with pytest.raises(ValueError, match="more than max_gb=1e-06"):
        load(folder, image_size=16, max_gb=1e-6, stream=False)
    with pytest.raises(ValueError, match="ask for rows"):
        np.asarray(large.images("train")[0])


def test_a_table_of_files_is_a_stream_too(folder):
    files = sorted(path.relative_to(folder) for path in folder.rglob("*.*"))
    table = folder / "ages.csv"
    rows = [f"{path},{i % 4}.5" for i, path in enumerate(files)]
    table.write_text("\n".join(["path,label", *rows]))
    options = {"image_size": 16, "resize": "pad", "targets": "numbers"}
    arrays, stream = (load(table, **options, stream=s) for s in (False, True))
    table.unlink()
    for split in SPLITS:
        np.testing.assert_array_equal(stream.images(split)[1], arrays.arrays(split)[1])
    x = arrays.arrays("test")[0]
    np.testing.assert_array_equal(stream.images("test")[0][np.arange(len(x))], x)


def test_equal_files_in_two_splits_are_told(tmp_path):
    for split, shade in (("train", 0), ("test", 0), ("validation", 100)):
        for label in "ab":
            (tmp_path / split / label).mkdir(parents=True)
            for i in range(3):
                grey = shade + 30 * i + 10 * (label == "a")
                Image.new("L", (4, 4), grey).save(tmp_path / split / label / f"{i}.png")
    with pytest.warns(UserWarning, match="6 of 6 examples of test are in train too"):
        load(tmp_path, stream=True)


@pytest.fixture
def cut_off(folder, tmp_path):
    """The folder with one picture whose header can be read, and whose pixels end too early."""
    for file in folder.rglob("*.*"):
        place = tmp_path / "pets" / file.parent.name / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())
    broken = tmp_path / "pets" / "dog" / "9.jpg"
    broken.write_bytes(broken.read_bytes()[:-200])
    return broken


def test_a_broken_file_is_named_when_its_turn_comes(cut_off):
    with pytest.raises(ValueError, match=r"dog/9\.jpg is no readable image: .*on_broken='skip'"):
        source = load(cut_off.parents[1], image_size=16, resize="pad", stream=True)
        for split in SPLITS:
            list(source.batches(split, 4))


def test_broken_files_that_are_left_out_are_those_of_arrays(cut_off):
    options = {"image_size": 16, "resize": "pad", "on_broken": "skip"}
    with pytest.warns(UserWarning, match=r"left out 1 files:\n.*9\.jpg"):
        arrays, stream = (load(cut_off.parents[1], **options, stream=s) for s in (False, True))
    for split in SPLITS:
        (x, y), (files, labels) = arrays.arrays(split), stream.images(split)
        np.testing.assert_array_equal(labels, y)
        np.testing.assert_array_equal(files[np.arange(len(x))], x)


def test_augmented_images_depend_on_seed_view_and_rows_alone(both):
    def darker(images, seed):
        return images * np.random.default_rng(seed).random((len(images), 1, 1, 1), np.float32)

    files = both[1].images("train")[0]
    plain, rows = files[np.arange(8)], in_parts(8, 4)
    views = [dataclasses.replace(files, augment=(darker, *key)) for key in ((0, 0), (0, 1), (1, 0))]
    seen = [list(view.read(rows)) for view in views]
    np.testing.assert_array_equal(
        np.concatenate(seen[0][::-1]), np.concatenate([*views[0].read(rows[::-1])])
    )
    for first, second in zip(seen, [*seen[1:], [plain[:4]]], strict=True):
        assert not np.allclose(first[0], second[0])
    assert len({view.identity.tobytes() for view in [files, *views]}) == 4
    with pytest.raises(ValueError, match=r"augment made \(4, 16\)"):
        dataclasses.replace(files, augment=(lambda images, seed: images[:, :, 0, 0], 0, 0))[rows[0]]


def test_parts_may_be_asked_for_in_any_order(both):
    x, files = (source.images("train")[0] for source in both)
    parts = in_parts(len(x), 5)
    turns = InTurn(files, parts)
    for number in (0, 1, 0, 1, 2, 5, AHEAD, 6):
        np.testing.assert_array_equal(turns[number], x[parts[number]])
