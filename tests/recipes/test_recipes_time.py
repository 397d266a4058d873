"""Recipes on recordings and time series, as a user runs them: on files of their own."""

import json
import wave

import numpy as np
import pytest
from programs import recipe as run

import wszoo
from wszoo import pictures

PNG = b"\x89PNG"


def tone(path, hertz, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = 0.5 * np.sin(2 * np.pi * hertz * np.arange(rate // 2) / rate)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((32767 * samples).astype("<i2").tobytes())
    return path


@pytest.fixture
def words(tmp_path):
    for label, hertz in (("high", 2000), ("low", 300)):
        for i in range(10):
            tone(tmp_path / "words" / label / f"{i}.wav", hertz + 10 * i)
    return tmp_path / "words"


@pytest.mark.slow
def test_classify_audio_on_a_folder_of_ones_own(words, tmp_path):
    new = tone(tmp_path / "new.wav", 2100, rate=16000)
    settings = '{"units": 8, "depth": 1}'
    arguments = ("--data", words, "--model", "rnn", "--set", settings, "--wav", new)
    code, out, err = run(tmp_path, "classify_audio.py", *arguments, "--smoke", "--out", "result")
    assert code == 0, err
    metrics = json.loads((tmp_path / "result" / "metrics.json").read_text())
    table = np.array(metrics["confusion"])
    assert table.shape == (2, 2) and table.sum() == 2
    assert metrics["accuracy"] == np.trace(table) / table.sum()
    (answer,) = metrics["files"]
    assert answer["class"] in ("high", "low") and f"new.wav: {answer['class']}" in out
    assert (tmp_path / "result" / "confusion.png").read_bytes().startswith(PNG)
    model = wszoo.load(tmp_path / "result" / "model.keras")
    assert model.output_shape == (None, 2)

    code, _, err = run(tmp_path, "classify_audio.py", "--data", words)  # weights of other classes
    assert code == 2 and "--model rnn" in err and "Traceback" not in err


@pytest.mark.slow
def test_anomaly_of_a_series_of_ones_own(tmp_path):
    times = np.datetime64("2024-01-01T00:00:00") + np.arange(400) * np.timedelta64(60, "s")
    values = np.sin(np.arange(400) / 5)
    values[300] += 30
    rows = [f"{t},{v}" for t, v in zip(times, values, strict=True)]
    (tmp_path / "pump.csv").write_text("\n".join(["timestamp,value", *rows]))
    code, out, err = run(tmp_path, "anomaly.py", "series", "pump.csv", "--smoke", "--out", "r")
    assert code == 0, err
    metrics = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert "results" not in metrics  # no labels: nothing to be scored against
    best = np.datetime64(metrics["peaks"][0]["timestamp"])
    assert abs(best - times[300]) < np.timedelta64(60 * 64, "s")
    assert metrics["peaks"][0]["timestamp"] in out
    assert (tmp_path / "r" / "series.png").read_bytes().startswith(PNG)


@pytest.mark.slow
def test_anomaly_of_images(tmp_path):
    code, out, err = run(tmp_path, "anomaly.py", "images", "--smoke", "--out", "r")
    assert code == 0, err
    assert all(label in out for label in ("distance", "tied", "untied"))
    metrics = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert len(metrics["results"]) == 3 * 10
    # The distance from a class's mean has no training in it: digits are well told apart by it.
    (distance,) = [m["AUROC"] for m in metrics["means"] if m["score"] == "distance"]
    assert 0.9 < distance < 1
    assert (tmp_path / "r" / "images.png").read_bytes().startswith(PNG)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "arguments", "words"),
    [
        ("anomaly.py", ["series", "missing.csv"], "no such file"),
        (
            "anomaly.py",
            ["series", "x", "--train-share", "1"],
            "above 0 and below 1",
        ),
        ("classify_audio.py", ["--data", "digits"], "no recordings"),
        ("classify_audio.py", ["--wav", "missing.wav"], "--wav: no file 'missing.wav'"),
    ],
)
def test_bad_input_ends_in_one_clear_line_and_writes_nothing(tmp_path, recipe, arguments, words):
    code, _, err = run(tmp_path, recipe, *arguments, "--out", "out")
    assert code == 2
    assert words in err and "Traceback" not in err
    assert not list(tmp_path.iterdir())


def test_pictures_take_results_of_any_size(tmp_path):
    pictures.confusion(tmp_path / "a.png", np.eye(2, dtype=int), ("no", "yes"), title="t")
    pictures.confusion(
        tmp_path / "b.png", np.zeros((40, 40), int), list(map(str, range(40))), title=""
    )
    pictures.bars(tmp_path / "c.png", {"a": {"x": [1.0, 0.5]}, "b": {"y": [1.0]}}, y="y", title="")
    pictures.timeline(
        tmp_path / "d.png", np.arange(3), {"one": np.ones(3)}, marked=[(0, 1)], until=2
    )
    for name in "abcd":
        assert (tmp_path / f"{name}.png").read_bytes().startswith(PNG)
