"""Cached features are those that would be computed, or are computed again."""

import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import wszoo
from wszoo.fingerprints import arrays as hashes
from wszoo.locks import locked
from wszoo.tasks import heads, linear
from wszoo.transferring.features import cache
from wszoo.transferring.features import files as cache_files


def shifted(x, seed):
    return np.roll(x, seed + 1, axis=1)


@pytest.fixture
def net():
    keras.utils.set_random_seed(0)
    return wszoo.get("conv_net", depth=2, width=4, input_shape=(8, 8, 1), head=None)


@pytest.fixture
def x():
    return np.random.default_rng(0).random((20, 8, 8, 1), "float32")


def test_the_second_call_reads_what_the_first_computed(net, x, tmp_path, monkeypatch):
    plain = cache.features(net, x, batch_size=8)
    np.testing.assert_allclose(plain, net.predict(x, verbose=0), rtol=1e-5, atol=1e-5)
    first = cache.features(net, x, folder=tmp_path, batch_size=8)
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
    keys += [cache.key(net, x, preprocess=f) for f in (np.sqrt, np.square)]
    keys += [cache.key(net, x, augment=shifted, seed=seed) for seed in (0, 1)]
    assert len(set(keys)) == len(keys)
    assert cache.key(net, x) == cache.key(net, x.copy())


def test_every_byte_of_inputs_that_are_hashed_in_pieces_counts(net, x, monkeypatch):
    monkeypatch.setattr(hashes, "PIECE", 1000)
    keys = {cache.key(net, x)}
    for place in (0, 260, len(x.ravel()) - 1):
        changed = x.copy()
        changed.flat[place] += 1
        keys.add(cache.key(net, changed))
    keys.add(cache.key(net, np.roll(x.ravel(), 250).reshape(x.shape)))
    assert len(keys) == 5
    assert cache.key(net, x) == cache.key(net, x.copy())


def test_names_and_trainable_flags_do_not_count(x):
    def made(name, width=4):
        inputs = keras.Input((8, 8, 1))
        a = keras.layers.Conv2D(width, 3, kernel_initializer="ones", name=name)
        b = keras.layers.Conv2D(1, 3, kernel_initializer="ones")
        return keras.Model(inputs, b(a(inputs)))

    one, two, other = made("relu"), made("linear"), made("relu", width=5)
    two.trainable = False
    assert cache.key(one, x) == cache.key(two, x) != cache.key(other, x)


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


TWO = """
import sys, time, pathlib, keras, numpy as np, wszoo
from wszoo.transferring.features import cache
keras.utils.set_random_seed(0)
net = wszoo.get("conv_net", depth=2, width=4, input_shape=(8, 8, 1), head=None)
x = np.random.default_rng(0).random((50, 8, 8, 1), "float32")
folder, compute, computed = pathlib.Path(sys.argv[1]), cache._compute, []
def slow(*arguments):
    computed.append(1)
    time.sleep(0.2)
    return compute(*arguments)
cache._compute = slow
(folder / f"ready_{sys.argv[2]}").touch()
while len(list(folder.glob("ready_*"))) < 2:
    time.sleep(0.01)
for round in range(3):
    a = cache.features(net, x + round, folder=folder)
    assert (a == cache.features(net, x + round, folder=folder)).all()
once, last = len(computed), compute(net, x + 9, None, 128)
for _ in range(10):
    (folder / f"{cache.key(net, x + 9)}.features").unlink(missing_ok=True)
    assert (cache.features(net, x + 9, folder=folder) == last).all()
(folder / f"ready_{sys.argv[2]}").write_text(str(once))
"""


@pytest.mark.slow
def test_two_processes_may_use_one_folder_and_need_not_both_compute(tmp_path):
    running = [
        subprocess.Popen([sys.executable, "-W", "error::UserWarning", "-c", TWO, tmp_path, name])
        for name in "ab"
    ]
    assert [process.wait() for process in running] == [0, 0]
    ready = set(tmp_path.glob("ready_*"))
    assert sum(int(file.read_text()) for file in ready) == 3
    assert all(file.suffix == ".features" for file in set(tmp_path.iterdir()) - ready)


@pytest.mark.slow
def test_a_process_that_is_killed_while_it_writes_leaves_nothing_in_the_way(net, x, tmp_path):
    script = """
import sys, time, wszoo
from pathlib import Path
from wszoo.files import written_whole
from wszoo.locks import locked
path = Path(sys.argv[1]) / "k.features"
with locked(path.with_suffix(".lock")), written_whole(path) as part:
    part.write_text("half")
    print("there", flush=True)
    time.sleep(60)
"""
    killed = subprocess.Popen(
        [sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert killed.stdout.readline() == "there\n"
    killed.kill()
    killed.wait()
    killed.stdout.close()
    path = tmp_path / "k.features"
    with locked(path.with_suffix(".lock")):
        cache_files.write(path, x)
    np.testing.assert_array_equal(cache_files.read(path), x)
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_none_is_named_before_anything_is_computed(net, x, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_compute", lambda *_: pytest.fail("computed"))
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        cache.features(net, x, folder=tmp_path / "file")
    monkeypatch.setattr(cache_files.os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="not writable"):
        cache.features(net, x, folder=tmp_path / "folder")


def test_a_full_disk_is_said_before_anything_is_computed(net, x, tmp_path, monkeypatch):
    monkeypatch.setattr(cache, "_compute", lambda *_: pytest.fail("computed"))
    monkeypatch.setattr(cache_files.shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(OSError, match=r"need 0\.0 MB and 0\.0 MB are free"):
        cache.features(net, x, folder=tmp_path)


def test_features_that_cannot_be_written_are_not_lost(net, x, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache_files, "write", full)
    with pytest.warns(UserWarning, match=r"not kept.*No space left"):
        found = cache.features(net, x, folder=tmp_path)
    np.testing.assert_array_equal(found, cache.features(net, x))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_can_only_be_read_serves_what_it_has(net, x, tmp_path, monkeypatch):
    first = cache.features(net, x, folder=tmp_path)
    monkeypatch.setattr(cache_files.os, "access", lambda *_: False)
    np.testing.assert_array_equal(cache.features(net, x, folder=tmp_path), first)


def test_preprocessing_outside_of_the_graph(net, x, tmp_path):
    small = x[:, ::2, ::2]
    found = cache.features(net, small, folder=tmp_path, preprocess=doubled, batch_size=8)
    wanted = cache.features(net, doubled(small))
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


def doubled(x):
    return x.repeat(2, axis=1).repeat(2, axis=2)


def test_views_are_computed_once_each(net, x, tmp_path, monkeypatch):
    first = cache.views(net, x, shifted, 3, folder=tmp_path)
    for i, view in enumerate(first):
        np.testing.assert_array_equal(view, cache.features(net, shifted(x, i)))
    monkeypatch.setattr(cache, "_compute", lambda *_: pytest.fail("computed again"))
    for a, b in zip(cache.views(net, x, shifted, 2, folder=tmp_path), first[:2], strict=True):
        np.testing.assert_array_equal(a, b)


def test_an_augmentation_that_draws_by_itself_is_refused(net, x):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="no function of"):
        cache.views(net, x, lambda x, seed: x + rng.random(), 2)
    with pytest.raises(ValueError, match="count must be a whole number of at least 1"):
        cache.views(net, x, shifted, 0)


def test_the_head_by_itself_trains_the_models_head(net, x):
    parts = heads.attach(net, linear.logistic(3))
    model, top = parts.model, parts.top
    found = cache.features(net, x)
    top.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    top.fit(found, np.arange(20) % 3, verbose=0)
    assert np.any(model.get_layer("head").kernel.numpy())
    np.testing.assert_allclose(
        top.predict(found, verbose=0), model.predict(x, verbose=0), rtol=1e-4, atol=1e-5
    )


def test_a_cache_that_would_be_wrong_is_refused_with_the_reason(net):
    assert "features are" not in str(cache.why_not(net))
    assert "BatchNormalization" in cache.why_not(net)
    for layer in net.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    assert "'stem' below the head trains" in cache.why_not(net)
    net.trainable = False
    assert cache.why_not(net) is None
    assert "augmented anew" in cache.why_not(net, augment=shifted)
    assert cache.why_not(net, augment=shifted, views=3) is None


@pytest.mark.parametrize(
    ("layer", "random"),
    [
        (keras.layers.Dropout(0.5), True),
        (keras.layers.Dropout(0.0), False),
        (keras.layers.GaussianNoise(0.1), True),
        (keras.layers.LSTM(2), False),
        (keras.layers.LSTM(2, dropout=0.1), True),
        (keras.layers.Bidirectional(keras.layers.GRU(2, recurrent_dropout=0.1)), True),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_random_layers_below_the_head_are_found(layer, random):
    inputs = keras.Input((5, 3))
    net = keras.Model(inputs, layer(inputs))
    net.trainable = False
    reason = cache.why_not(net)
    assert (reason is not None and "random in training" in reason) == random
