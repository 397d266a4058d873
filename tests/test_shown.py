"""Results that show themselves."""

import numpy as np
import pytest

import wszoo
from wszoo import shown
from wszoo.tuner.searching.front import Front, Point


@pytest.fixture(scope="module")
def model():
    return wszoo.get("tied_ae")


def test_a_plan_is_its_pattern_and_its_number_of_sites():
    plan = wszoo.SharingPlan.tied(["a", "b"])
    assert repr(plan) == "SharingPlan('AA': 2 sites)"
    long = wszoo.SharingPlan.untied(f"s{i}" for i in range(300))
    assert len(repr(long)) < 100 and "300 sites" in repr(long)


def test_an_audit_prints_as_its_tables(model):
    audit = wszoo.audit(model)
    assert repr(audit).startswith("Audit('tied_ae': 8 sites in 6 layers, stored 1")
    assert str(audit) == shown.as_text(
        *(t for t in (audit.table(), audit.inner_table(), audit.opaque_table()) if t)
    )
    assert "encoder_0" in str(audit) and "encoder_0" in audit._repr_html_()
    assert audit._repr_html_().startswith("<pre")


def test_a_source_says_how_much_of_what_it_holds():
    source = wszoo.data.load("digits")
    sizes = "train 797, validation 200, test 800 of (8, 8, 1)"
    assert repr(source) == f"Source('digits': {sizes}; 10 classes)"


def test_a_front_names_its_best_plans():
    front = Front("accuracy", "max", (Point("AB", 20, 80, (0.9, 0.8)),), "AB", trials=2)
    assert repr(front) == "Front('accuracy': 1 plan of 2 trials, best ['AB'])"
    assert "AB" in str(front) and "0.85" in front._repr_html_()


def test_a_result_says_what_it_scored():
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 28, 28, 1), dtype="float32"), np.arange(40) % 2
    result = wszoo.transfer("conv_net.omniglot", data=(x, y), epochs=1, verbose=0)
    assert repr(result).startswith("Result('conv_net.omniglot', classification: test ")
    assert "model (test)" in str(result) and "model (test)" in result._repr_html_()


def test_numbers_of_things():
    assert shown.counted(1, "site") == "1 site"
    assert shown.counted(1200, "class", "classes") == "1,200 classes"
