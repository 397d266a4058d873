"""docs/claims.md: its synthetic data, and that it says what the stored results say."""

import json

import numpy as np
import pytest

from benchmarks.claims import checks as claims_checks
from benchmarks.claims import page as claims_page
from benchmarks.claims import studies as claims_studies
from benchmarks.claims import tasks as claims_tasks
from wszoo.comparison import Difference
from wszoo.data import load

HOME = claims_checks.REPO / "docs" / "claims"


def read_back(sequence):
    """Values and flags of a sequence up to the step that is marked as its last."""
    (end,) = np.flatnonzero(sequence[:, 2])
    assert not sequence[end + 1 :].any()
    return sequence[: end + 1, 0], sequence[: end + 1, 1]


@pytest.mark.parametrize("lengths", [claims_studies.SHORT, claims_studies.LONG])
def test_classes_follow_their_rules(lengths):
    x, y = claims_tasks.latch(200, lengths, 0)
    seen = set()
    for sequence, label in zip(x, y, strict=True):
        bits, flags = read_back(sequence)
        assert label == (bits[np.flatnonzero(flags)[-1]] > 0)
        seen.add(len(bits))
    assert (min(seen), max(seen)) == lengths and 0.3 < y.mean() < 0.7
    x, y = claims_tasks.parity(200, lengths, 0)
    for sequence, label in zip(x, y, strict=True):
        assert label == (read_back(sequence)[0] > 0).sum() % 2


def test_moved_images_are_whole_and_have_moved():
    x, y = load("digits", image_size=14).arrays("test")
    moved, _ = claims_tasks.moved_images(x[:100], y[:100])
    np.testing.assert_allclose(moved.sum(axis=(1, 2, 3)), x[:100].sum(axis=(1, 2, 3)), rtol=1e-5)
    assert 0.5 < np.mean([not np.array_equal(a, b) for a, b in zip(moved, x, strict=False)]) < 1


def test_a_cell_a_step_is_not_trained_past_the_training_lengths():
    model = claims_tasks.recurrent("untied")
    x, y = claims_tasks.latch(64, claims_studies.SHORT, 0)
    before = [group.get_weights() for group in model.get_layer("gru").groups]
    model.compile("sgd", loss="sparse_categorical_crossentropy")
    model.train_on_batch(x, y)
    after = [group.get_weights() for group in model.get_layer("gru").groups]
    for i, (old, new) in enumerate(zip(before, after, strict=True)):
        changed = any(not np.array_equal(a, b) for a, b in zip(old, new, strict=True))
        assert changed == (i < claims_studies.SHORT[1])


def test_words_of_a_verdict():
    def words(want, low, high):
        check = claims_checks.Check("a", "s", "x", "y", 1, "test", want)
        return claims_checks.words(check, Difference((low + high) / 2, low, high, 5).verdict(True))

    assert words("better", 1, 2) == "holds: better"
    assert words("better", -1, 2) == "not shown: no difference"
    assert words("better", -2, -1) == "does not hold: worse"
    assert words("worse", -2, -1) == "holds: worse"
    assert words("no loss", -2, -1) == "does not hold: worse"
    assert words("no loss", -1, 2) == "no loss seen"


def test_what_was_not_run_is_not_claimed(tmp_path):
    for check in claims_checks.CHECKS:
        if not check.study.startswith("anomaly"):
            outcome = claims_checks.judge(check, tmp_path)
            assert outcome.verdict == "not measured" and not outcome.measured


def test_the_page_says_what_the_stored_results_say():
    page = (HOME.parent / "claims.md").read_text()
    for claim in claims_page.CLAIMS:
        rows = [c for c in claims_checks.CHECKS if c.claim == claim]
        assert rows
        assert claims_page.table([claims_checks.judge(c, HOME) for c in rows]) in page
    assert claims_page.summary(HOME) in (HOME.parent.parent / "README.md").read_text()


def test_stored_results_have_five_seeds_or_more():
    files = sorted(HOME.glob("*.json"))
    assert files
    for file in files:
        results = json.loads(file.read_text())["results"]
        seeds = {}
        for r in results:
            seeds.setdefault((r["label"], r["samples"]), set()).add(r["seed"])
        seeds.pop(("distance", 0), None)  # no training in it
        assert min(map(len, seeds.values())) >= 5, file.name
