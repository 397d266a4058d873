"""Image folders, made of generated pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from wszoo.data import MissingDataError, load
from wszoo.data.splits import SPLITS


def save(folder, count, shape=(6, 6, 3), classes=("cat", "dog"), suffix=".png"):
    """`count` pictures a class; the first pixel's red is 100 times the class."""
    rng = np.random.default_rng(len(str(folder)))
    for label, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            pixels = rng.integers(0, 256, shape, dtype=np.uint8)
            pixels[0, 0] = 100 * label
            Image.fromarray(pixels.squeeze()).save(folder / name / f"{i}{suffix}")
    return folder


def test_a_plain_folder_is_carved_and_labelled_by_sub_folder(tmp_path):
    source = load(save(tmp_path / "pets", 20))
    assert source.name == "pets" and source.class_names == ("cat", "dog")
    assert [len(source.arrays(s)[1]) for s in SPLITS] == [32, 4, 4]
    for split in SPLITS:
        x, y = source.arrays(split)
        assert np.allclose(x[:, 0, 0, 0] * 255, 100 * y)
    assert load(str(tmp_path / "pets")).fingerprint() == source.fingerprint()


def test_split_folders_are_kept(tmp_path):
    for split, count in zip(SPLITS, (6, 3, 4), strict=True):
        save(tmp_path / split, count, (5, 5))
    source = load(tmp_path)
    assert [len(source.arrays(s)[1]) for s in SPLITS] == [12, 6, 8]
    assert source.input_shape == (5, 5, 1)


def test_one_colour_image_makes_three_channels(tmp_path):
    save(tmp_path, 5, (6, 6))
    assert load(tmp_path).input_shape == (6, 6, 1)
    Image.new("RGB", (6, 6), "red").save(tmp_path / "cat" / "red.bmp")
    assert load(tmp_path).input_shape == (6, 6, 3)


def test_sizes_that_vary_need_image_size(tmp_path):
    save(tmp_path, 5, (6, 6))
    Image.new("L", (30, 20)).save(tmp_path / "cat" / "wide.jpg")
    with pytest.raises(
        ValueError, match=r"2 sizes .* from \(6, 6\) to \(30, 20\); give image_size"
    ):
        load(tmp_path)
    with pytest.warns(UserWarning, match=r'1 of 11 images lose up to 33%.* resize="pad"'):
        assert load(tmp_path, image_size=9).input_shape == (9, 9, 1)


def test_transparent_sixteen_bit_and_turned_images(tmp_path):
    save(tmp_path, 4, (2, 4))
    clear = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    deep = Image.fromarray(np.full((2, 4), 65535, np.uint16))
    turned, exif = Image.new("L", (2, 4), 255), Image.Exif()
    exif[0x0112] = 6  # to be shown turned by a quarter: 4 wide, 2 high
    for name, image in (("clear", clear), ("palette", clear.convert("P")), ("deep", deep)):
        image.save(tmp_path / "cat" / f"{name}.png")
    turned.save(tmp_path / "cat" / "turned.png", exif=exif)
    source = load(tmp_path)
    assert source.input_shape == (2, 4, 3)
    every = np.concatenate([source.arrays(s)[0] for s in SPLITS])
    assert (every == 1).all(axis=(1, 2, 3)).sum() == 4


def test_broken_files_are_counted_and_the_first_are_named(tmp_path):
    save(tmp_path, 10)
    for i in range(7):
        (tmp_path / "dog" / f"broken_{i}.jpg").write_bytes(b"not an image")
    with pytest.raises(ValueError, match=r"7 of 27 files.*\n.*broken_0\.jpg") as error:
        load(tmp_path)
    assert "broken_4" in str(error.value) and "and 2 more" in str(error.value)
    assert "broken_5" not in str(error.value)


def test_a_file_cut_short_is_named(tmp_path):
    save(tmp_path, 10, (60, 60, 3))
    path = tmp_path / "cat" / "3.png"
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(ValueError, match=r"1 of 20 files.*\n.*cat/3\.png"):
        load(tmp_path)


def test_other_files_and_hidden_ones_are_left_out_and_counted(tmp_path):
    before = load(save(tmp_path, 10)).fingerprint()
    (tmp_path / "cat" / "notes.txt").write_text("x")
    (tmp_path / "cat" / "._0.png").write_text("x")
    (tmp_path / ".git").mkdir()
    with pytest.warns(UserWarning, match=r"left out 2 files: 1 .txt, 1 hidden"):
        source = load(tmp_path)
    assert source.fingerprint() == before and "1 .txt, 1 hidden" in source.notes[0]


def test_folders_without_classes_or_images_are_refused(tmp_path):
    with pytest.raises(MissingDataError, match="no such folder"):
        load(tmp_path / "nothing")
    with pytest.raises(ValueError, match="found no sub-folders"):
        load(tmp_path)
    save(tmp_path, 5)
    (tmp_path / "emu").mkdir()
    with pytest.raises(ValueError, match=r"no images in \['emu'\]"):
        load(tmp_path)


def test_a_class_that_train_does_not_have_is_refused(tmp_path):
    save(tmp_path / "train", 5)
    save(tmp_path / "test", 5, classes=("cat", "emu"))
    with pytest.raises(ValueError, match=r"train has no class \['emu'\], only \['cat', 'dog'\]"):
        load(tmp_path)
    save(tmp_path / "extra", 5)
    with pytest.raises(ValueError, match=r"also \['extra'\]"):
        load(tmp_path)


def test_a_limit_and_a_memory_bound(tmp_path):
    save(tmp_path, 20)
    source = load(tmp_path, max_per_split=6)
    assert np.bincount(source.arrays("train")[1]).tolist() == [3, 3]
    with pytest.raises(ValueError, match=r"are 4.3 GB .* max_per_split"):
        load(tmp_path, image_size=3000, stream=False)


def test_a_folder_in_the_way_does_not_hide_a_named_source(tmp_path, monkeypatch):
    monkeypatch.chdir(save(tmp_path, 5, (3, 3)))
    save(tmp_path / "digits", 5, (3, 3))
    assert load("digits").num_classes == 10
    assert load("./digits").class_names == ("cat", "dog")


def test_broken_files_are_left_out_when_asked_and_named(tmp_path):
    save(tmp_path, 20, (60, 60, 3))
    cut = tmp_path / "cat" / "3.png"
    cut.write_bytes(cut.read_bytes()[:2000])  # its header is whole
    (tmp_path / "dog" / "4.png").write_bytes(b"not an image")
    with pytest.warns(UserWarning, match=r"left out 2 files:") as said:
        source = load(tmp_path, on_broken="skip")
    assert "cat/3.png" in str(said[0].message) and "dog/4.png" in str(said[0].message)
    assert sum(len(source.arrays(split)[1]) for split in SPLITS) == 38
    with pytest.raises(ValueError, match="one of refuse, skip; received 'ignore'"):
        load(tmp_path, on_broken="ignore")
    for path in (tmp_path / "dog").iterdir():
        path.write_bytes(b"not an image")
    with pytest.raises(ValueError, match=r"no readable image is left in \['dog'\]"):
        load(tmp_path, on_broken="skip")


def table(folder, lines, name="t.csv"):
    path = folder / name
    path.write_text("\n".join(["path,label,split", *lines]) + "\n")
    return path


def test_a_table_of_paths(tmp_path):
    save(tmp_path / "images", 20)
    rows = [f"images/{c}/{i}.png,{c}," for c in ("cat", "dog") for i in range(20)]
    whole = load(table(tmp_path, [row + "train" for row in rows]))
    assert whole.class_names == ("cat", "dog") and whole.name == "t"
    assert [len(whole.arrays(s)[1]) for s in SPLITS] == [32, 4, 4]
    x, y = whole.arrays("train")
    assert np.allclose(x[:, 0, 0, 0] * 255, 100 * y)
    split = [row + ("train" if i % 20 < 15 else "test") for i, row in enumerate(rows)]
    assert len(load(table(tmp_path, split)).arrays("test")[1]) == 10


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (["a.png,cat,train", ",dog,train"], r"without path, 1 of 2, in the lines \[3\]"),
        (["a.png,cat,train", "a.png,dog,later"], r"1 rows do not: line 3 'later'"),
        (["a.png,cat,train", "a.png,emu,test"], r"train has no class \['emu'\]"),
        (["a.png,cat,train", "b.png,dog,train"], r"2 files do not exist: \['.*a.png \(line 2\)'"),
        ([], "no rows"),
    ],
)
def test_a_table_that_is_none_is_refused(tmp_path, lines, words):
    with pytest.raises(ValueError, match=words):
        load(table(tmp_path, lines))
