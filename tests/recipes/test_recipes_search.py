"""recipes/search_ties.py as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import wszoo

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "search_ties.py"


def run(folder, *arguments):
    command = [sys.executable, str(RECIPE), *map(str, arguments)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_search_on_digits_names_a_plan_and_is_done_only_once(tmp_path):
    command = ("conv_net", "--data", "digits", "--smoke", "--out", "found", "--points", 100)
    done = run(tmp_path, *command)
    assert done.returncode == 0, done.stderr
    assert "203 plans of 6 units" in done.stdout
    metrics = json.loads((tmp_path / "found" / "metrics.json").read_text())
    assert {"ABCDEF", "AAAAAA"} <= {point["pattern"] for point in metrics["points"]}
    assert (tmp_path / "found" / "front.png").read_bytes().startswith(b"\x89PNG")
    named = wszoo.load(tmp_path / "found" / "model.keras")
    assert f"{named.count_params():,} stored parameters" in done.stdout.replace("\n", " ")
    other = run(tmp_path, *command, "--seed", 1)
    assert other.returncode != 0 and "was begun with seed=0, not seed=1" in other.stderr
