"""recipes/search_ties.py as a user runs it."""

import json

import pytest
from programs import recipe as run

import wszoo

RECIPE = "search_ties.py"


@pytest.mark.slow
def test_a_search_on_digits_names_a_plan_and_is_done_only_once(tmp_path):
    command = ("conv_net", "--data", "digits", "--smoke", "--out", "found", "--points", 100)
    code, out, err = run(tmp_path, RECIPE, *command)
    assert code == 0, err
    assert "203 plans of 6 units" in out
    metrics = json.loads((tmp_path / "found" / "metrics.json").read_text())
    assert {"ABCDEF", "AAAAAA"} <= {point["pattern"] for point in metrics["points"]}
    assert (tmp_path / "found" / "front.png").read_bytes().startswith(b"\x89PNG")
    named = wszoo.load(tmp_path / "found" / "model.keras")
    assert f"{named.count_params():,} stored parameters" in out.replace("\n", " ")
    code, _, err = run(tmp_path, RECIPE, *command, "--seed", 1)
    assert code != 0 and "was begun with seed=0, not seed=1" in err
