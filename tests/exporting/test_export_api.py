"""One call for all formats, and what any file says of itself."""

import json

import keras
import numpy as np
import pytest
from programs import command

import wszoo
from wszoo.exporting import parity
from wszoo.exporting.stored import inspect_file


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    made = wszoo.get("tied_ae")
    for weight in made.weights:
        weight.assign(np.random.default_rng(0).normal(0, 0.05, weight.shape))
    return made


def copied_by_keras(model, folder):
    """A SavedModel as Keras itself writes it: every weight twice (keras#23553)."""
    model.export(folder, verbose=False)
    return folder


def test_both_formats_store_each_weight_once(model, tmp_path):
    report = wszoo.export(model, tmp_path)
    assert [item.format for item in report.files] == ["litert", "saved_model"]
    for item in report.files:
        assert item.path.exists()
        assert 0.95 <= item.ratio <= 1.05 and item.file.ratio == 1.0
        assert item.mean_error <= item.max_error <= 1e-5
    assert json.loads(json.dumps(report.to_dict()))["model"] == "tied_ae"


def test_versions_count_up_and_none_is_overwritten(model, tmp_path):
    paths = [wszoo.export(model, tmp_path, "saved_model").files[0].path for _ in range(3)]
    assert [path.name for path in paths] == ["1", "2", "3"]
    assert all((path / "saved_model.pb").is_file() for path in paths)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"formats": ("torch",)}, "litert, onnx, saved_model"),
        ({"precision": "int4"}, "float32"),
        ({"labels": ["ant", "bee"]}, "2 labels"),
        ({"bound": 0.0, "precision": "float16", "formats": "litert"}, r"differ"),
    ],
)
def test_what_cannot_be_written_leaves_nothing(model, tmp_path, arguments, words):
    with pytest.raises(ValueError, match=words):
        wszoo.export(model, tmp_path / "out", **arguments)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


class Eager(keras.layers.Layer):
    """Adds something else in a graph that is loaded than in Keras."""

    def call(self, x):
        import tensorflow as tf

        return x if tf.executing_eagerly() else x + 1e-3


def test_a_file_that_is_refused_leaves_none_of_the_others(tmp_path):
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.ReLU()(Eager()(inputs)))
    wszoo.export(model, tmp_path, "litert", bound=1)
    before = (tmp_path / f"{model.name}.float32.tflite").read_bytes()
    with pytest.raises(ValueError, match="Nothing was written"):
        wszoo.export(model, tmp_path, "saved_model")
    with pytest.raises(ValueError, match="Nothing was written"):
        wszoo.export(model, tmp_path)
    assert [path.read_bytes() for path in tmp_path.rglob("*")] == [before]


def test_a_file_of_any_kind_counts_the_same_weights(model, tmp_path):
    stored = wszoo.audit(model).stored_bytes
    wszoo.save(model, tmp_path / "m.keras")
    model.save_weights(tmp_path / "m.weights.h5")
    folder = wszoo.export(model, tmp_path, "saved_model").files[0].path
    for path in (tmp_path / "m.keras", tmp_path / "m.weights.h5", folder):
        found = inspect_file(path)
        assert found.stored_bytes == found.unique_bytes == stored
        assert found.file_bytes >= stored


def test_weights_that_stand_twice_are_found(model, tmp_path):
    found = inspect_file(copied_by_keras(model, tmp_path / "keras"))
    assert found.ratio > 1.9
    kernels = [item for item in found.repeated if item.bytes == 784 * 128 * 4]
    assert len(kernels) == 1 and len(kernels[0].names) == 2


@pytest.mark.slow
def test_the_audit_command_guards_a_ratio(model, tmp_path):
    good = wszoo.export(model, tmp_path, "saved_model").files[0].path
    bad = copied_by_keras(model, tmp_path / "keras")
    code, out, _ = command(tmp_path, "audit", good, "--max-ratio", "1.05", "--json")
    assert code == 0 and json.loads(out)["file"]["ratio"] == 1.0
    code, out, err = command(tmp_path, "audit", bad, "--max-ratio", "1.05")
    assert code == 1 and "unique bytes" in err and "more than once" in out


@pytest.mark.slow
def test_the_export_command_writes_what_python_writes(tmp_path):
    code, out, err = command(
        tmp_path, "export", "tied_conv_ae.fashion_mnist", tmp_path / "out", "--json"
    )
    assert code == 0, err
    files = json.loads(out[out.index("{") :])["files"]
    assert {item["format"] for item in files} == {"litert", "saved_model"}
    code, out, err = command(
        tmp_path, "share-constants", files[0]["path"], tmp_path / "again.tflite"
    )
    assert code == 0, err
    before = (tmp_path / "out" / "tied_conv_ae.float32.tflite").read_bytes()
    assert (tmp_path / "again.tflite").read_bytes() == before  # nothing left to share


@pytest.mark.parametrize("name", ["m.keras", "m.weights.h5", "m.tflite", "m.txt"])
def test_damaged_files_are_named(tmp_path, name):
    (tmp_path / name).write_bytes(b"no such format" * 10)
    with pytest.raises(ValueError, match=name):
        inspect_file(tmp_path / name)


def test_folders_without_their_parts_are_named(model, tmp_path):
    with pytest.raises(ValueError, match=r"saved_model\.pb"):
        inspect_file(tmp_path)
    folder = wszoo.export(model, tmp_path, "saved_model").files[0].path
    next((folder / "variables").glob("*.data*")).unlink()
    with pytest.raises(ValueError, match="variables"):
        inspect_file(folder)
    with pytest.raises(FileNotFoundError, match="nothing"):
        inspect_file(tmp_path / "nothing")


def test_files_compute_as_predict_does(tmp_path):
    inputs = keras.Input((16,), name="x")
    dropped = keras.layers.Dropout(0.5)(inputs, training=True)
    model = keras.Model(inputs, keras.layers.Activation("relu", name="y")(dropped), name="m")
    x = np.random.default_rng(0).random((8, 16), "float32") + 0.5
    assert np.any(model(x) == 0)  # it drops here
    np.testing.assert_array_equal(model.predict(x, verbose=0), x)
    (made,) = wszoo.export(model, tmp_path, "litert", inputs={"x": x}).files
    np.testing.assert_array_equal(parity.run(made.path.read_bytes(), {"x": x})["y"], x)
