"""A converter's error is one sentence that names operators and layers, and a log with the rest."""

import os
import tempfile
import warnings

import keras
import pytest
from keras import ops

import wszoo
from wszoo.exporting.onnx.write import onnx_file
from wszoo.exporting.refusals import standard_error_caught

# tf2onnx 1.17 calls NumPy and protobuf in ways that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


class Inverse(keras.layers.Layer):
    """A layer whose operator neither TFLite nor ONNX has."""

    def call(self, x):
        return ops.inv(x)


def of_an_operator_that_files_lack():
    x = keras.Input((4, 4), name="x")
    x1 = keras.layers.Dense(4, name="inverse_1")(x)  # a name that looks like a second call
    return keras.Model(x, Inverse(name="inverse")(x1), name="m")


def half_inside():
    x = keras.Input((8, 8, 3), name="x")
    half = keras.layers.Lambda(
        lambda t: ops.conv(ops.cast(t, "float16"), ops.ones((3, 3, 3, 2), "float16"))
    )
    return keras.Model(x, half(x), name="m")


def quantised():
    x = keras.Input((8,), name="x")
    model = keras.Model(x, keras.layers.Dense(4, name="q")(x), name="m")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that an Input cannot be quantised
        model.quantize("int8")
    return model


@pytest.fixture
def logs(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return lambda: sorted(tmp_path.glob("wszoo_converter_*.log"))


def litert_file(model, folder):
    return wszoo.export(model, folder, "litert")


@pytest.mark.parametrize(
    "write", [litert_file, lambda model, folder: onnx_file(model, folder / "m")]
)
def test_the_operator_and_its_layer_are_named(write, tmp_path, logs, capfd):
    with pytest.raises(ValueError, match=r"MatrixInverse \(in 'inverse'\)") as refusal:
        write(of_an_operator_that_files_lack(), tmp_path / "out")
    (log,) = logs()
    sentence = str(refusal.value)
    assert len(sentence) < 400 and "\n" not in sentence and sentence.endswith(f"in {str(log)!r}")
    assert "MatrixInverse" in log.read_text() and refusal.value.__cause__ is None
    assert capfd.readouterr().err == ""
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_numbers_that_an_operator_lacks_are_named(tmp_path, logs):
    with pytest.raises(ValueError, match=r"Conv2D of float16"):
        wszoo.export(half_inside(), tmp_path / "out", "litert")


def test_what_keras_quantised_is_named(tmp_path, logs):
    with pytest.raises(ValueError, match=r"Keras quantised layers such as 'q'.*dynamic_int8"):
        wszoo.export(quantised(), tmp_path / "out", "litert")


def test_what_a_library_writes_to_standard_error_is_caught(capfd):
    with standard_error_caught() as caught:
        os.write(2, b"from below\n")
        assert caught() == "from below\n"
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_standard_error_comes_back_after_an_error(capfd):
    with pytest.raises(KeyError), standard_error_caught():
        raise KeyError
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "after\n"


def test_an_onnx_file_has_no_state(tmp_path):
    x = keras.Input(batch_shape=(2, 5, 3), name="x")
    model = keras.Model(x, keras.layers.LSTM(4, stateful=True, name="remembers")(x))
    with pytest.raises(ValueError, match=r"'remembers'.*keeps nothing from one call"):
        onnx_file(model, tmp_path / "m.onnx")
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_what_onnx_runtime_does_not_run_is_told_and_the_advice_helps(tmp_path, logs, capfd):
    models = pytest.importorskip("keras_hub").models
    backbone = models.BertBackbone(60, 1, 2, 16, 32, max_sequence_length=12)
    model = models.BertTextClassifier(backbone, num_classes=3, preprocessor=None)
    with pytest.raises(ValueError, match=r"ONNX Runtime does not run what tf2onnx.*") as refusal:
        wszoo.export(model, tmp_path / "out", "onnx")
    (log,) = logs()
    sentence = str(refusal.value)
    assert len(sentence) < 900 and "\n" not in sentence and sentence.endswith(f"in {str(log)!r}")
    assert "keras.Model(inputs, model(inputs))" in sentence and refusal.value.__cause__ is None
    assert capfd.readouterr().err == ""
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    inputs = {name: keras.Input((12,), dtype="int32", name=name) for name in model.input}
    fixed = keras.Model(inputs, model(inputs), name="fixed")
    (written,) = wszoo.export(fixed, tmp_path / "out", "onnx").files
    assert written.max_error < 1e-5
