"""recipes/label_curve.py as a user runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

RECIPE = Path(__file__).resolve().parents[2] / "recipes" / "label_curve.py"


def run(folder, *arguments):
    command = [sys.executable, str(RECIPE), *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_it_writes_table_and_picture_and_goes_on(tmp_path):
    smoke = ["--smoke", "--ways", "pixels,probe", "--out", "out"]
    done = run(tmp_path, *smoke)
    assert done.returncode == 0, done.stderr
    assert "| 2 | " in done.stdout
    found = json.loads((tmp_path / "out/metrics.json").read_text())
    assert {(r["way"], r["labels"], r["seed"]) for r in found["results"]} == {
        (way, labels, seed) for way in ("pixels", "probe") for labels in (1, 2) for seed in (0, 1)
    }
    assert (tmp_path / "out/label_curve.png").read_bytes().startswith(b"\x89PNG")
    kept = {f: f.stat().st_mtime_ns for f in (tmp_path / "out/trainings").glob("*.json")}
    assert run(tmp_path, *smoke).returncode == 0
    assert kept == {f: f.stat().st_mtime_ns for f in (tmp_path / "out/trainings").glob("*.json")}


@pytest.mark.slow
def test_an_unknown_way_is_named(tmp_path):
    done = run(tmp_path, "--ways", "probes")
    assert done.returncode == 2 and "probe" in done.stderr and "Traceback" not in done.stderr
