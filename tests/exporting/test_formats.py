"""A format is one file: it registers itself and says what it takes; the rest is refused."""

import json
import sys

import keras
import pytest
from typer.testing import CliRunner

import wszoo
from wszoo.cli import app
from wszoo.exporting import formats
from wszoo.exporting.formats import format as registry
from wszoo.exporting.stored import inspect_file

ONE_FILE = '''
"""NumPy's archive of a model's weights."""

from dataclasses import dataclass
import io
import numpy as np
from wszoo.exporting.formats import exported, register
from wszoo.exporting.inspect import Inspection


@dataclass(frozen=True)
class Archive:
    path: object
    stored_bytes: int
    max_error: float | None = None
    mean_error: float | None = None


def sizes(data, min_bytes):
    stored = sum(array.nbytes for array in np.load(io.BytesIO(data)).values())
    return Inspection(len(data), stored, stored, ())


@register(suffix=".npz", inspect=sizes)
def archive(model, folder, *, dtype="float32"):
    """Weights for NumPy."""
    path = folder / f"{model.name}.npz"
    np.savez(path, **{str(i): w.numpy().astype(dtype) for i, w in enumerate(model.weights)})
    size = np.dtype(dtype).itemsize
    written = Archive(path, size * model.count_params())
    return exported("archive", written, dtype)
'''


@pytest.fixture
def model():
    inputs = keras.Input((8,), name="x")
    return keras.Model(inputs, keras.layers.Dense(4)(inputs), name="m")


@pytest.fixture
def archive(tmp_path):
    """The format of one more file in the folder of formats, for as long as a test."""
    (tmp_path / "formats").mkdir()
    (tmp_path / "formats" / "archive.py").write_text(ONE_FILE)
    formats.__path__.append(str(tmp_path / "formats"))
    registry._import_all.cache_clear()
    yield
    formats.__path__.remove(str(tmp_path / "formats"))
    del registry._formats["archive"], sys.modules["wszoo.exporting.formats.archive"]


def command(*args):
    return CliRunner().invoke(app, ["export", *map(str, args)])


def test_the_formats_are_these():
    assert formats.names() == ("litert", "onnx", "saved_model")
    assert formats.suffixes() == (".tflite", ".onnx")
    for name in formats.names():
        assert formats.find(name).summary.endswith(".") and "bound" in formats.find(name).settings
    listed = command("--help").stdout
    assert "litert, onnx, saved_model" in " ".join(listed.replace("│", " ").split())


def test_a_new_format_is_one_file(archive, model, tmp_path):
    report = wszoo.export(model, tmp_path, ["archive"], dtype="float16")
    (written,) = report.files
    assert written.path == tmp_path / "m.npz" and written.precision == "float16"
    assert written.ratio == 1.0 and inspect_file(written.path).stored_bytes == 2 * 36
    assert report.to_dict()["files"][0]["format"] == "archive" and report.serving == ""
    with pytest.raises(ValueError, match=r"'dtyp' is unknown; .*did you mean 'dtype'"):
        wszoo.export(model, tmp_path, "archive", dtyp="float16")
    wszoo.save(model, tmp_path / "m.keras")
    options = ("--format", "archive", "--set", '{"dtype": "float64"}', "--json")
    done = command(tmp_path / "m.keras", tmp_path / "out", *options)
    assert json.loads(done.stdout)["files"][0]["stored_bytes"] == 8 * 36
    unknown = command(tmp_path / "m.keras", tmp_path / "out", "--format", "archives")
    assert "archive, litert, onnx, saved_model" in str(unknown.exception) + unknown.output


def test_a_format_that_stands_is_not_replaced():
    def onnx(model, folder):
        """Another."""

    with pytest.raises(ValueError, match="'onnx' is already registered"):
        formats.register()(onnx)
    onnx.__name__ = "other"
    with pytest.raises(ValueError, match="of the format 'litert'"):
        formats.register(suffix=".tflite")(onnx)


@pytest.mark.parametrize(
    ("asked", "settings", "words"),
    [
        ("onnx", {"uint8": True}, r"'uint8' is one of litert and saved_model; onnx takes"),
        ("litert", {"warmup": True}, r"'warmup' is one of saved_model; litert takes"),
        ("saved_model", {"precision": "int8"}, r"'precision' is one of litert"),
        (["onnx", "litert"], {"opset": 18}, r"'opset' is unknown; litert and onnx takes"),
    ],
)
def test_a_setting_that_no_format_asked_for_takes_is_refused(
    asked, settings, words, model, tmp_path
):
    with pytest.raises(ValueError, match=words):
        wszoo.export(model, tmp_path, asked, **settings)
    assert not list(tmp_path.iterdir())
