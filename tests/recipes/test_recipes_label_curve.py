"""recipes/label_curve.py as a user runs it."""

import json

import pytest
from programs import recipe as run

RECIPE = "label_curve.py"


@pytest.mark.slow
def test_it_writes_table_and_picture_and_goes_on(tmp_path):
    smoke = ["--smoke", "--ways", "pixels,probe", "--out", "out"]
    code, out, err = run(tmp_path, RECIPE, *smoke)
    assert code == 0, err
    assert "| 2 | " in out
    found = json.loads((tmp_path / "out/metrics.json").read_text())
    assert {(r["way"], r["labels"], r["seed"]) for r in found["results"]} == {
        (way, labels, seed) for way in ("pixels", "probe") for labels in (1, 2) for seed in (0, 1)
    }
    assert (tmp_path / "out/label_curve.png").read_bytes().startswith(b"\x89PNG")
    kept = {f: f.stat().st_mtime_ns for f in (tmp_path / "out/trainings").glob("*.json")}
    assert run(tmp_path, RECIPE, *smoke)[0] == 0
    assert kept == {f: f.stat().st_mtime_ns for f in (tmp_path / "out/trainings").glob("*.json")}


def test_an_unknown_way_is_named(tmp_path):
    code, _, err = run(tmp_path, RECIPE, "--ways", "probes")
    assert code == 2 and "probe" in err and "Traceback" not in err
