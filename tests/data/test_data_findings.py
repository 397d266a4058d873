"""What is cut off, left out, repeated or of no use is said, or refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from wszoo.data import from_arrays, images, labels, list_sources, load, registering
from wszoo.data.splits import SPLITS


def save(folder, name, seed, size=(6, 6)):
    """A grey PNG of noise; images of one seed and size are equal."""
    pixels = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(folder / name)


def fill(folder, count=10, size=(6, 6), classes=("cat", "dog"), first=0):
    for i in range(count):
        for label, name in enumerate(classes):
            save(folder, f"{name}/{i}.png", first + 100 * label + i, size)
    return folder


# Ways to one size.


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 9), st.sampled_from(images.RESIZE))
@settings(max_examples=60, deadline=None)
def test_each_way_gives_the_size_and_keeps_what_it_says(height, width, size, how):
    x = np.full((1, height, width, 2), 0.75, np.float32)
    made = images.resize(x, size, how)
    assert made.shape == (1, size, size, 2)
    inner = [max(1, round(side * size / max(height, width))) for side in (height, width)]
    area = inner[0] * inner[1] if how == "pad" else size * size
    assert np.count_nonzero(made == 0.75) == 2 * area
    assert np.count_nonzero(made) == 2 * area  # the rest is black


def test_a_bar_at_the_side_is_lost_by_a_crop_alone():
    x = np.zeros((1, 8, 32, 1), np.float32)
    x[:, :, :4] = 1
    assert images.resize(x, 8, "crop").max() == 0
    padded, stretched = (images.resize(x, 8, how) for how in ("pad", "stretch"))
    assert padded.max() > 0.9 and padded[:, :3].max() == 0 == padded[:, 5:].max()
    assert stretched[0, :, 0].min() > 0.9 and stretched[0, :, 2:].max() < 0.1


def wide_sources(folder):
    """The same 20 images as arrays, as an .npz, as a folder, and as a table."""
    fill(folder / "set", size=(6, 12))
    paths = sorted((folder / "set").glob("*/*.png"))
    x = np.stack([np.asarray(Image.open(path)) for path in paths])
    y = np.array([path.parent.name == "dog" for path in paths]).astype(int)
    np.savez(folder / "set.npz", x=x, y=y)
    rows = "".join(f"{path},{path.parent.name}\n" for path in paths)
    (folder / "t.csv").write_text("path,label\n" + rows)
    yield lambda **options: from_arrays(x, y, name="arrays", **options)
    for name in ("set.npz", "set", "t.csv"):
        yield lambda name=name, **options: load(folder / name, **options)


def test_every_source_of_images_takes_and_keeps_a_way(tmp_path):
    kept = []
    for read in wide_sources(tmp_path):
        with pytest.warns(
            UserWarning, match='20 of 20 images lose up to 50%.*resize="pad"'
        ) as said:
            cropped = read(image_size=6)
        assert len(said) == 1 and "lose up to 50%" in cropped.notes[0]
        asked = read(image_size=6, resize="crop")
        assert asked.notes == () and asked.fingerprint() == cropped.fingerprint()
        padded, stretched = (read(image_size=6, resize=how) for how in ("pad", "stretch"))
        assert [s.resize for s in (cropped, padded, stretched)] == ["crop", "pad", "stretch"]
        assert len({s.fingerprint() for s in (cropped, padded, stretched)}) == 3
        assert np.all(padded.arrays("train")[0][:, [0, -1]] == 0)
        assert dataclasses.replace(cropped, resize="pad").fingerprint() != cropped.fingerprint()
        with pytest.raises(ValueError, match=r"resize='pad' says .* give image_size"):
            read(resize="pad")
        with pytest.raises(ValueError, match=r"received 'padd'; did you mean 'pad'"):
            read(image_size=6, resize="padd")
        kept.append(padded.arrays("train")[0])
    assert all(np.array_equal(kept[0], x) for x in kept[1:])


def test_square_digits_come_to_their_size_alike():
    whole = [load("digits", image_size=28, resize=how) for how in (None, *images.RESIZE)]
    assert [source.resize for source in whole] == ["crop", *images.RESIZE]
    assert all(
        np.array_equal(whole[0].arrays("test")[0], other.arrays("test")[0]) for other in whole
    )


# Folders.


def test_folders_within_a_class_are_read(tmp_path):
    fill(tmp_path)
    for i in range(10):
        save(tmp_path, f"cat/day2/{i}.png", 200 + i)
        save(tmp_path, f"dog/day2/late/{i}.png", 300 + i)
    source = load(tmp_path)
    counts = sum(np.bincount(source.arrays(split)[1]) for split in SPLITS)
    assert counts.tolist() == [20, 20] and source.notes == ()
    deep = fill(tmp_path / "deep" / "in" / "a").parent
    fill(deep / "b", first=1000)
    with pytest.warns(UserWarning, match=r"\['a', 'b'\] all lie in folders .* \['cat', 'dog'\]"):
        load(deep)


def test_a_folder_that_is_not_the_one_meant_is_refused(tmp_path):
    fill(tmp_path / "one" / "images")
    with pytest.raises(ValueError, match=r"one class only, 'images', .* load .*one/images"):
        load(tmp_path / "one")
    for split in ("Train", "Test"):
        fill(tmp_path / "cased" / split)
    with pytest.raises(ValueError, match=r"\['Test', 'Train'\]; splits are named"):
        load(tmp_path / "cased")
    for name in ("cat", "dog"):
        fill(tmp_path / "inside" / name, classes=("train", "test"))
    with pytest.raises(ValueError, match=r"\['test', 'train'\]; splits lie above the classes"):
        load(tmp_path / "inside")


def test_what_is_left_out_is_counted_by_kind(tmp_path):
    fill(tmp_path)
    (tmp_path / "about.txt").write_text("x")
    for i in range(3):
        (tmp_path / "cat" / f"{i}.flac").write_text("x")
    (tmp_path / "cat" / "README").write_text("x")
    (tmp_path / "dog" / ".hidden.png").write_text("x")
    (tmp_path / "dog" / "again").symlink_to(tmp_path / "cat")
    save(tmp_path, "beside.png", 999)
    words = "left out 8 files: 3 .flac, 1 .png in no class, 1 .txt, 1 hidden, 1 linked folders, 1 w"
    with pytest.warns(UserWarning, match=words):
        source = load(tmp_path)
    assert sum(len(source.arrays(split)[1]) for split in SPLITS) == 20


# Labels.


def test_labels_lose_white_space_and_spellings_that_differ_are_named(tmp_path):
    fill(tmp_path, classes=("cat", "cat ", "caf\u00e9", "cafe\u0301"))
    source = load(tmp_path)
    assert source.class_names == ("caf\u00e9", "cat") and source.notes == ()
    names = ["Cat", "cat", "cat\u200b", "1", "01", "1.0", "dog", "1_0", "10"]
    assert labels.near_twins(names) == [
        ["01", "1", "1.0"],
        ["Cat", "cat", "cat\u200b"],
    ]
    rows = [f"{path},{'Cat' if i % 2 else 'cat'}" for i, path in enumerate(tmp_path.glob("*/*"))]
    (tmp_path / "t.csv").write_text("\n".join(["path,label", *rows]))
    with pytest.warns(UserWarning, match="in spelling only are kept apart: 'Cat' and 'cat'"):
        assert load(tmp_path / "t.csv").num_classes == 2


# Examples that are equal.


@given(
    st.lists(st.integers(0, 30), min_size=8, max_size=20),
    st.lists(st.integers(0, 30), min_size=2, max_size=9),
    st.lists(st.integers(0, 30), min_size=2, max_size=9),
)
@settings(max_examples=50, deadline=None)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_equal_images_are_counted_across_splits_and_labels(train, validation, test):
    picture = np.random.default_rng(0).random((31, 2, 2, 1))
    parts = {"train": train, "validation": validation, "test": test}
    pairs = {s: (picture[ids], np.arange(len(ids)) % 2) for s, ids in parts.items()}
    source = from_arrays(
        *pairs["train"], name="s", validation_data=pairs["validation"], test_data=pairs["test"]
    )
    wanted = []
    for split, other in (("validation", "train"), ("test", "train"), ("test", "validation")):
        if both := sum(i in parts[other] for i in parts[split]):
            wanted.append(f"{both} of {len(parts[split])} examples of {split} are in {other} too")
    seen = [(i, place % 2) for ids in parts.values() for place, i in enumerate(ids)]
    if twice := sum({(i, 0), (i, 1)} <= set(seen) for i in range(31)):
        wanted.append(f"{twice} examples have several labels each")
    assert [note.split(", and")[0].split(", the")[0] for note in source.notes] == wanted


def test_zero_has_one_spelling_and_vectors_repeat_without_a_warning():
    x = np.zeros((20, 4))
    x[1] = -x[1]
    source = from_arrays(x, np.arange(20) % 2, name="s")
    assert "1 examples have several labels each, the first '0' and '1'" in source.notes[-1]
    assert load("digits").notes == ()


def test_texts_that_repeat_are_in_the_notes(tmp_path):
    lines = [f"{word} {word},{label}" for word, label in (("hi", "a"), ("ho", "b"))] * 10
    (tmp_path / "t.csv").write_text("\n".join(["text,label", *lines]))
    notes = load(tmp_path / "t.csv").notes
    assert notes[0].startswith("2 of 2 examples of validation are in train too")


# Options.


OPTIONS = {
    "image_size": 8,
    "resize": "pad",
    "length": 8,
    "download": True,
    "validation": 0.2,
    "max_gb": 1.0,
    "on_broken": "skip",
}


@pytest.mark.parametrize("name", list_sources())
def test_a_named_source_refuses_the_options_that_it_does_not_take(name):
    (takes,) = (reader.options for reader in registering.readers() if reader.name == name)
    for option in set(OPTIONS) - set(takes):
        with pytest.raises(ValueError, match=rf"{name} does not take {option}=.*max_per_split"):
            load(name, **{option: OPTIONS[option]})


def test_files_refuse_the_options_that_they_do_not_take(tmp_path):
    fill(tmp_path / "set")
    np.savez(tmp_path / "a.npz", x=np.zeros((20, 4)), y=np.arange(20) % 2)
    (tmp_path / "t.csv").write_text("text,label\n" + "hi you,a\nho you,b\n" * 10)
    (tmp_path / "t.txt").write_text("a long story " * 200)
    refused = {
        "set": ("length", "download"),
        "a.npz": ("length", "download", "on_broken"),
        "t.csv": ("image_size", "resize", "download", "on_broken"),
        "t.txt": ("image_size", "resize", "download", "on_broken", "validation"),
    }
    for name, options in refused.items():
        assert load(tmp_path / name).class_names
        for option in options:
            with pytest.raises(ValueError, match=rf"{name} \(.*\) does not take {option}="):
                load(tmp_path / name, **{option: OPTIONS[option]})
    with pytest.raises(ValueError, match=r"validation=0.2, max_gb=1e-09; its options are image"):
        load("digits", validation=0.2, max_gb=1e-9)


def test_a_share_for_splits_that_are_there_is_refused(tmp_path):
    for i, split in enumerate(SPLITS):
        fill(tmp_path / split, classes=[f"{c}" for c in ("cat", "dog")], size=(6, 6 + 6 * i))
    with pytest.raises(ValueError, match=r"validation=0.2 is the share .* leave it out"):
        load(tmp_path, validation=0.2, image_size=6, resize="stretch")
