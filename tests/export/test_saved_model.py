"""A SavedModel stores each weight once, and loads where neither wszoo nor Keras is imported."""

import json
import subprocess
import sys

import keras
import numpy as np
import pytest

import wszoo
from wszoo.export.saved_model import saved_model

READ = """
import json, sys
import numpy as np, tensorflow as tf
assert "wszoo" not in sys.modules
folder, x = sys.argv[1], np.load(sys.argv[2])
with tf.compat.v1.Session(graph=tf.Graph()) as session:
    meta = tf.compat.v1.saved_model.loader.load(session, ["serve"], folder)
    signature = meta.signature_def["serving_default"]
    (name, info), = signature.inputs.items()
    out = {k: v.name for k, v in signature.outputs.items()}
    values = session.run(out, {info.name: x})
print(json.dumps({"input": name, "outputs": {k: v.tolist() for k, v in values.items()}}))
"""


@pytest.mark.parametrize("name", ["tied_ae", "tied_conv_ae", "conv_net"])
def test_a_fresh_process_reads_the_same_numbers_by_signature(name, tmp_path):
    model = wszoo.get(name)
    x = np.random.default_rng(0).random((3, 28, 28, 1), "float32")
    np.save(tmp_path / "x.npy", x)
    folder = saved_model(model, tmp_path / "model" / "1")
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder), str(tmp_path / "x.npy")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    read = json.loads(done.stdout.splitlines()[-1])
    assert read["input"] == "input"
    assert list(read["outputs"]) == [model.output._keras_history.operation.name]
    (values,) = read["outputs"].values()
    np.testing.assert_allclose(values, np.asarray(model(x)), rtol=1e-5, atol=1e-6)


def test_every_weight_is_stored_once(tmp_path):
    model = wszoo.get("tied_ae")
    folder = saved_model(model, tmp_path / "1")
    stored = sum(file.stat().st_size for file in (folder / "variables").iterdir())
    assert stored < 1.05 * wszoo.audit(model).stored_bytes + 4096


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
    np.testing.assert_allclose(got["add"], wanted["sum"], rtol=1e-6)
    np.testing.assert_allclose(got["dense"], wanted["same"], rtol=1e-6)


def test_a_failed_export_leaves_what_stands(tmp_path):
    folder = saved_model(wszoo.get("tied_ae"), tmp_path / "1")
    before = sorted(p.name for p in tmp_path.iterdir())

    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="graph"):
        saved_model(Subclassed(), tmp_path / "1")
    assert sorted(p.name for p in tmp_path.iterdir()) == before and folder.is_dir()
