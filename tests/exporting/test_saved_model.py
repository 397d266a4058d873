"""A SavedModel stores each weight once, under the signatures that were asked for."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo.exporting.saved_model.write import saved_model


@pytest.mark.parametrize("name", ["conv_net", "rnn", "tied_ae"])
def test_every_weight_is_stored_once_and_the_graph_is_smaller_than_stock(name, tmp_path):
    model = wszoo.get(name)
    ours, stored = sizes(saved_model(model, tmp_path / "1")), wszoo.audit(model).stored_bytes
    assert ours["variables.data-00000-of-00001"] < 1.05 * stored + 4096
    model.export(tmp_path / "stock", verbose=False)
    stock = sizes(tmp_path / "stock")
    assert ours["saved_model.pb"] < stock["saved_model.pb"]
    assert sum(ours.values()) < sum(stock.values()) - stored


def sizes(folder):
    return {file.name: file.stat().st_size for file in folder.rglob("*") if file.is_file()}


def test_what_is_loaded_can_be_saved_again(tmp_path):
    import tensorflow as tf

    model = wszoo.get("tied_ae")
    x = np.random.default_rng(0).random((2, 28, 28, 1), "float32")
    loaded = tf.saved_model.load(saved_model(model, tmp_path / "1"))
    tf.saved_model.save(loaded, tmp_path / "2", signatures=loaded.signatures)
    again = tf.saved_model.load(tmp_path / "2").signatures["serving_default"]
    values = again(input=tf.constant(x))["output"]
    np.testing.assert_allclose(values, model(x), rtol=1e-5, atol=1e-6)
    tf.saved_model.experimental.read_fingerprint(str(tmp_path / "1"))


def test_several_inputs_and_outputs_keep_their_names(tmp_path):
    import tensorflow as tf

    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    dense = keras.layers.Dense(3, name="dense")
    outputs = {"sum": keras.layers.Add(name="add")([dense(a), b]), "same": dense(b)}
    model = keras.Model({"a": a, "b": b}, outputs)
    folder = saved_model(model, tmp_path / "1")
    serve = tf.saved_model.load(str(folder)).signatures["serving_default"]
    x = {k: np.random.default_rng(i).random((2, 3), "float32") for i, k in enumerate("ab")}
    got = serve(**{k: tf.constant(v) for k, v in x.items()})
    wanted = model(x)
    assert len(got) == 2
    for name in ("sum", "same"):
        np.testing.assert_allclose(got[name], wanted[name], rtol=1e-6)


def test_a_failed_export_leaves_what_stands(tmp_path):
    folder = saved_model(wszoo.get("tied_ae"), tmp_path / "1")
    before = sorted(p.name for p in tmp_path.iterdir())

    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="graph"):
        saved_model(Subclassed(), tmp_path / "1")
    assert sorted(p.name for p in tmp_path.iterdir()) == before and folder.is_dir()


def classifier():
    keras.utils.set_random_seed(0)
    return wszoo.get("conv_net", width=8, depth=2, head=3)


def signature(folder, name):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(folder))
    return loaded, loaded.signatures[name]


def test_labels_give_names_best_first(tmp_path):
    import tensorflow as tf

    model = classifier()
    folder = saved_model(model, tmp_path / "net" / "1", labels=["ant", "bee", "cow"])
    _keep, classify = signature(folder, "classify")
    x = np.random.default_rng(0).random((5, 28, 28, 1), "float32")
    got = {key: value.numpy() for key, value in classify(input=tf.constant(x)).items()}
    wanted = keras.ops.convert_to_numpy(keras.ops.softmax(model(x)))
    order = np.argsort(-wanted, axis=1)
    np.testing.assert_array_equal(got["classes"], np.array([b"ant", b"bee", b"cow"])[order])
    np.testing.assert_allclose(got["scores"], -np.sort(-wanted, axis=1), rtol=1e-5)


@pytest.mark.parametrize("last", ["softmax", "softmax layer", "sigmoid", "two alike"])
def test_scores_that_are_probabilities_stay_as_they_are(last, tmp_path):
    import tensorflow as tf

    inputs = keras.Input((4,), name="x")
    activation = "softmax" if last == "two alike" else last if " " not in last else None
    x = keras.layers.Dense(3, activation=activation)(inputs)
    model = keras.Model(inputs, keras.layers.Softmax()(x) if last == "softmax layer" else x)
    labels = ["crane", "bee", "crane" if last == "two alike" else "é"]
    _keep, classify = signature(saved_model(model, tmp_path / "1", labels=labels), "classify")
    x = np.random.default_rng(0).random((3, 4), "float32")
    wanted = -np.sort(-keras.ops.convert_to_numpy(model(x)), axis=1)
    np.testing.assert_allclose(classify(x=tf.constant(x))["scores"], wanted, rtol=1e-5)


def test_labels_that_do_not_fit_are_refused(tmp_path):
    for model in (classifier(), wszoo.get("tied_ae")):
        with pytest.raises(ValueError, match="2 labels"):
            saved_model(model, tmp_path / "1", labels=["ant", "bee"])
    assert not list(tmp_path.iterdir())


def test_uint8_images_are_scaled_in_the_graph(tmp_path):
    import tensorflow as tf

    model = classifier()
    folder = saved_model(model, tmp_path / "1", uint8=True)
    x = np.random.default_rng(0).integers(0, 256, (4, 28, 28, 1)).astype("uint8")
    _keep, serve = signature(folder, "serving_default")
    got = serve(input=tf.constant(x))["head"]
    np.testing.assert_allclose(got, model(x.astype("float32") / 255), rtol=1e-5, atol=1e-5)


def test_uint8_is_for_images(tmp_path):
    inputs = keras.Input((4,), dtype="int32", name="ids")
    model = keras.Model(inputs, keras.layers.Embedding(5, 2)(inputs))
    with pytest.raises(ValueError, match=r"'ids'.* takes int32"):
        saved_model(model, tmp_path / "1", uint8=True)


def test_warm_up_requests_are_real_requests(tmp_path):
    prediction_log_pb2 = pytest.importorskip("tensorflow_serving.apis.prediction_log_pb2")
    import tensorflow as tf

    x = np.random.default_rng(0).random((3, 28, 28, 1), "float32")
    report = wszoo.export(classifier(), tmp_path, "saved_model", inputs={"input": x}, warmup=True)
    folder = report.files[0].path
    (record,) = tf.data.TFRecordDataset(
        str(folder / "assets.extra" / "tf_serving_warmup_requests")
    ).as_numpy_iterator()
    request = prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
    assert request.model_spec.name == folder.parent.name == "conv_net"
    np.testing.assert_array_equal(tf.make_ndarray(request.inputs["input"]), x[:1])
    _keep, serve = signature(folder, "serving_default")
    assert serve(input=tf.constant(tf.make_ndarray(request.inputs["input"])))["head"].shape == (
        1,
        3,
    )
    assert "models.config" in report.serving and 'name: "conv_net"' in report.serving


class Counter(keras.layers.Layer):
    """Adds how often it has been called."""

    def build(self, input_shape):
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

    def call(self, x):
        before = self.calls + 0.0
        self.calls.assign_add(1.0)
        return x + before + 10 * self.calls


def test_a_model_that_writes_a_variable_keeps_its_order(tmp_path):
    import tensorflow as tf

    inputs = keras.Input((2,), name="x")
    model = keras.Model(inputs, Counter(name="counter")(inputs))
    model.get_layer("counter").calls.assign(0.0)
    serve = tf.saved_model.load(saved_model(model, tmp_path / "1")).signatures["serving_default"]
    for call in range(3):
        (values,) = serve(x=tf.zeros((1, 2))).values()
        np.testing.assert_array_equal(values, np.full((1, 2), call + 10 * (call + 1)))
