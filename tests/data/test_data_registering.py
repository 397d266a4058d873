"""What registers itself as a source: by what it is found, what it takes, what it is refused."""

from __future__ import annotations

from typing import TypedDict, Unpack

import numpy as np
import pytest

from wszoo.data import Source, from_arrays, list_sources, load, registering, splits
from wszoo.data.registering import source
from wszoo.data.splits import SPLITS, Arrays, Spec, Targets


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """Sources that a test registers are forgotten after it."""
    registering.readers()
    monkeypatch.setattr(registering, "_readers", dict(registering._readers))


def small(name="small", **options):
    x = np.arange(60.0).reshape(20, 3)
    return from_arrays(x, np.arange(20) % 2, name=name, **options)


class Options(TypedDict, total=False):
    max_per_split: int


def test_every_source_says_what_it_takes():
    readers = {reader.name: reader for reader in registering.readers()}
    assert set(list_sources()) == {name for name, reader in readers.items() if reader.is_set}
    for name, reader in readers.items():
        assert reader.options or name == "table"  # which leaves it to what its columns say
    assert readers["digits"].options == ("image_size", "resize", "max_per_split")


def test_options_are_the_keywords_and_none_stands_for_the_default():
    @source("mine")
    def mine(*, copies: int = 1, **options: Unpack[Options]) -> Source:
        return small(f"mine {copies}", **options)

    (reader,) = (reader for reader in registering.readers() if reader.name == "mine")
    assert reader.options == ("copies", "max_per_split")
    assert load("mine").name == "mine 1" == load("mine", copies=None).name
    limited = load("mine", copies=3, max_per_split=2, data_dir="nowhere")  # which it does not need
    assert limited.name == "mine 3" and len(limited.arrays("train")[1]) == 2
    with pytest.raises(ValueError, match="does not take length=3, copis=2; did you mean 'copies'"):
        load("mine", copis=2, length=3)


@pytest.mark.parametrize(
    "taken",
    [
        {"name": "digits"},
        {"name": "other", "suffixes": (".npz",)},
        {"name": "other", "columns": ("text", "label")},
        {"name": "other", "catalogue": True},
    ],
)
def test_what_one_source_is_known_by_is_no_other_ones(taken):
    with pytest.raises(ValueError, match=r"already registered by wszoo\.data\."):
        source(**taken)(small)
    assert "other" not in {reader.name for reader in registering.readers()}


def test_a_folder_is_read_by_what_reads_most_of_it(tmp_path):
    @source("dots", folder=lambda files: sum(file.suffix == ".dot" for file in files))
    def dots(folder, *, max_per_split: int | None = None) -> Source:
        return small(folder.name)

    (tmp_path / "a").mkdir()
    for name in ("1.dot", "2.dot", "3.png", ".hidden.png", ".4.png"):
        (tmp_path / "a" / name).write_text("x")
    assert load(tmp_path).name == tmp_path.name
    for name in ("4.png", "5.png"):
        (tmp_path / "a" / name).write_text("x")
    with (
        pytest.warns(UserWarning, match="left out 4 files"),
        pytest.raises(ValueError, match="no readable images"),
    ):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match="or a folder of dots or images or recordings"):
        load(tmp_path / "nothing")


def test_a_table_is_read_by_what_asks_for_most_of_its_columns(tmp_path):
    @source("boxes", columns=("path", "label", "box"))
    def boxes(table, **options: Unpack[Options]) -> Source:
        return small(" ".join(table.columns), **options)

    (tmp_path / "t.csv").write_text("label,box,path\na,1,1.png\n")
    assert load(tmp_path / "t.csv").name == "label box path"
    with pytest.raises(ValueError, match=r"t\.csv \(boxes\) does not take length=3; its options"):
        load(tmp_path / "t.csv", length=3)
    (tmp_path / "t.csv").write_text("label,box,path\na,,1.png\n")
    with pytest.raises(ValueError, match="rows without box"):
        load(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("label,box\na,1\n")
    with pytest.raises(ValueError, match="path and label and box, or path and label, or text and"):
        load(tmp_path / "t.csv")


# Splits that are not in memory, and other targets.


class Files:
    """A split of files, one an example, which are read when batches are asked for."""

    def __init__(self, paths, y):
        self.paths, self.y = np.array(paths, object), y

    @property
    def specs(self):
        return Spec((None, *np.load(self.paths[0]).shape), "float32"), Spec((None,), "int32")

    def check(self, where, num_tokens):
        if missing := [path for path in self.paths if not path.is_file()]:
            raise ValueError(f"{where}: no file {missing[0]}")

    def __iter__(self):
        raise ValueError("more than memory holds: take batches")

    def batches(self, batch_size, shuffle, seed, epoch):
        for rows, y in splits.Batches(
            np.arange(len(self.y)), self.y, batch_size, shuffle, seed, epoch
        ):
            yield np.stack([np.load(path) for path in self.paths[rows]]), y

    def take(self, rows):
        return Files(self.paths[rows], self.y[rows])

    def contents(self):
        for path in self.paths:
            yield path.read_bytes()
        yield self.y.tobytes()


@pytest.fixture
def streamed(tmp_path):
    """A source of 12 files a split, and the same in memory."""
    x = np.random.default_rng(0).random((36, 2, 2, 1), np.float32)
    y = (np.arange(12) % 3).astype(np.int32)
    paths = [tmp_path / f"{i}.npy" for i in range(36)]
    for path, one in zip(paths, x, strict=True):
        np.save(path, one)
    parts = {split: slice(12 * i, 12 * i + 12) for i, split in enumerate(SPLITS)}
    names = ("a", "b", "c")
    files = {split: Files(paths[rows], y) for split, rows in parts.items()}
    arrays = {split: (x[rows], y) for split, rows in parts.items()}
    return Source("s", files, names, "", ""), Source("s", arrays, names, "", "")


def test_a_split_that_reads_its_batches_gives_those_of_one_in_memory(streamed):
    stream, memory = streamed
    assert repr(stream) == repr(memory) and stream.element_spec == memory.element_spec
    for split in SPLITS:
        options = {"seed": 4, "epoch": 2}
        pairs = zip(
            stream.batches(split, 5, **options), memory.batches(split, 5, **options), strict=True
        )
        for (x, y), (wanted_x, wanted_y) in pairs:
            assert np.array_equal(x, wanted_x) and np.array_equal(y, wanted_y)
    drawn, wanted = (own.subset(2, seed=1) for own in streamed)
    for (x, _), (wanted_x, _) in zip(drawn.batches("train"), wanted.batches("train"), strict=True):
        assert np.array_equal(x, wanted_x)
    with pytest.raises(ValueError, match="more than memory holds"):
        stream.arrays("train")


def test_a_split_of_files_is_checked_and_fingerprinted_by_them(streamed):
    stream, _ = streamed
    before = stream.fingerprint()
    path = stream.splits["test"].paths[3]
    np.save(path, np.load(path) + 1)
    assert stream.fingerprint() != before
    path.unlink()
    with pytest.raises(ValueError, match="s, test: no file"):
        Source("s", stream.splits, stream.class_names, "", "")


def test_other_targets_are_one_entry_of_a_table():
    def check(where, y, num_classes):
        if y[..., 0].max() >= num_classes:
            raise ValueError(f"{where}: a box of the class {y[..., 0].max():g}")

    def fits(x, y):
        return len(x.shape) == 4 and y.dtype == "float32" and y.shape[2:] == (5,)

    pictures = np.zeros((4, 6, 6, 3), np.float32)
    boxes = np.random.default_rng(0).random((4, 2, 5), np.float32)
    made = {"name": "boxes", "class_names": ("a",), "licence": "", "origin": ""}
    parts = dict.fromkeys(SPLITS, (pictures, boxes))
    with pytest.raises(
        ValueError, match=r"y is float32 \(n, 2, 5\); expected .* y int32 \(n,\), or"
    ):
        Source(**made, splits=parts)
    splits.TARGETS.append(Targets("boxes", "float32 (n, most, 5)", fits, check))
    try:
        source = Source(**made, splits=parts)
        assert source.targets.name == "boxes" and isinstance(source.splits["train"], Arrays)
        with pytest.raises(ValueError, match="the targets of boxes are boxes: no classes to draw"):
            source.subset(1, seed=0)
        with pytest.raises(ValueError, match="boxes, train: a box of the class 1"):
            Source(**made, splits=dict.fromkeys(SPLITS, (pictures, boxes + 1)))
    finally:
        splits.TARGETS.pop()
