"""wszoo finetune --freeze: a run of your own, in processes that are killed."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import programs
import pytest
import yaml

RECIPE = programs.RECIPES / "finetune.py"
PLAN = {
    "phases": [
        {"name": "head", "train": "head", "epochs": 3},
        {"name": "top", "train": ["head", "block_5"], "epochs": 3, "learning_rate": 5e-4},
    ]
}
FEW = ("--labels-per-class", 2)


def command(folder, *arguments):
    (folder / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    plan = ["--freeze", "plan.yaml"]
    data = [] if arguments[:1] and str(arguments[0]).endswith(".npz") else ["digits"]
    return [sys.executable, str(RECIPE), *data, *plan, "--cache", "features", *map(str, arguments)]


def run(folder, *arguments):
    return programs.recipe(folder, *command(folder, *arguments)[1:])


def kill_when(ready, folder, *arguments):
    """Starts the recipe and ends it with kill -9 once `ready()`."""
    process = subprocess.Popen(
        command(folder, *arguments), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    while not ready() and process.poll() is None:
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    _, err = process.communicate()
    assert process.returncode == -signal.SIGKILL, err.decode()


@pytest.mark.slow
def test_a_run_that_is_killed_ends_with_the_metrics_of_an_unbroken_one(tmp_path):
    code, out, err = run(tmp_path, *FEW, "--out", "whole")
    assert code == 0, err
    assert "head: features were kept" in out and "top: no cache" in out
    for name in ("curves.png", "model.keras", "saved_model/1/saved_model.pb"):
        assert (tmp_path / "whole" / name).stat().st_size > 1000
    for file in (tmp_path / "features").iterdir():
        file.unlink()

    written = tmp_path / "features"
    kill_when(lambda: any(written.iterdir()), tmp_path, *FEW, "--out", "broken")
    state = tmp_path / "broken" / "run" / "state.weights.h5"
    kill_when(state.exists, tmp_path, *FEW, "--out", "broken")
    code, _, err = run(tmp_path, *FEW, "--out", "broken", "--seed", 1)
    assert code == 2 and "begun with" in err and "seed=0" in err
    code, _, err = run(tmp_path, *FEW, "--out", "broken")
    assert code == 0, err
    found = [json.loads((tmp_path / d / "metrics.json").read_text()) for d in ("whole", "broken")]
    assert found[0] == found[1]
    assert not (tmp_path / "broken" / "run").exists()


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("jax"), reason="jax is not installed")
def test_two_processes_write_what_one_does(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    few = (*FEW, "--batch-size", 10)

    def begin(out, *arguments, **said):
        return subprocess.Popen(
            command(tmp_path, *few, "--out", out, *arguments), cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=programs.JOINED_ON_JAX | said,
        )  # fmt: skip

    said = {
        "KERAS_DISTRIBUTION_JOB_ADDRESSES": address,
        "KERAS_DISTRIBUTION_NUM_PROCESSES": "2",
    }
    many = [
        begin(
            "two", "--distribution", "data_parallel", **said, KERAS_DISTRIBUTION_PROCESS_ID=str(i)
        )
        for i in (0, 1)
    ]
    ended = [(*p.communicate(timeout=600), p.returncode) for p in (*many, begin("one"))]
    assert [code for *_, code in ended] == [0, 0, 0], ended
    assert "Wrote" in ended[0][0] and "Wrote" not in ended[1][0]
    one, two = (json.loads((tmp_path / d / "metrics.json").read_text()) for d in ("one", "two"))
    for a, b in zip(one["history"], two["history"], strict=True):
        assert a["phase"] == b["phase"]
        assert b["val_loss"] == pytest.approx(a["val_loss"], rel=1e-3)
    assert (tmp_path / "two" / "model.keras").exists() and not (tmp_path / "two" / "run").exists()


@pytest.mark.filterwarnings("ignore")  # of the data
def test_bad_input_ends_in_one_clear_line(tmp_path, refusal):
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 28, 28, 1), "float32"), np.arange(40) % 4
    np.savez(tmp_path / "unseen.npz", x_train=x, y_train=y % 3, x_test=x, y_test=y)
    (tmp_path / "file").write_text("")
    cases = [
        (["unseen.npz"], "which train never shows"),
        (["--cache", "file"], "file"),
        (["--task", "clasification"], "classification"),
    ]
    for arguments, words in cases:
        script = command(tmp_path, *arguments, "--out", "out")[1:]
        code, err = refusal(tmp_path, *script)
        assert code == 2 and words in err and "Traceback" not in err, err
