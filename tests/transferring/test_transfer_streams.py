"""Runs on streams of image files: what arrays give, and a first pass that goes on."""

import keras
import numpy as np
import pytest
from PIL import Image

import wszoo
from wszoo.data import load
from wszoo.transferring.features import cache, shards
from wszoo.transferring.features import files as cache_files
from wszoo.transferring.features.shards import BATCHES
from wszoo.transferring.training.backup import Backup


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """60 grey pictures of 16 × 12, of which the brightest third of the columns says the class."""
    top, rng = tmp_path_factory.mktemp("stripes"), np.random.default_rng(0)
    for i in range(60):
        pixels = rng.integers(0, 128, (12, 16), dtype=np.uint8)
        pixels[:, 2 + 4 * (i % 3) : 6 + 4 * (i % 3)] += 100
        (top / "abc"[i % 3]).mkdir(exist_ok=True)
        Image.fromarray(pixels).save(top / "abc"[i % 3] / f"{i}.png")
    return top


@pytest.fixture(scope="module")
def both(folder):
    return [load(folder, image_size=8, resize="stretch", stream=s) for s in (False, True)]


@pytest.fixture
def net():
    """A small network of dense layers, which XLA compiles quickly."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((8, 8, 1))
    x = keras.layers.Dense(6, name="block_0")(keras.layers.Flatten()(inputs))
    x = keras.layers.BatchNormalization(momentum=0.9, name="block_0_norm")(x)
    return keras.Model(inputs, keras.layers.Activation("relu")(x), name="small")


def same(one, other):
    for a, b in zip(one.model.get_weights(), other.model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    for split, scores in one.metrics.items():
        assert scores == pytest.approx(other.metrics[split], rel=1e-4, abs=1e-5)
    for row, of_other in zip(one.history, other.history, strict=True):
        assert row.pop("phase") == of_other.pop("phase")
        assert row == pytest.approx(of_other, rel=1e-4, abs=1e-5)


def test_a_head_on_features_of_a_stream_is_that_of_arrays(net, both, tmp_path, monkeypatch):
    monkeypatch.setenv("WSZOO_CACHE_DIR", str(tmp_path))
    of_arrays, of_stream = (
        wszoo.transfer(net, data=source, epochs=3, batch_size=8, verbose=0) for source in both
    )
    assert not any(of_stream.cache.values())
    same(of_arrays, of_stream)
    kept = sorted((tmp_path / "features").iterdir())
    assert [file.suffix for file in kept] == [".features"] * 3
    assert {cache_files.read(file).shape for file in kept} == {(48, 6), (6, 6)}


def test_a_whole_model_that_learns_from_a_stream_is_that_of_arrays(net, both):
    options = {"freeze": "all", "epochs": 2, "batch_size": 8, "verbose": 0, "cache": False}
    same(*(wszoo.transfer(net, data=source, **options) for source in both))


def shifted(x, seed):
    return np.roll(x, seed % 3, axis=1)


def test_an_augmented_run_on_a_stream_goes_on_where_it_was_killed(net, both, tmp_path, monkeypatch):
    options = {"freeze": "all", "epochs": 3, "batch_size": 8, "verbose": 0, "augment": shifted}
    whole = wszoo.transfer(net, data=both[1], **options)
    written = []

    def killed_after_two(backup, *state):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(write(backup, *state))

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        write = Backup.write
        patch.setattr(Backup, "write", killed_after_two)
        wszoo.transfer(net, data=both[1], resume=tmp_path / "run", **options)
    again = wszoo.transfer(net, data=both[1], resume=tmp_path / "run", **options)
    same(whole, again)


def test_a_first_pass_that_was_killed_goes_on_at_the_next_shard(net, both, folder, tmp_path):
    files = both[1].images("train")[0]
    whole = cache.features(net, files, batch_size=2)
    broken = files.paths[5 * 2 * BATCHES // 2]  # in the third shard
    sound = broken.read_bytes()
    broken.write_bytes(sound[:-30])
    try:
        with pytest.raises(ValueError, match=rf"{broken.name} is no readable image"):
            cache.features(net, files, batch_size=2, folder=tmp_path)
    finally:
        broken.write_bytes(sound)
    done = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*.features")}
    assert sorted(file.name for file in done) == ["000000.features", "000001.features"]
    first = min(done)
    data = bytearray(first.read_bytes())
    data[-1] ^= 1
    first.write_bytes(data)  # a shard that was damaged meanwhile is computed again
    found = cache.features(net, files, batch_size=2, folder=tmp_path)
    np.testing.assert_array_equal(found, whole)
    assert not found.flags.writeable
    assert [file.suffix for file in tmp_path.iterdir()] == [".features"]


def test_shards_that_are_there_are_not_computed_again(tmp_path):
    batches = [np.arange(2 * i, 2 * i + 2) for i in range(3 * BATCHES)]
    rows = np.random.default_rng(0).random((len(batches) * 2, 5), "float32")
    asked = []

    def outputs(some, stop=None):
        for number, batch in enumerate(some):
            if number == stop:
                raise KeyboardInterrupt
            asked.append(int(batch[0]))
            yield rows[batch]

    path = tmp_path / "k.features"
    with pytest.raises(KeyboardInterrupt):
        shards.gathered(path, batches, lambda some: outputs(some, stop=BATCHES + 1))
    assert not path.exists()
    asked.clear()
    found = shards.gathered(path, batches, outputs)
    assert asked == [int(batch[0]) for batch in batches[BATCHES:]]
    np.testing.assert_array_equal(found, rows)
    np.testing.assert_array_equal(cache_files.read(path), rows)
    assert list(tmp_path.iterdir()) == [path]
