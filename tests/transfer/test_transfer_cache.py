"""Cached features are those that would be computed, or are computed again."""

import subprocess
import sys

import keras
import numpy as np
import pytest

import wszoo
from wszoo.transfer import cache


@pytest.fixture
def net():
    keras.utils.set_random_seed(0)
    return wszoo.get("conv_net", depth=2, width=4, input_shape=(8, 8, 1), head=None)


@pytest.fixture
def x():
    return np.random.default_rng(0).random((20, 8, 8, 1), "float32")


def test_the_second_call_reads_what_the_first_computed(net, x, tmp_path, monkeypatch):
    plain = cache.features(net, x)
    np.testing.assert_array_equal(plain, net.predict(x, batch_size=256, verbose=0))
    first = cache.features(net, x, folder=tmp_path)
    monkeypatch.setattr(cache, "_compute", lambda *_: pytest.fail("computed again"))
    second = cache.features(net, x, folder=tmp_path)
    for found in (first, second):
        np.testing.assert_array_equal(found, plain)
        assert not found.flags.writeable
    assert len(list(tmp_path.iterdir())) == 1


def test_the_key_is_what_features_depend_on(net, x):
    keys = [cache.key(net, x), cache.key(net, x[:10]), cache.key(net, 1 - x)]
    net.get_layer("stem").set_weights([2 * w for w in net.get_layer("stem").get_weights()])
    keys.append(cache.key(net, x))
    keys.append(cache.key(wszoo.get("conv_net", depth=4, width=4, head=None), x))
    assert len(set(keys)) == len(keys)
    assert cache.key(net, x) == cache.key(net, x.copy())


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "other"])
def test_a_damaged_file_is_said_and_made_anew(net, x, tmp_path, damage):
    wanted = cache.features(net, x, folder=tmp_path)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[-5] ^= 1
    contents = {"cut": whole[:-8], "flip": flipped, "empty": b"", "other": b"x" * 500}[damage]
    file.write_bytes(contents)
    with pytest.warns(UserWarning, match="made anew"):
        again = cache.features(net, x, folder=tmp_path)
    np.testing.assert_array_equal(again, wanted)
    assert file.read_bytes() == whole


@pytest.mark.slow
def test_two_processes_may_use_one_folder(tmp_path):
    script = """
import sys, keras, numpy as np, wszoo
from wszoo.transfer import cache
keras.utils.set_random_seed(0)
net = wszoo.get("conv_net", depth=2, width=4, input_shape=(8, 8, 1), head=None)
x = np.random.default_rng(0).random((50, 8, 8, 1), "float32")
for _ in range(20):
    for file in __import__("pathlib").Path(sys.argv[1]).glob("*.features"):
        file.unlink(missing_ok=True)
    a = cache.features(net, x, folder=sys.argv[1])
    assert (a == cache.features(net, x, folder=sys.argv[1])).all()
"""
    running = [
        subprocess.Popen([sys.executable, "-W", "error::UserWarning", "-c", script, tmp_path])
        for _ in range(2)
    ]
    assert [process.wait() for process in running] == [0, 0]
    assert all(file.suffix == ".features" for file in tmp_path.iterdir())


def test_a_folder_that_is_none_is_named_before_anything_is_computed(net, x, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_compute", lambda *_: pytest.fail("computed"))
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        cache.features(net, x, folder=tmp_path / "file")
    monkeypatch.setattr(cache.os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="not writable"):
        cache.features(net, x, folder=tmp_path / "folder")
