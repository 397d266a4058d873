"""Time series: NAB's files, a user's CSV, windows, and scores a point."""

import hashlib
import shutil

import numpy as np
import pytest

from wszoo.data import MissingDataError, load, nab


def csv(path, lines, header="timestamp,value"):
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_a_series_has_its_labelled_windows(raw_data):
    one = nab.series("nyc_taxi", manual_dir=raw_data)
    assert one.name == "realKnownCause/nyc_taxi"
    assert one.values.shape == one.timestamps.shape == (10320,)
    assert (one.values[0], str(one.timestamps[0])) == (10844, "2014-07-01T00:00:00")
    assert len(one.anomalies) == 5
    for first, last in one.anomalies:
        inside = (one.timestamps >= first) & (one.timestamps <= last)
        assert one.anomalous[inside].all()
    assert one.anomalous.sum() == sum(
        ((one.timestamps >= a) & (one.timestamps <= b)).sum() for a, b in one.anomalies
    )
    assert not nab.series("art_flatline", manual_dir=raw_data / "nab").anomalous.any()


def test_every_series_is_the_published_one(raw_data):
    names = nab.list_series()
    assert len(names) == 58
    for name in names:
        path = raw_data / "nab" / "data" / f"{name}.csv"
        assert hashlib.sha256(path.read_bytes()).hexdigest() == nab.SHA256[f"data/{name}.csv"]


def test_the_source_holds_normal_windows_split_by_time(raw_data, label_digests):
    source = load("nab", manual_dir=raw_data)
    digests = ["cf03b547f6b1ae13", "91fc41e462834642", "75eed7eabc614867"]
    assert label_digests(source) == digests
    assert source.input_shape == (64, 1) and source.num_classes == 7
    assert source.fingerprint() == load("nab", manual_dir=raw_data).fingerprint()
    x, y = source.arrays("train")
    one = nab.series("realKnownCause/nyc_taxi", manual_dir=raw_data)
    end = int(0.6 * len(one.values))
    z = (one.values - one.values[:end].mean()) / one.values[:end].std()
    assert z.max() < nab.LIMIT
    assert np.abs(x).max() == nab.LIMIT
    known = {row.tobytes() for row in x[y == source.class_names.index("realKnownCause")]}
    starts = range(0, end - 63, 8)
    for start in starts:
        window = z[start : start + 64].astype("float32")[:, None]
        normal = not one.anomalous[start : start + 64].any()
        assert (window.tobytes() in known) == normal, start
    few = load("nab", manual_dir=raw_data, max_per_split=70)
    assert len(few.arrays("train")[1]) == 70 and len(np.unique(few.arrays("train")[1])) == 7


def test_files_that_are_not_published_ones_are_refused(raw_data, tmp_path):
    for name in ("labels/combined_windows.json", "data/realKnownCause/nyc_taxi.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(raw_data / "nab" / name, tmp_path / name)
    assert len(nab.series("nyc_taxi", manual_dir=tmp_path).values) == 10320
    with pytest.raises(MissingDataError, match="speed_7578"):
        nab.series("speed_7578", manual_dir=tmp_path)
    nab._read.cache_clear()
    with (tmp_path / "data/realKnownCause/nyc_taxi.csv").open("a") as file:
        file.write("2015-02-01 00:00:00,1\n")
    with pytest.raises(ValueError, match=r"not the published file(.|\n)*expected sha256"):
        nab.series("nyc_taxi", manual_dir=tmp_path)


def test_what_is_missing_or_unknown_is_said(tmp_path, monkeypatch):
    with pytest.raises(MissingDataError, match="WSZOO_MANUAL_DIR"):
        load("nab")
    with pytest.raises(MissingDataError, match="numenta/NAB"):
        nab.series("nyc_taxi", manual_dir=tmp_path)
    with pytest.raises(ValueError, match="did you mean 'nyc_taxi'"):
        nab.series("nyc_taxis", manual_dir=tmp_path)
    with pytest.raises(ValueError, match="nab does not take image_size=28"):
        load("nab", image_size=28, manual_dir=tmp_path)


def test_a_csv_of_ones_own(tmp_path):
    path = csv(tmp_path / "pump.csv", ["2024-01-01 00:00:00,1.5", "2024-01-01T01:00:00Z,-2", ""])
    one = nab.read_csv(path)
    assert one.name == "pump" and one.values.tolist() == [1.5, -2.0]
    assert (one.timestamps[1] - one.timestamps[0]) == np.timedelta64(3600, "s")
    assert not one.anomalous.any()
    wide = csv(tmp_path / "w.csv", ["a,3,2024-01-01", "b,4,2024-01-02"], "id,value,timestamp")
    assert nab.read_csv(wide).values.tolist() == [3, 4]


@pytest.mark.parametrize(
    ("header", "lines", "words"),
    [
        ("time,value", ["2024-01-01,1"], r"columns timestamp and value .* it has \['time'"),
        ("timestamp,value", ["2024-01-01,1", "yesterday,2"], "line 3: .*yesterday"),
        ("timestamp,value", ["2024-01-01,one"], "line 2: .*one"),
        ("timestamp,value", ["2024-01-01,nan", "2024-01-02,1"], "line 2: .*not finite"),
        ("timestamp,value", ["2024-01-01"], "line 2"),
        ("timestamp,value", ["2024-01-01,1"], "1 points"),
        ("", [], "must name the columns"),
    ],
)
def test_a_bad_csv_is_refused_with_its_line(tmp_path, header, lines, words):
    with pytest.raises(ValueError, match=words):
        nab.read_csv(csv(tmp_path / "bad.csv", lines, header))


def test_windows_and_standardising():
    values = np.arange(10.0)
    w = nab.windows(values, 4, 3)
    assert w.shape == (3, 4, 1) and w[1, :, 0].tolist() == [3, 4, 5, 6]
    z = nab.standardise(values, until=5)
    assert abs(z[:5].mean()) < 1e-6 and z[:5].std() == pytest.approx(1) and z.dtype == np.float32
    assert nab.standardise(np.full(6, 7.5)).tolist() == [0] * 6
    with pytest.raises(ValueError, match="10 values are fewer than the 11 steps"):
        nab.windows(values, 11)
    with pytest.raises(ValueError, match="stride"):
        nab.windows(values, 4, 0)


def test_a_points_score_is_the_mean_over_its_windows():
    errors = np.array([[1.0, 2, 3], [4, 5, 6]])
    scores = nab.point_scores(errors, 6, stride=2)
    assert scores[:5].tolist() == [1, 2, 3.5, 5, 6] and np.isnan(scores[5])
