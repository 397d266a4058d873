"""recipes/compare.py as a user runs it: from another folder, killed, with bad input."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import programs
import pytest

RECIPE = programs.RECIPES / "compare.py"
AE = ("tied_ae", "--data", "digits", "--plans", "default,untied", "--set", '{"widths": [8, 4]}')
pytestmark = pytest.mark.slow


def command(*arguments):
    return [sys.executable, str(RECIPE), *map(str, arguments)]


def run(folder, *arguments):
    return programs.recipe(folder, "compare.py", *arguments)


def untimed(folder):
    metrics = json.loads((folder / "metrics.json").read_text())
    return [{k: v for k, v in t.items() if k != "seconds"} for t in metrics["trainings"]]


def test_a_killed_comparison_goes_on_and_ends_as_unbroken(tmp_path):
    size = ("--steps", 400, "--points", 4, "--seeds", 2, "--samples", 20, "--tune-seeds", 1)
    code, out, err = run(tmp_path, *AE, *size, "--out", "whole")
    assert code == 0, err
    assert "untied" in out and "over 2 seeds" in out
    assert (tmp_path / "whole" / "comparison.png").read_bytes().startswith(b"\x89PNG")
    page = (tmp_path / "whole" / "comparison.md").read_text()
    assert "stored parameters" in page and "epochs to target" in page

    killed = subprocess.Popen(
        command(*AE, *size, "--out", "broken"),
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    trainings = tmp_path / "broken" / "trainings"
    while len(list(trainings.glob("*.seed*.json"))) < 3 and killed.poll() is None:
        time.sleep(0.02)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL, "it ended before it could be killed"
    assert not (tmp_path / "broken" / "metrics.json").exists()
    code, _, err = run(tmp_path, *AE, *size, "--out", "broken")
    assert code == 0, err
    assert untimed(tmp_path / "broken") == untimed(tmp_path / "whole")


def test_inner_sharing_on_data_of_ones_own(tmp_path):
    x = np.random.default_rng(0).uniform(size=(60, 8, 8, 1))
    np.savez(tmp_path / "mine.npz", x=x, y=np.arange(60) % 3)
    arms = ("--arm", 'conv={"tiles": 1}', "--arm", 'local={"model": "local_net"}')
    code, out, err = run(
        tmp_path,
        "tiled_net",
        "--data",
        "mine.npz",
        "--set",
        '{"filters": [3], "kernel_size": 3}',
        *arms,
        "--reference",
        "conv",
        "--samples",
        "20",
        "--smoke",
    )
    assert code == 0, err
    assert "local: " in out and "conv, accuracy" in out
    metrics = json.loads((tmp_path / "runs" / "compare" / "metrics.json").read_text())
    assert {row["label"] for row in metrics["rows"]} == {"conv", "local"}
    assert len(metrics["trainings"]) == 2 * 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*AE, "--plans", "default,untide"), "unknown plan"),
        ((*AE, "--samples", "50,5000"), "797 training examples; 5000"),
        ((*AE, "--reference", "tied"), "--reference must be one of default, untied"),
    ],
)
def test_bad_input_ends_in_one_clear_line_and_writes_nothing(tmp_path, arguments, words):
    code, _, err = run(tmp_path, *arguments, "--out", "out")
    assert code == 2
    assert words in err and "Traceback" not in err
    assert not list(tmp_path.iterdir())
