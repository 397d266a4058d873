"""Time stamps of every spelling are the same moments, UTC; what can be read in two ways is not."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wszoo.data.formats.timestamps import read_stamps

quick = settings(max_examples=80, deadline=None)
moments = st.datetimes(datetime(1974, 1, 1), datetime(2240, 1, 1))
offsets = st.integers(-15 * 60, 15 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def read(*stamps, **options):
    return read_stamps(stamps, lambda i: f"line {i + 2}", **options)


def microseconds(times):
    return times.astype("datetime64[us]").astype(object).tolist()


@quick
@given(st.lists(moments, min_size=1, max_size=5), offsets)
def test_an_offset_changes_the_spelling_and_not_the_moment(utc, zone):
    there = [moment.replace(tzinfo=UTC).astimezone(zone) for moment in utc]
    plain = [str(moment) for moment in utc]
    assert microseconds(read(*plain).times) == utc
    for spelled in (
        [moment.isoformat() for moment in there],
        [str(moment) for moment in there],
        [moment.strftime("%Y/%m/%d %H:%M:%S.%f%z") for moment in there],
        [f"{moment.isoformat()}Z" for moment in utc],
    ):
        np.testing.assert_array_equal(read(*spelled).times, read(*plain).times)


@quick
@given(moments, st.sampled_from(["s", "ms", "us", "ns"]))
def test_numbers_of_the_epoch_tell_their_unit_by_their_size(moment, unit):
    wanted = np.datetime64(moment, "us").astype(f"datetime64[{unit}]")
    count = int(wanted.astype(np.int64))
    got = read(str(count))
    assert got.times[0] == wanted and f"read as {unit} since 1970" in got.notes[0]
    if unit == "s":
        whole = np.datetime64(moment, "us")
        assert read(f"{count}.{moment.microsecond:06d}").times[0] == whole


@quick
@given(st.integers(0, 999_999_999), st.integers(1, 9))
def test_fractions_of_a_second_are_kept_to_the_nanosecond(nanos, digits):
    text = f"2024-01-31T23:59:59.{nanos:09d}"[: 20 + digits]
    (time,) = read(text).times
    wanted = np.datetime64("2024-01-31T23:59:59", "ns") + int(text[20:].ljust(9, "0"))
    assert time.astype("datetime64[ns]") == wanted


@pytest.mark.parametrize(
    ("stamp", "wanted"),
    [
        ("2024-01-31", "2024-01-31T00:00"),
        ("2024/1/5 3:00", "2024-01-05T03:00"),
        ("2024-01-31 15:30:00+0130", "2024-01-31T14:00"),
        ("2024-01-31 15:30:00 -08", "2024-01-31T23:30"),
        ("2024-01-31 15:30:00 UTC", "2024-01-31T15:30"),
        ("2024-01-31t15:30:00z", "2024-01-31T15:30"),
        ("2024-01-31 15:30:00,250", "2024-01-31T15:30:00.250"),
        ("20240131", "2024-01-31"),
        ("20240131153000", "2024-01-31T15:30"),
        ("1.7067e9", "2024-01-31T11:20"),
    ],
)
def test_spellings(stamp, wanted):
    assert read(stamp).times[0] == np.datetime64(wanted)
    times = read("2024-01-31", "2024-02-01 00:00:01").times
    assert times.dtype == np.dtype("datetime64[s]")


@pytest.mark.parametrize(
    ("stamps", "words"),
    [
        (["2024-01-31", "yesterday"], "line 3: 'yesterday' is no ISO 8601.* format= as"),
        (["31.01.2024 15:30"], r"line 2: .*say what it is: format='%d\.%m\.%Y %H:%M'$"),
        (["01/02/2024"], "format='%d/%m/%Y' or format='%m/%d/%Y'"),
        (["01/02/2024", "31/02/2024"], "or give format= as"),
        (["01/02/2024", "13/02/2024"], "what it is: format='%d/%m/%Y'$"),
        (["Jan 31 2024 03:30 PM"], "format='%b %d %Y %I:%M %p'"),
        (["2024-02-30"], "line 2: '2024-02-30' is no time: day"),
        (["2024-01-31 25:00"], "hour must be"),
        (["2024-01-31 10:00+19:00"], "offset .19:00, which no clock has"),
        (["202401311530"], "or as milliseconds since 1970"),
        (["0", "1", "2"], "line 2: '0' is no time"),
        (["45292.5"], "line 2: '45292.5' is no time"),
        (["1706700000", "1706700000000"], "line 3: .*no time in s since"),
        (["1706700000", "2024-01-31"], "line 3: '2024-01-31' is no time in s since"),
        (["2024-01-31", "1706700000"], "line 3: '1706700000' is no ISO"),
        (["2024-01-31 10:00", "2024-01-31 10:00+01:00"], r"line 2: .*no offset.*\(line 3\) has"),
        ([""], "line 2: '' is no ISO"),
        (["2300-01-01 00:00:00.123456789"], "no further than 1678 and 2261"),
    ],
)
def test_what_cannot_be_read_or_can_be_in_two_ways_is_refused(stamps, words):
    with pytest.raises(ValueError, match=words):
        read(*stamps)


def test_a_format_of_ones_own_stands_for_all():
    times = read("01/02/2024 10:00 +0100", format="%d/%m/%Y %H:%M %z").times
    assert times.tolist() == [datetime(2024, 2, 1, 9)]
    with pytest.raises(ValueError, match=r"line 3: .*does not fit format='%d/%m/%Y'"):
        read("01/02/2024", "2024-02-01", format="%d/%m/%Y")


def test_what_was_done_is_noted():
    assert read("2024-01-31T10:00Z").notes == ()
    assert "taken for UTC" in read("2024-01-31T10:00Z", "2024-01-31 11:00").notes[0]
    assert "brought to UTC" in read("2024-01-31T10:00Z", "2024-01-31T11:00+01:00").notes[0]
