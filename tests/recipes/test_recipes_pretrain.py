"""recipes/pretrain.py: what it goes on with, and what it must not."""

from functools import partial

import numpy as np
import pytest

from wszoo import training
from wszoo.locks import only_one
from wszoo.recipes.pretrain import command


@pytest.fixture
def pretrain(tmp_path):
    """The recipe on 48 photos of two kinds, in `d.npz`."""
    write(tmp_path, np.arange(80) % 2)
    places = {"out": tmp_path / "out", "run_dir": tmp_path / "runs"}
    settings = '{"depth": 1, "width": 2}'
    return partial(command, "conv_net", str(tmp_path / "d.npz"), "t", settings, epochs=1,
                   **places)  # fmt: skip


def write(folder, y):
    x = np.random.default_rng(0).random((80, 8, 8, 1), "float32")
    x[np.arange(80) % 2 == 1] += 1
    cuts = {"train": slice(0, 48), "validation": slice(48, 64), "test": slice(64, 80)}
    arrays = {f"x_{split}": x[rows] for split, rows in cuts.items()}
    np.savez(folder / "d.npz", **arrays, **{f"y_{s}": y[rows] for s, rows in cuts.items()})


def test_a_batch_larger_than_the_data_is_the_data(pretrain, tmp_path):
    pretrain(batch_size=64)
    assert (tmp_path / "out" / "conv_net.t" / "card.json").is_file()


def test_a_command_that_is_refused_does_not_stand_in_the_way_of_the_corrected_one(
    pretrain, tmp_path
):
    for wrong in ({"batch_size": 0}, {"turns": True}, {"noise": 0.1}):
        with pytest.raises(ValueError, match=r"batch_size|turns|noise"):
            pretrain(**wrong)
        assert not (tmp_path / "runs").exists()
    pretrain(batch_size=16)


def test_a_pretraining_under_way_refuses_another_of_its_tag(pretrain, tmp_path):
    runs = tmp_path / "runs" / "pretrain" / "conv_net.t"
    refused = pytest.raises(ValueError, match=r"a pretraining of conv_net.t is under way")
    with only_one(runs, "a test"), refused:
        pretrain()
    assert not (tmp_path / "out").exists()


def test_corrected_data_are_another_run(pretrain, tmp_path, monkeypatch):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "evaluate", lambda *a, **k: interrupt())
        pretrain()
    backup = tmp_path / "runs/pretrain/conv_net.t/seed_0/latest.weights.h5"
    before = backup.read_bytes()
    write(tmp_path, 1 - np.arange(80) % 2)
    with pytest.raises(ValueError, match=r"begun with data='.*, not data='"):
        pretrain()
    assert backup.read_bytes() == before and not (tmp_path / "out").exists()
    write(tmp_path, np.arange(80) % 2)
    with pytest.raises(ValueError, match=r"learning_rate.*=0.002.*, not .*=0.004"):
        pretrain(learning_rate=4e-3)
    pretrain()  # the same command goes on


def interrupt():
    raise KeyboardInterrupt


@pytest.mark.parametrize("tag", ["/../../../precious", "..", "a b", ""])
def test_a_tag_that_leads_elsewhere_is_refused_before_anything_is_read(tmp_path, tag):
    with pytest.raises(ValueError, match="--tag must be a name of letters"):
        command("conv_net", "no_such_data", tag, out=tmp_path / "out", run_dir=tmp_path / "r")
    assert not list(tmp_path.iterdir())
