"""Series of one's own: sorted, one point a time, one series; what was found is said."""

import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wszoo.data import nab
from wszoo.data.formats.series import read_csv

HOURS = [f"2024-01-{1 + i // 24:02d} {i % 24:02d}:00:00" for i in range(100)]
ROWS = [f"{stamp},{i}" for i, stamp in enumerate(HOURS)]


@pytest.fixture
def write(tmp_path):
    def write(lines, header="timestamp,value"):
        path = tmp_path / "s.csv"
        path.write_text("\n".join([header, *lines]) + "\n")
        return path

    return write


def test_a_regular_series_needs_no_word(write):
    one = read_csv(write(ROWS))
    assert one.values.tolist() == list(range(100)) and one.timestamps.dtype == "datetime64[s]"
    assert one.notes == (
        "time stamps without an offset are taken for UTC",
        "the interval between points is 1 h",
    )
    assert nab.read_csv is read_csv


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_the_order_of_rows_does_not_matter(write, data):
    days = data.draw(st.lists(st.integers(0, 3000), min_size=2, max_size=12, unique=True))
    rows = [f"{np.datetime64('2024-01-01') + day},{day}" for day in days]
    repeated = rows + data.draw(st.lists(st.sampled_from(rows), max_size=4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        one = read_csv(write(data.draw(st.permutations(repeated))))
    assert one.values.tolist() == sorted(days)
    assert one.timestamps.astype("datetime64[D]").tolist() == [
        (np.datetime64("2024-01-01") + day).item() for day in sorted(days)
    ]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (ROWS[::-1], "newest first: sorted"),
        (ROWS[50:] + ROWS[:50], "not in the order of time: sorted"),
        (
            ROWS + ROWS[3:5],
            "2 rows repeat another's time and value: left out, the first is line 102",
        ),
        (ROWS[:30] + ROWS[54:], "1 gap, the largest of 1.04167 d after 2024-01-02T05:00:00"),
        (ROWS[:30] + ROWS[32:40] + ROWS[43:], "2 gaps, the largest of 4 h after 2024-01-02T15"),
        ([f"2024-01-01 00:{m:02d}:00,{m}" for m in (0, 1, 5, 30, 31, 50)], "from 1 min to 25 min"),
    ],
)
def test_what_was_changed_or_is_missing_is_said(write, lines, words):
    path = write(lines)
    with pytest.warns(UserWarning) as said:
        one = read_csv(path)
    assert any(words in str(w.message) and str(path) in str(w.message) for w in said)
    assert any(words in note for note in one.notes)
    assert (np.diff(one.timestamps).astype(int) > 0).all()


def test_a_clock_set_back_is_right_with_offsets_and_refused_without(write):
    stamps = ["01:30:00+02:00", "02:30:00+02:00", "02:30:00+01:00", "03:30:00+01:00"]
    one = read_csv(write([f"2024-10-27 {s},{i}" for i, s in enumerate(stamps)]))
    assert np.diff(one.timestamps).tolist() == [np.timedelta64(1, "h")] * 3
    assert str(one.timestamps[0]) == "2024-10-26T23:30:00"
    bare = write([f"2024-10-27 {s[:8]},{i}" for i, s in enumerate(stamps)])
    with pytest.raises(ValueError, match=r"lines 3 and 4: .*values 1 and 2.* Write offsets"):
        read_csv(bare)


def test_points_within_a_second_are_apart(write):
    one = read_csv(write([f"2024-01-01 00:00:00.{i},{i}" for i in range(8)]))
    assert one.timestamps.dtype == "datetime64[ms]" and "is 0.1 s" in one.notes[-1]


def test_several_series_in_a_file_are_told_apart(write):
    both = [f"{row},{sensor}" for sensor in "ab" for row in ROWS]
    path = write(both, "timestamp,value,sensor")
    with pytest.raises(ValueError, match=r"'sensor' has 2 values, 'a', 'b'.*where={'sensor': 'a'}"):
        read_csv(path)
    one = read_csv(path, where={"sensor": "b"})
    assert one.values.tolist() == list(range(100))
    with pytest.raises(ValueError, match=r"lines 2 and 103|Several series"):
        read_csv(
            write(
                [f"{s},{i},{k}" for k in "ab" for i, s in enumerate(HOURS[:9], k == "b")],
                "timestamp,value,k",
            ),
            where={},
        )
    with pytest.raises(ValueError, match=r"no column 'sensors'.*did you mean 'sensor'"):
        read_csv(write(both, "timestamp,value,sensor"), where={"sensors": "a"})
    with pytest.raises(ValueError, match="sensor has no 'c', only 'a', 'b'"):
        read_csv(path, where={"sensor": "c"})


@pytest.mark.parametrize("shift", ["00", "30"])
def test_numbered_series_that_share_times_or_take_turns_are_told_apart(write, shift):
    pairs = [(f"{s[:14]}{shift if k == 2 else '00'}:00", k) for s in HOURS for k in (1, 2)]
    path = write([f"{stamp},{k},{k}" for stamp, k in pairs], "timestamp,value,id")
    with pytest.raises(ValueError, match="column 'id' has 2 values, '1', '2'"):
        read_csv(path)
    assert set(read_csv(path, where={"id": 2}).values) == {2}


def test_other_columns_are_no_series_where_they_part_nothing(write):
    rows = [
        f"{row},{i // 24},{i / 7:.3f},{'restart' if i == 5 else ''}" for i, row in enumerate(ROWS)
    ]
    flagged = [f"{row},{int(i >= 90)}" for i, row in enumerate(rows)]
    one = read_csv(write(flagged, "timestamp,value,day,load,note,anomaly"))
    assert len(one.values) == 100
    assert "columns that are not used: anomaly, day, load, note" in one.notes
    named = write(
        [f"{row},{'good' if i % 9 else 'bad'}" for i, row in enumerate(ROWS)],
        "timestamp,value,quality",
    )
    with pytest.raises(ValueError, match=r"all rows are one series, say where={}"):
        read_csv(named)
    assert len(read_csv(named, where={}).values) == 100


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "line 3: the value '' is empty"),
        ("NaN", "line 3: the value 'NaN' is not finite"),
        ("-inf", "not finite"),
        ("n/a", "no decimal number; correct it, or take the row out"),
        ("1_000", "no decimal number"),
    ],
)
def test_a_value_that_is_no_number_is_refused_with_its_line(write, value, words):
    with pytest.raises(ValueError, match=words):
        read_csv(write([ROWS[0], f"{HOURS[1]},{value}", ROWS[2]]))


def test_a_format_is_passed_on(write):
    path = write([f"{d}.01.2024,{d}" for d in range(1, 9)])
    with pytest.raises(ValueError, match=r"s\.csv, line 2: '1\.01\.2024'.*format='%d\.%m\.%Y'"):
        read_csv(path)
    assert read_csv(path, format="%d.%m.%Y").values.tolist() == list(range(1, 9))
