"""LiteRT files store every weight once and agree with Keras: the zoo's models and others."""

import keras
import numpy as np
import pytest
from others import FIXED_BATCH, OTHERS, called_six_times, pyramid, stir, tied_dense

import wszoo
from wszoo.export import flatbuffer, parity
from wszoo.export.convert import convert
from wszoo.export.inspect import inspect_tflite
from wszoo.export.litert import litert

PRECISIONS = ["float32", "float16", "dynamic_int8", "int8"]
SLACK = 64 * 1024  # bytes for graph and metadata
# TensorFlow Lite cannot measure ranges in a loop and at a product that broadcasts.
NO_INT8 = {"gru": "loop", "rnn": "loop", "tiled_net": "broadcast"}


def export(name, model, folder, precision):
    """Exports, and holds the file to the law: each weight once, and the same numbers."""
    stir(model)
    options = {"batch": FIXED_BATCH.get(name)}
    if precision == "int8":
        options["calibration"] = parity.random_inputs(model, 64, seed=1)
    if precision == "int8" and name in NO_INT8:
        with pytest.raises(ValueError, match=NO_INT8[name]):
            litert(model, folder / "model.tflite", precision, **options)
        assert not list(folder.iterdir())
        return
    made = litert(model, folder / "model.tflite", precision, **options)
    assert made.file_bytes == made.path.stat().st_size
    assert made.file_bytes <= 1.05 * made.stored_bytes + SLACK
    assert not made.sharing.left
    assert inspect_tflite(made.path).ratio == 1.0


def test_the_registry_is_what_is_tested_here():
    known = {"tied_ae", "tied_conv_ae", "conv_net", "dense_net", "local_net", "tiled_net"}
    assert known <= set(wszoo.list_models())


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", wszoo.list_models())
def test_registered_models_store_each_weight_once(name, precision, tmp_path):
    keras.utils.set_random_seed(0)
    export(name, wszoo.get(name), tmp_path, precision)


@pytest.mark.slow
@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("name", OTHERS)
def test_hand_written_models_store_each_weight_once(name, precision, tmp_path):
    keras.utils.set_random_seed(0)
    export(name, OTHERS[name](), tmp_path, precision)


@pytest.mark.parametrize("name", ["transpose", "conv", "pyramid"])
def test_the_stock_converter_stores_copies(name):
    """If this fails the converter has learnt to share, and the pass may go."""
    stock = inspect_tflite(convert(OTHERS[name](), shareable=False))
    shared = inspect_tflite(convert(OTHERS[name]()))
    assert stock.ratio > 1.5 or stock.stored_bytes > 2 * shared.stored_bytes


def test_names_and_a_free_batch_dimension(tmp_path):
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    dense = keras.layers.Dense(3, name="dense")
    total = keras.layers.Add(name="total")([dense(a), b])
    model = keras.Model({"a": a, "b": b}, {"sum": total, "same": dense(b)})
    data = litert(model, tmp_path / "m.tflite").path.read_bytes()
    for batch in (1, 5):
        x = {k: np.random.default_rng(i).random((batch, 3), "float32") for i, k in enumerate("ab")}
        got, wanted = parity.run(data, x), model(x)
        np.testing.assert_allclose(got["sum"], wanted["sum"], rtol=1e-5)
        np.testing.assert_allclose(got["same"], wanted["same"], rtol=1e-5)


def test_a_loop_wants_a_fixed_batch(tmp_path):
    inputs = keras.Input((5, 32), name="x")
    model = keras.Model(inputs, keras.layers.GRU(64)(inputs))
    with pytest.raises(ValueError, match="batch=1"):
        litert(model, tmp_path / "m.tflite")
    made = litert(model, tmp_path / "m.tflite", batch=1)
    assert made.file_bytes <= 1.05 * made.stored_bytes + SLACK


def test_int8_has_a_scale_a_channel_where_nothing_is_transposed(tmp_path):
    def scales(model):
        data = flatbuffer.read(litert(model, tmp_path / "m", "dynamic_int8").path.read_bytes())
        kinds = [t.quantization for t in data.subgraphs[0].tensors]
        return max(len(q.scale) for q in kinds if q is not None and q.scale is not None)

    assert scales(called_six_times()) == 256
    assert scales(tied_dense("transpose")) == 1


def test_full_int8_says_what_stays_float_and_can_be_all_integer(tmp_path):
    model = tied_dense("transpose")
    options = {"calibration": parity.random_inputs(model, 32), "per_channel": False}
    fast = litert(model, tmp_path / "fast", "int8", **options)
    assert fast.float_ops["BATCH_MATMUL"] == 2 and "FULLY_CONNECTED" not in fast.float_ops
    integer = litert(model, tmp_path / "integer", "int8", prefer="integer", **options)
    assert integer.float_ops == {}
    assert {shared.way for shared in integer.sharing.shared} == {"transpose"}
    for made in (fast, integer):
        assert made.file_bytes < 1.05 * made.stored_bytes + SLACK
        assert inspect_tflite(made.path).ratio == 1.0


def test_a_file_may_take_bytes(tmp_path):
    model = wszoo.get("tied_conv_ae")
    x = {"input": np.random.default_rng(0).integers(0, 256, (5, 28, 28, 1)).astype("uint8")}
    made = litert(model, tmp_path / "m", uint8=True, inputs=x)
    got = parity.run(made.path.read_bytes(), x)
    for name, wanted in parity.keras_outputs(model, {"input": x["input"] / 255}).items():
        np.testing.assert_allclose(got[name], wanted, atol=1e-5)


def test_a_metric_that_suffers_writes_nothing(tmp_path):
    model = called_six_times()
    scores = iter([0.9, 0.88])
    with pytest.raises(ValueError, match=r"0\.9000 in Keras and 0\.8800 in the float32 file"):
        litert(model, tmp_path / "m", metric=lambda outputs: next(scores))
    made = litert(
        model,
        tmp_path / "m",
        metric=lambda outputs: float(outputs[model.output._keras_history.operation.name].mean()),
    )
    assert made.metric[0] == pytest.approx(made.metric[1], abs=1e-5)
    assert 0 <= made.mean_error <= made.max_error


def test_int8_without_real_inputs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="calibration"):
        litert(called_six_times(), tmp_path / "m", "int8")


def test_outputs_kept_for_the_conversion_alone_are_gone():
    model = pyramid()
    outputs = parity.run(convert(model), parity.random_inputs(model))
    assert sorted(outputs) == ["level_0", "level_1", "level_2"]


def test_a_difference_above_the_bound_writes_nothing(tmp_path):
    path = tmp_path / "m.tflite"
    path.write_bytes(b"what stood here")
    with pytest.raises(ValueError, match=r"differs from Keras by .* Nothing was written"):
        litert(called_six_times(), path, "dynamic_int8", bound=1e-9)
    assert path.read_bytes() == b"what stood here"
    assert [p.name for p in tmp_path.iterdir()] == ["m.tflite"]


def test_what_cannot_be_exported_is_said(tmp_path):
    with pytest.raises(ValueError, match="'int4'"):
        litert(called_six_times(), tmp_path / "m", "int4")

    class Subclassed(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match="graph"):
        litert(Subclassed(), tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_a_relative_error_is_infinite_where_values_are_missing():
    one = {"y": np.ones(3)}
    assert parity.relative_error(one, {"y": np.full(3, 1.5)}) == pytest.approx(1 / 3)
    assert parity.relative_error({"y": np.array([1, np.nan, 1])}, one) == np.inf
    assert parity.relative_error({"z": np.ones(3)}, one) == np.inf


def test_vectors_that_are_the_same_are_written_once_and_constants_stay_aligned():
    model = tied_dense("transpose")
    data = convert(model, "int8", per_channel=True, calibration=parity.random_inputs(model, 8))
    packed = flatbuffer.write(flatbuffer.read(data))
    assert len(data) - len(packed) > 8 * 1000  # zero points of 8 bytes, of 1,232 channels
    x = parity.random_inputs(model)
    for name, wanted in parity.run(data, x).items():
        np.testing.assert_array_equal(parity.run(packed, x)[name], wanted)
    table = flatbuffer.schema().Model.GetRootAsModel(packed, 0)
    filled = [
        table.Buffers(i) for i in range(table.BuffersLength()) if table.Buffers(i).DataLength()
    ]
    starts = [buffer._tab.Vector(buffer._tab.Offset(4)) for buffer in filled]
    assert starts and all(start % 16 == 0 for start in starts)
