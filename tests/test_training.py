"""Runs that can be killed: epochs that depend on their number, backups that appear whole."""

import contextlib

import keras
import numpy as np
import pytest

from wszoo import training


def make(epoch):
    x = np.random.default_rng([7, epoch]).normal(size=(20, 3)).astype("float32")
    return x, x.sum(1, keepdims=True)


def fit(folder, epochs, *, stop=None):
    """Trains from a fixed start; `stop` ends the process' run after so many epochs."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), keras.layers.Dense(1)])
    data = training.EpochData(make, 5, 20, epochs)
    model.compile(keras.optimizers.Adam(training.cosine(0.1, 4 * epochs, warmup=3)), "mse")

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if stop is not None and epoch + 1 == stop:
                raise KeyboardInterrupt

    resume = training.Resume(folder, delete_checkpoint=False)
    with contextlib.suppress(KeyboardInterrupt):
        model.fit(
            data,
            epochs=epochs,
            shuffle=False,
            verbose=0,
            callbacks=[*data.callbacks, resume, Stop()],
        )
    return model


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_run_that_goes_on_ends_as_an_unbroken_one(tmp_path, stop):
    whole = fit(tmp_path / "whole", 4)
    fit(tmp_path / "broken", 4, stop=stop)
    resumed = fit(tmp_path / "broken", 4)
    assert int(resumed.optimizer.iterations) == int(whole.optimizer.iterations) == 16
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_finished_run_is_not_run_again(tmp_path):
    first = fit(tmp_path, 2)
    again = fit(tmp_path, 2)
    assert int(again.optimizer.iterations) == 8
    for a, b in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_damaged_backup_is_said(tmp_path):
    fit(tmp_path, 2, stop=1)
    backup = tmp_path / "latest.weights.h5"
    backup.write_bytes(backup.read_bytes()[:-100])
    with pytest.raises(ValueError, match="remove"):
        fit(tmp_path, 2)


def test_a_kill_in_the_middle_of_a_backup_leaves_the_last_one(tmp_path, monkeypatch):
    fit(tmp_path, 3, stop=1)
    before = (tmp_path / "latest.weights.h5").read_bytes()

    def killed(model, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(training, "write_weights", killed)
    fit(tmp_path, 3)
    assert (tmp_path / "latest.weights.h5").read_bytes() == before


def test_epochs_are_made_from_their_number():
    data = training.EpochData(make, 6, 20, 3)
    assert len(data) == 3  # the two examples left over are left out
    data._begin(2)
    x, _ = make(2)
    for i in range(3):
        np.testing.assert_array_equal(data[i][0], x[6 * i : 6 * i + 6])


def test_a_batch_larger_than_the_epoch_is_the_epoch():
    data = training.EpochData(make, 21, 20, 1)
    assert len(data) == 1
    np.testing.assert_array_equal(data[0][0], make(0)[0])
    with pytest.raises(ValueError, match="at least 1; received 0"):
        training.EpochData(make, 0, 20, 1)


def test_spread_is_over_runs():
    table = training.spread([{"a": 1.0}, {"a": 3.0}])
    assert table["a"] == {"value": 1.0, "mean": 2.0, "sd": round(2**0.5, 5), "seeds": 2}
    assert training.spread([{"a": 1.0}])["a"]["sd"] is None
