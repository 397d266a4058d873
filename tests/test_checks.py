"""One wording for what a caller may give; finite numbers are finite."""

import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wszoo import checks

NO_NUMBERS = [True, False, "3", "1e-3", None, [3], (3,), {}, object, 1j, Decimal("NaN")]


@pytest.mark.parametrize(
    "value", [*NO_NUMBERS, 1.5, 2.0, math.nan, math.inf, np.float32(2), np.array([2, 3])], ids=repr
)
def test_no_whole_number(value):
    with pytest.raises(ValueError, match=r"^epochs must be a whole number of at least 1; "):
        checks.whole("epochs", value, least=1)


@pytest.mark.parametrize("value", [*NO_NUMBERS, math.nan, math.inf, -math.inf, np.nan], ids=repr)
def test_no_finite_number(value):
    with pytest.raises(ValueError, match=r"^rate must be a finite number above 0; received "):
        checks.number("rate", value, above=0)


@given(st.integers(), st.integers(), st.integers())
def test_whole_numbers_within_their_range_pass_and_others_do_not(value, least, most):
    if least <= value <= most:
        assert checks.whole("n", value, least=least, most=most) == value
    else:
        with pytest.raises(ValueError, match=f"of at least {least} and at most {most}; received"):
            checks.whole("n", value, least=least, most=most)


@given(st.floats(), st.floats(-9, 9), st.floats(-9, 9))
def test_numbers_within_their_range_pass_and_others_do_not(value, low, high):
    inside = math.isfinite(value)
    for bounds, holds in (
        ({"least": low, "most": high}, low <= value <= high),
        ({"above": low, "below": high}, low < value < high),
    ):
        if inside and holds:
            assert checks.number("n", value, **bounds) == value
        else:
            with pytest.raises(ValueError, match=r"^n must be a finite number"):
                checks.number("n", value, **bounds)


def test_numbers_of_numpy_are_numbers():
    assert type(checks.whole("n", np.int64(3))) is int
    assert type(checks.number("n", np.float32(0.5))) is float
    assert checks.number("n", np.uint8(3)) == 3


def test_near_words_are_spelled_alike_or_hold_the_word():
    assert checks.nearest("Minst", ["mnist", "fashion_mnist", "digits"]) == ["mnist"]
    assert checks.nearest("vit", ["shared_vit", "rnn"]) == ["shared_vit"]
    assert checks.nearest("block_1", [f"BLOCK_{i}" for i in range(20)])[0] == "BLOCK_1"
    assert len(checks.nearest("block", [f"block_{i}" for i in range(20)])) == 3
    assert checks.nearest("ob", ["oblong"]) == [] == checks.nearest(3, ["3"])
    assert checks.near("zzzzzz", ["mnist"]) == "" and checks.near("minst", {"mnist": 1}) == (
        "; did you mean 'mnist'?"
    )


def test_no_other_file_looks_for_near_words():
    package = Path(checks.__file__).parent
    files = [path.name for path in package.rglob("*.py") if "difflib" in path.read_text()]
    assert files == ["checks.py"]


def test_one_of_names_what_is_valid_and_what_is_near():
    assert checks.one_of("mode", "crop", ["crop", "pad"]) == "crop"
    with pytest.raises(ValueError, match=r"one of crop, pad; received 'crap'; did you mean 'crop'"):
        checks.one_of("mode", "crap", ["crop", "pad"])
    with pytest.raises(ValueError, match=r"received 3$"):
        checks.one_of("mode", 3, ["crop", "pad"])


@pytest.mark.parametrize("values", [[], (), None, ["a", "a"], ["c"], "c", 3])
def test_some_of(values):
    with pytest.raises(ValueError, match=r"^formats must be"):
        checks.some_of("formats", values, ["a", "b"])


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "a/b", "/etc", "a b", "a\nb", "a'b", "$(x)", "-x", ".x", "a..b", "a.",
     3, None, "ä", "a\\b", "a:b", "a\0"],
)  # fmt: skip
def test_no_file_name(name):
    with pytest.raises(ValueError, match=r"^tag must be a name of letters"):
        checks.file_name("tag", name)


@pytest.mark.parametrize("name", ["a", "digits", "clinc_oos-2", "v1.2", "_x", "0"])
def test_file_names(name):
    assert checks.file_name("tag", name) == name


def test_what_was_received_is_shown_in_short():
    assert len(checks.shown("x" * 1000)) == checks.SHOWN
    assert checks.shown(np.zeros((2, 3))) == "an array of shape (2, 3) and dtype float64"
    assert checks.shown("1e-3") == "the text '1e-3'"
    assert checks.shown("crop") == "'crop'"
