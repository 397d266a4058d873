"""The recipe of several tasks, as a user runs it; a run that was broken off goes on."""

import json
from pathlib import Path

import numpy as np
import pytest
from programs import recipe as run

from wszoo import checksums
from wszoo.recipes.multitask.strokes import attributes

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


def test_slant_and_thickness_of_drawn_bars():
    images = np.zeros((3, 40, 40, 1), "float32")
    images[0, 5:35, 18:22] = 1  # upright, 4 wide
    images[1, 5:35, 14:26] = 1  # 12 wide
    for row in range(5, 35):
        place = 20 - (row - 20) // 2
        images[2, row, place - 2 : place + 2] = 1  # leans right, 1 in 2
    found = attributes(images)
    np.testing.assert_allclose(found["slant"], [0, 0, np.degrees(np.arctan(0.5))], atol=1.5)
    assert found["thickness"][1] / found["thickness"][0] == pytest.approx(2.4, abs=0.4)


@pytest.mark.slow
def test_smoke_and_going_on(tmp_path):
    call = ("multitask.py", "--smoke", "--width", 4, "--seeds", 1)
    code, _, err = run(tmp_path, *call)
    assert code == 0, err
    out = tmp_path / "runs" / "multitask"
    first = json.loads((out / "metrics.json").read_text())["results"]
    assert len(first) == 6
    assert {"metrics.json", "multitask.md", "multitask.png"} <= {p.name for p in out.iterdir()}
    kept = checksums.read_json(out / "metrics.json")
    kept["results"] = [*kept["results"][:4], dict(first[4], slant=123.0)]
    (out / "metrics.json").write_text(checksums.json_with_sum(kept))
    code, _, err = run(tmp_path, *call)
    assert code == 0, err
    again = json.loads((out / "metrics.json").read_text())["results"]
    assert again[4]["slant"] == 123.0 and again[5] == first[5]
    (shared,) = [row for row in again[:3] if row["arm"] == "shared"]
    assert shared["stored"] < again[0]["stored"] / 2
