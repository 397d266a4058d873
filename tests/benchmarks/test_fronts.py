"""docs/fronts.md: what a search's front is worth, and that the page says what was stored."""

import json

import pytest

from benchmarks.fronts import methods as fronts_methods
from benchmarks.fronts import neighbours
from benchmarks.fronts import page as fronts_page
from benchmarks.fronts.tasks import TASKS

ROWS = [
    {"plan": "AAAAAA", "size": 0.25, "held": 0.2, "test": 0.25},
    {"plan": "AAABBB", "size": 0.4, "held": 0.1, "test": 0.15},
    {"plan": "ABBBBB", "size": 0.4, "held": 0.12, "test": 0.05},
    {"plan": "ABCDEE", "size": 0.9, "held": 0.096, "test": 0.1},
    {"plan": "ABCDEF", "size": 1.0, "held": 0.3, "test": 0.01},
]


def test_a_front_is_chosen_by_held_examples_and_judged_by_test_ones():
    front = fronts_methods.front_of(ROWS)
    assert [row["plan"] for row in front] == ["AAAAAA", "AAABBB", "ABCDEE"]
    found = fronts_page.judged(ROWS, TASKS["fashion_mnist"])  # reference 1.1 and 0.35
    assert found["volume"] == pytest.approx(0.85 * 0.1 + 0.7 * 0.1 + 0.2 * 0.05)
    assert found["half"] == 0.15 and found["points"] == 3
    assert (found["small_size"], found["small_test"]) == (0.4, 0.15)  # within half a point
    assert fronts_page.judged(ROWS[3:], TASKS["digits"])["half"] is None


def test_neighbours_that_are_tied_share_a_letter():
    ties = {f"tie_{i}": i in (1, 4) for i in range(1, 6)}
    assert neighbours.joined(ties, 6) == "AABCCD"
    assert neighbours.joined(dict.fromkeys(ties, True), 6) == "AAAAAA"


def test_a_training_is_done_once_and_kept(tmp_path):
    class Counted:
        calls = 0

        def curve(self, pattern, again):
            self.calls += 1
            return [[0.5, 0.6], [0.3, 0.45], [0.4, 0.2]]

    bench = Counted()
    trainings = fronts_methods.Trainings(bench, tmp_path / "0.jsonl")
    assert trainings.best("AAB", epochs=1) == (0.5, 0.6)
    assert trainings.best("AAB") == (0.3, 0.45)  # the epoch that is best on held examples
    again = fronts_methods.Trainings(bench, tmp_path / "0.jsonl")
    assert again.best("AAB") == (0.3, 0.45) and bench.calls == 1
    again.best("AAB", 1)
    assert bench.calls == 2


def test_the_page_says_what_was_measured():
    stored = json.loads((fronts_page.DOCS / "fronts" / "metrics.json").read_text())
    tasks = fronts_page.collect(stored["searches"])
    assert json.loads(json.dumps(tasks)) == stored["figures"]
    assert (fronts_page.DOCS / "fronts.md").read_text() == fronts_page.page(tasks)
    for result in tasks.values():
        for row in result["methods"].values():
            assert max(row["epochs"]) <= fronts_methods.BUDGET
