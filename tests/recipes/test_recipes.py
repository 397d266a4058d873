"""Recipes as a user runs them: from another folder, in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest
from programs import RECIPES
from programs import recipe as run

PRETRAIN = [
    "tied_ae",
    "--data",
    "digits",
    "--tag",
    "t",
    "--set",
    '{"widths":[16,4]}',
    "--epochs",
    "8",
    "--max-examples",
    "700",
    "--batch-size",
    "8",
]


def command(recipe, *arguments):
    return [sys.executable, str(RECIPES / recipe), *map(str, arguments)]


def numbers(folder):
    values = {}
    with h5py.File(folder / "tied_ae.t" / "model.weights.h5") as file:
        file.visititems(
            lambda name, item: (
                values.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
            )
        )
    return values


@pytest.mark.slow
def test_finetune_writes_what_it_says_and_it_loads_elsewhere(tmp_path):
    code, out, err = run(
        tmp_path, "finetune.py", "digits", "--compare", "--smoke", "--seeds", 2, "--out", "result"
    )
    assert code == 0, err
    for mode in ("pixels", "scratch", "probe", "finetune"):
        assert mode in out
    metrics = json.loads((tmp_path / "result" / "metrics.json").read_text())
    assert len(metrics["results"]) == 4 * 2
    assert (tmp_path / "result" / "curves.png").read_bytes().startswith(b"\x89PNG")
    read = (
        "import wszoo, numpy as np, tensorflow as tf;"
        "m = wszoo.load('result/model.keras');"
        "s = tf.saved_model.load('result/saved_model/1').signatures['serving_default'];"
        "x = np.random.default_rng(0).random((4, 28, 28, 1), 'float32');"
        "np.testing.assert_allclose(s(input=tf.constant(x))['head'], m(x), rtol=1e-4, atol=1e-5);"
        "assert wszoo.sites(m)[-1] == 'head'"
    )
    subprocess.run([sys.executable, "-c", read], cwd=tmp_path, check=True, capture_output=True)


@pytest.mark.slow
def test_pretraining_that_is_killed_goes_on_and_ends_as_unbroken(tmp_path):
    whole = ("--out", tmp_path / "whole", "--run-dir", tmp_path / "runs_whole")
    broken = ("--out", tmp_path / "broken", "--run-dir", tmp_path / "runs_broken")
    code, _, err = run(tmp_path, "pretrain.py", *PRETRAIN, *whole)
    assert code == 0, err

    backup = tmp_path / "runs_broken/pretrain/tied_ae.t/seed_0/latest.weights.h5"
    killed = subprocess.Popen(
        command("pretrain.py", *PRETRAIN, *broken),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while not backup.exists() and killed.poll() is None:
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert not (tmp_path / "broken").exists()

    other = [a if a != "8" else "9" for a in PRETRAIN]
    code, _, err = run(tmp_path, "pretrain.py", *other, *broken)
    assert code == 2 and "go on with the same, name another" in err

    code, out, err = run(tmp_path, "pretrain.py", *PRETRAIN, *broken)
    assert code == 0, err
    assert "Epoch 1/8" not in out  # it did not start anew
    wanted, got = numbers(tmp_path / "whole"), numbers(tmp_path / "broken")
    assert wanted.keys() == got.keys()
    for name, value in wanted.items():
        np.testing.assert_array_equal(got[name], value)
    cards = [
        json.loads((tmp_path / d / "tied_ae.t/card.json").read_text()) for d in ("whole", "broken")
    ]
    assert cards[0]["metrics"] == cards[1]["metrics"]
    assert "--run-dir" not in cards[0]["command"]
    assert not (tmp_path / "runs_broken/pretrain/tied_ae.t").exists()


@pytest.mark.parametrize(
    ("recipe", "arguments", "words"),
    [
        ("finetune.py", ["digits", "--backbone", "conv_net.omnigloot"], "omniglot"),
        ("finetune.py", ["digit"], "digits"),
        ("finetune.py", ["digits", "--compare", "--modes", "frozn"], "frozen"),
        ("pretrain.py", ["tied_ea", "--data", "digits", "--tag", "t"], "tied_ae"),
        ("pretrain.py", ["tied_ae", "--data", "nothing_such", "--tag", "t"], "nothing_such"),
        ("pretrain.py", ["tied_ae", "--data", "digits", "--tag", "t", "--views", "x"], "pen"),
        (
            "pretrain.py",
            ["tied_ae", "--data", "digits", "--tag", "t", "--sharing", "AB"],
            "4 sites",
        ),
    ],
)
def test_bad_input_ends_in_one_clear_line_and_writes_nothing(
    tmp_path, refusal, recipe, arguments, words
):
    code, err = refusal(tmp_path, RECIPES / recipe, *arguments, "--out", "out")
    assert code == 2
    assert words in err and "Traceback" not in err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_export_measures_each_file_on_the_cards_data(tmp_path):
    code, _, err = run(tmp_path, "export_all.py", "tied_ae.digits", "--smoke", "--out", "result")
    assert code == 0, err
    rows = json.loads((tmp_path / "result" / "metrics.json").read_text())
    assert [row["file"] for row in rows] == ["SavedModel", "LiteRT float32", "LiteRT int8"]
    for row in rows:
        assert (tmp_path / row["path"]).exists()
    assert all(abs(a - b) < 0.01 for a, b in (row["metric"] for row in rows[1:]))
    assert (tmp_path / "result" / "outputs.png").stat().st_size > 1000


@pytest.mark.slow
def test_denoise_restores_images_of_any_source(tmp_path):
    code, _, err = run(tmp_path, "denoise.py", "--data", "digits", "--smoke", "--out", "result")
    assert code == 0, err
    found = json.loads((tmp_path / "result" / "metrics.json").read_text())
    assert found["restored_mse"] < found["noisy_mse"]
    assert (tmp_path / "result" / "denoised.png").stat().st_size > 1000
    code, _, err = run(tmp_path, "denoise.py", "tied_ae.digits", "--data", "digits", "--noise", 0)
    assert code == 0, err
