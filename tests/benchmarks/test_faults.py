"""The page of the campaign says what is stored, and what is stored is without a failure."""

import json
from pathlib import Path

import pytest

from benchmarks import faults
from benchmarks.faults import __main__ as campaign
from benchmarks.faults import damaged, hostile, keras_settings

DOCS = Path(campaign.__file__).parents[2] / "docs"
STORED = {path.stem: json.loads(path.read_text()) for path in (DOCS / "faults").glob("*.json")}


def test_every_part_is_stored_and_the_page_says_it():
    assert sorted(STORED) == campaign.PARTS
    assert campaign.page_of(DOCS / "faults").rstrip() + "\n" == (DOCS / "faults.md").read_text()


@pytest.mark.parametrize("part", campaign.PARTS)
def test_no_part_has_a_failure(part):
    assert STORED[part]["tried"] > 0
    assert {way: STORED[part][way] for way in faults.WAYS} == dict.fromkeys(faults.WAYS, 0)


@pytest.mark.slow
@pytest.mark.parametrize("part", [damaged, hostile, keras_settings], ids=lambda m: m.__name__)
def test_the_short_form_of_a_part_has_no_failure(part, tmp_path):
    found = part.run(tmp_path, seed=1, short=True)
    assert found["tried"] > 10
    assert {way: found[way] for way in faults.WAYS} == dict.fromkeys(faults.WAYS, 0), found["rows"]


def test_failures_are_counted_by_their_names():
    assert faults.result(3, [], lost=1)["lost"] == 1
    with pytest.raises(ValueError, match="failures are counted as lost, "):
        faults.result(3, [], gone=1)
