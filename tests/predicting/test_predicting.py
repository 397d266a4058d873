"""Names and scores, for every task, from every form in which a model is kept."""

import io
import json
import wave
import zipfile

import keras
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import wszoo
from wszoo import tasks
from wszoo.cli import app
from wszoo.data import images
from wszoo.data.formats.decoding import read_image
from wszoo.predicting import opening
from wszoo.sharing.about import describe
from wszoo.tasks.answers import Asked

NAMES = ["ant", "bee", "cat", "dog"]


def classifier(size=8, channels=3, **facts):
    keras.utils.set_random_seed(0)
    net = wszoo.get("conv_net", input_shape=(size, size, channels), width=4, depth=2, head=4)
    describe(net, task="classification", class_names=NAMES, **facts)
    return net


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Three photos of different shapes, one of them grey."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name, shape in (("a.png", (20, 30, 3)), ("b.png", (30, 20, 3)), ("c.png", (16, 16))):
        Image.fromarray(rng.integers(0, 255, shape).astype("uint8")).save(folder / name)
    return [folder / name for name in ("a.png", "b.png", "c.png")]


@pytest.mark.parametrize("how", images.RESIZE)
@pytest.mark.parametrize("channels", [1, 3])
def test_photos_come_to_a_model_as_in_training(photos, how, channels):
    net = classifier(channels=channels, resize=how)
    x = np.concatenate([images.resize(read_image(path, channels)[None], 8, how) for path in photos])
    wanted = keras.ops.convert_to_numpy(keras.ops.softmax(net(x)))
    for row, path, found in zip(wanted, photos, wszoo.predict(net, photos, top=4), strict=True):
        assert found.input == str(path) and found.task == "classification"
        assert found.data["class"] == NAMES[row.argmax()]
        scores = found.data["scores"]
        assert list(scores) == [NAMES[i] for i in np.argsort(-row)]
        np.testing.assert_allclose([scores[name] for name in NAMES], row, atol=2e-6)


def test_a_model_gets_the_range_that_it_keeps(photos):
    plain = classifier()
    bytes_in = keras.Input((8, 8, 3))
    wrapped = keras.Model(bytes_in, plain(bytes_in / 255.0))
    describe(wrapped, task="classification", class_names=NAMES, input_range=[0, 255])
    one, other = wszoo.predict(plain, photos), wszoo.predict(wrapped, photos)
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(list(a.data["scores"].values()),
                                   list(b.data["scores"].values()), atol=1e-4)  # fmt: skip


def test_every_form_of_a_model_says_the_same(photos, tmp_path):
    net = classifier(resize="pad")
    wszoo.save(net, tmp_path / "m.keras")
    wszoo.export(net, tmp_path, ["saved_model", "litert"])
    (lite,) = tmp_path.glob("*.tflite")
    (saved,) = [path.parent for path in tmp_path.rglob("saved_model.pb")]
    wanted = wszoo.predict(net, photos, top=4)
    for form in (tmp_path / "m.keras", str(tmp_path / "m.keras"), saved, saved.parent, lite):
        for a, b in zip(wanted, wszoo.predict(form, photos, top=4), strict=True):
            assert a.data["class"] == b.data["class"], form
            scores = [list(each.data["scores"].items()) for each in (a, b)]
            assert [name for name, _ in scores[0]] == [name for name, _ in scores[1]], form
            np.testing.assert_allclose(*([v for _, v in row] for row in scores), atol=1e-5)


def test_what_a_file_says_of_itself_is_checked(tmp_path):
    wszoo.export(classifier(resize="pad"), tmp_path, ["litert"])
    (lite,) = tmp_path.glob("*.tflite")
    about = opening.opened(lite).about
    assert about["class_names"] == NAMES and about["resize"] == "pad"
    data = lite.read_bytes()
    lite.write_bytes(data.replace(b'"task": "classification"', b'"task": "classificatoin"'))
    with pytest.raises(ValueError, match="CRC"):
        opening.opened(lite)
    damaged = data[: data.index(b"PK\x03\x04")] + packed(json.dumps({"about": {"task": 5}}))
    lite.write_bytes(damaged)
    with pytest.raises(ValueError, match="the fact task must be a text; received 5"):
        opening.opened(lite)


def packed(text):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("wszoo.json", text)
    return file.getvalue()


def answer(task, outputs, top=2, **about):
    outputs = np.asarray(outputs, "float32")
    return tasks.find(task).answer(outputs, Asked(np.zeros_like(outputs), about, top))


def test_words_of_every_task():
    assert answer("regression", [[1.5, -2]])[0].data == {"values": [1.5, -2.0]}
    (found,) = answer("multi_label", [[9, -9, 9]], class_names=["a", "b", "c"])
    assert sorted(found.data["labels"]) == ["a", "c"] and found.data["scores"].keys() == {"a", "c"}
    assert answer("multi_label", [[-9, -9]])[0].data["labels"] == []
    low, high = answer("ordinal", [[-9, -9], [9, 9]], class_names=["low", "middle", "high"])
    assert (low.data["class"], low.data["rank"]) == ("low", 0)
    assert (high.data["class"], high.data["rank"]) == ("high", 2)
    assert high.data["scores"]["high"] == pytest.approx(1, abs=1e-3)
    (sure,) = answer("embedding", [[0, 9]], class_names=["a", "b"])
    assert sure.data["class"] == "b"
    assert answer("reconstruction", [[1.0, 3.0]])[0].data["error"] == pytest.approx(5.0)
    spoken = answer("language_modelling", np.eye(3)[None] * 9, vocabulary=["?", "x", "y"])
    assert spoken[0].data["next"] == "y"


def test_probabilities_are_not_made_into_probabilities_again():
    shares = [[0.7, 0.2, 0.1]]
    for about in ({}, {"scores": True}):
        (found,) = answer("classification", shares, 3, class_names=["a", "b", "c"], **about)
        np.testing.assert_allclose(list(found.data["scores"].values()), shares[0], atol=1e-6)


def test_texts_and_recordings_of_the_zoo(tmp_path):
    (tmp_path / "asked.txt").write_text("what is my balance\n\nplay a song\n")
    found = wszoo.predict("shared_encoder.clinc_oos", tmp_path / "asked.txt")
    assert [each.data["class"] for each in found] == ["balance", "play_music"]
    assert [each.input[-2:] for each in found] == [":1", ":3"]
    (one,) = wszoo.predict("shared_encoder.clinc_oos", "play a song")
    assert one.data == found[1].data
    (told,) = wszoo.predict("tied_lm.tiny_shakespeare", "ROMEO: wherefore ar")
    assert told.data["next"] == "e"
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.random.default_rng(0).integers(-999, 999, 4000).astype("<i2").tobytes())
    (heard,) = wszoo.predict("rnn.spoken_digit", tmp_path / "a.wav")
    assert heard.data["class"] in set("0123456789")


def test_arrays_are_taken_as_they_are_and_never_scaled(tmp_path):
    net = classifier()
    x = np.random.default_rng(0).random((5, 8, 8, 3))
    np.save(tmp_path / "x.npy", x)
    assert [e.data for e in wszoo.predict(net, x)] == [
        e.data for e in wszoo.predict(net, tmp_path / "x.npy")
    ]
    for wrong, words in (
        (x * 255, "takes numbers from 0 to 1; received"),
        (x[..., :1], r"shape \(n, 8, 8, 3\); received"),
        (x[0], r"shape \(n, 8, 8, 3\); received"),
        (x * np.nan, "finite numbers"),
    ):
        with pytest.raises(ValueError, match=words):
            wszoo.predict(net, wrong)


def test_a_model_without_names_gives_numbers_and_says_so(photos):
    net = classifier()
    describe(net, class_names=None)
    with pytest.warns(UserWarning, match="does not know the names of its classes"):
        found = wszoo.predict(net, photos)
    assert all(each.data["class"] in set("0123") for each in found)
    describe(net, class_names=NAMES[:2])
    with pytest.raises(ValueError, match="knows 2 class names and gives 4 outputs"):
        wszoo.predict(net, photos)


def test_what_is_no_model_or_no_input_is_refused(photos, tmp_path):
    (tmp_path / "film.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + bytes(100))
    (tmp_path / "empty").mkdir()
    net, wrong = classifier(), tmp_path / "film.mp4"
    for model, inputs, words in (
        ("no_such.keras", photos, "no file 'no_such.keras'"),
        (photos[0], photos, "is no model to predict with"),
        (tmp_path / "empty", photos, "neither a SavedModel"),
        (net, [wrong], "1 of 1 files are no readable images"),
        (net, tmp_path / "empty", "has no file that can be read"),
        (net, "missing.jpg", "no file 'missing.jpg'"),
        (net, [], "nothing to predict"),
        (net, [3], "each input must be a path or a text; received 3"),
        ("conv_net.nothing", photos, "no weights tagged 'nothing'"),
    ):
        with pytest.raises((ValueError, OSError), match=words):
            wszoo.predict(model, inputs)
    (tmp_path / "no.tflite").write_bytes(b"no such file")
    with pytest.raises(ValueError, match=r"no \.tflite file, or it is damaged"):
        wszoo.predict(tmp_path / "no.tflite", photos)


def test_the_command_prints_whole_paths_and_writes_a_sheet(photos, tmp_path):
    wszoo.save(classifier(), tmp_path / "m.keras")
    line = ["predict", str(tmp_path / "m.keras"), *map(str, photos), "--top", "2"]
    done = CliRunner().invoke(app, [*line, "--out", str(tmp_path / "out")], env={"COLUMNS": "40"})
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert [text.split(": ")[0] for text in lines[:3]] == list(map(str, photos))
    rows = json.loads((tmp_path / "out" / "predictions.json").read_text())
    told = json.loads(CliRunner().invoke(app, [*line, "--json"]).stdout)
    assert told == rows and all(len(row["scores"]) == 2 for row in rows)
    assert (tmp_path / "out" / "predictions.png").read_bytes().startswith(b"\x89PNG")
