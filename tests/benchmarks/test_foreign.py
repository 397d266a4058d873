"""Laws 4 and 5 over graphs that are not ours; docs/foreign.md says what was stored.

`benchmarks/foreign` takes them, and those of other packages, through every step.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.foreign import fresh as foreign_fresh
from benchmarks.foreign import graphs as foreign_graphs
from benchmarks.foreign import match as foreign_match
from benchmarks.foreign import names as foreign_names
from benchmarks.foreign import page as foreign_page

ROOT = Path(foreign_fresh.__file__).parents[2]
STORED = {row["graph"]: row["cells"] for row in foreign_page.rows()}
EXPORTED = [
    "several_outputs", "dict_outputs", "nested_shared", "swish_net", "string_lookup", "stateful",
    "mixed_float16", "quantised_int8",
]  # fmt: skip
SAVED = [
    *EXPORTED, "transformer", "adapted_numbers", "bidirectional", "siamese_nested", "own_layer",
    "sequential", "sequential_repeated", "spectral", "time_distributed", "layer_without_config",
    "with_lambda", "one_variable_two_layers",
]  # fmt: skip


def test_the_collection_is_the_expected_one():
    foreign_graphs.register()
    assert sorted(foreign_graphs.GRAPHS) == sorted(foreign_names.HAND_WRITTEN)
    assert len(foreign_names.NAMES) == len(set(foreign_names.NAMES)) >= 60
    assert list(STORED) == foreign_names.NAMES


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of converters and of other packages' layers
def test_files_and_flags_in_a_fresh_process(tmp_path):
    """Laws 4 and 5 for some of the hand-written graphs; no cell is worse than the page says."""
    from benchmarks.foreign.case import Case
    from benchmarks.foreign.steps import STEPS, cell

    cells = {}
    for name in SAVED:
        (tmp_path / name).mkdir()
        case = Case(name, *foreign_graphs.make(name), tmp_path / name)
        for step in ["save", *(["SavedModel", "LiteRT float32"] if name in EXPORTED else [])]:
            cells[name, step] = cell(lambda do=STEPS[step], c=case: do(c))
    load(tmp_path)
    for (name, step), (outcome, _) in cells.items():
        if outcome == "pending":
            cells[name, step] = json.loads((tmp_path / name / f"{step}.done").read_text())
    assert not {key: said for key, (outcome, said) in cells.items() if outcome == "wrong"}
    for (name, step), (outcome, said) in cells.items():
        assert outcome == STORED[name][step][0] or outcome == "works", (name, step, said)
    assert sum(outcome == "works" for outcome, _ in cells.values()) > 25


def load(folder):
    """Runs benchmarks.foreign.fresh over all jobs in the folder."""
    paths = os.pathsep.join([str(ROOT), *sys.path])
    command = [sys.executable, "-m", "benchmarks.foreign.fresh", "120", str(folder)]
    subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, check=True)


def test_the_page_says_what_is_stored():
    found = foreign_page.rows()
    assert (foreign_page.DOCS / "foreign.md").read_text() == foreign_page.page(found)
    outcomes = [cell[0] for row in found for cell in row["cells"].values()]
    assert len(outcomes) == len(found) * len(foreign_names.STEPS)
    assert "wrong" not in outcomes


def test_stock_export_works_nowhere_where_ours_does_not():
    ours_fails = {
        graph
        for graph, cells in STORED.items()
        if cells["SavedModel"][0] != "works" and cells["stock"][0] == "works"
    }
    assert ours_fails == set()
    assert foreign_page.compared(foreign_page.rows())[1] == 0


def test_a_difference_is_seen():
    one, two = np.array([1.0, 2.0]), np.array([[3.0]])
    assert foreign_match.difference([one, two], [one, two]) == 0
    assert foreign_match.difference([one], [one, two]) == np.inf
    assert foreign_match.difference([one + np.array([0, 0.5]), two], [one, two]) == 0.25
    assert foreign_match.difference([one * np.nan, two], [one, two]) == np.inf
    apart, why = foreign_match.matched({"a": two, "b": one}, [one, two], ["a", "b"])
    assert apart == np.inf and not why  # the names are right, the outputs are not theirs
    apart, why = foreign_match.matched({"x": two, "y": one}, [one, two], ["a", "b"])
    assert apart == 0 and "'x'" in why
