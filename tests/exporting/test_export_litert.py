"""LiteRT files store every weight once and agree with Keras: the zoo's models and others."""

import json

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from keras import layers, ops

import wszoo
from benchmarks.export.others import (
    FIXED_BATCH,
    OTHERS,
    called_six_times,
    pyramid,
    stir,
    tied_dense,
)
from wszoo.exporting import parity
from wszoo.exporting.inspect import inspect_tflite
from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.convert import convert
from wszoo.exporting.tflite.write import litert

PRECISIONS = ["float32", "float16", "dynamic_int8", "int8"]
SLACK = 64 * 1024  # bytes for graph and metadata
# TensorFlow Lite cannot measure ranges in a loop and at a product that broadcasts.
SMALLER = {"efficientnet_lite0": {"input_shape": (64, 64, 3)}}  # no weight depends on it
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
    export(name, wszoo.get(name, **SMALLER.get(name, {})), tmp_path, precision)


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


def signature(path):
    """Shapes of a file's inputs, -1 where an axis is free."""
    return [x["shape_signature"].tolist() for x in Interpreter(str(path)).get_input_details()]


@pytest.mark.parametrize("steps", [5, None])
def test_a_loop_gets_a_batch_of_one_and_says_so(steps, tmp_path):
    inputs = keras.Input((steps, 3), name="x")
    layer = layers.GRU(8) if steps else layers.Bidirectional(layers.LSTM(4, return_sequences=True))
    model = keras.Model(inputs, layer(inputs))
    made = litert(model, tmp_path / "m.tflite")
    assert "fixed at 1" in made.notes[0] and signature(made.path) == [[1, steps or -1, 3]]
    x = {"x": np.random.default_rng(0).random((3, 5, 3), "float32")}
    got = parity.run(made.path.read_bytes(), x, batch=1)
    assert parity.relative_error(got, parity.keras_outputs(model, x)) <= 1e-5


def test_a_batch_that_is_asked_for_is_taken(tmp_path):
    inputs = keras.Input((5, 3), name="x")
    made = litert(keras.Model(inputs, layers.GRU(8)(inputs)), tmp_path / "m.tflite", batch=2)
    assert signature(made.path) == [[2, 5, 3]] and not made.notes


def fixed_batch():
    inputs = keras.Input(batch_shape=(2, 5), name="x")
    return keras.Model(inputs, layers.Dense(3)(inputs)), [2, 5], (4, 5)


def free_image():
    inputs = keras.Input((None, None, 3), name="x")
    y = layers.Conv2D(4, 5, strides=2)(layers.Conv2D(4, 7)(inputs))
    return keras.Model(inputs, layers.GlobalAveragePooling2D()(y)), [-1, -1, -1, 3], (2, 21, 40, 3)


def numbers_of_a_whole_batch():
    inputs = keras.Input((5,), name="x")
    y = layers.Dense(3)(inputs)
    outputs = [y, ops.mean(y), ops.sum(y, axis=0)]
    return keras.Model(inputs, outputs), [-1, 5], (6, 5)


def loop_and_a_number_of_a_whole_batch():
    inputs = keras.Input((5, 4), name="x")
    y = layers.GRU(3)(inputs)
    return keras.Model(inputs, [y, ops.mean(y)]), [1, 5, 4], (3, 5, 4)


def remembers():
    inputs = keras.Input(batch_shape=(2, 5, 4), name="x")
    return keras.Model(inputs, layers.LSTM(3, stateful=True)(inputs)), [2, 5, 4], (6, 5, 4)


@pytest.mark.parametrize(
    "make",
    [
        fixed_batch,
        free_image,
        numbers_of_a_whole_batch,
        loop_and_a_number_of_a_whole_batch,
        remembers,
    ],
)
def test_shapes_and_states_are_the_models_own(make, tmp_path):
    model, shape, given = make()
    data = litert(model, tmp_path / "m.tflite").path.read_bytes()
    assert signature(tmp_path / "m.tflite") == [shape]
    x = {"x": np.random.default_rng(0).random(given, "float32")}
    batch = shape[0] if shape[0] > 0 else None
    got = parity.run(data, x, batch=batch)
    assert parity.relative_error(got, parity.keras_outputs(model, x, batch=batch)) <= 1e-5


def test_inputs_that_keras_cannot_take_are_asked_for(tmp_path):
    inputs = keras.Input((4,), name="x", dtype="int32")
    model = keras.Model(inputs, ops.take(ops.reshape(inputs, (-1,)), inputs + 1000))
    with pytest.raises(ValueError, match=r"cannot run on random inputs.*Give inputs="):
        litert(model, tmp_path / "m.tflite")
    assert not list(tmp_path.iterdir())


def test_words_are_looked_up_in_the_file(tmp_path):
    inputs = keras.Input((2,), name="x", dtype="string")
    numbers = layers.StringLookup(vocabulary=["ant", "bee"])(inputs)
    model = keras.Model(inputs, layers.Embedding(3, 4)(numbers))
    made = litert(model, tmp_path / "m.tflite")
    x = {"x": np.array([["bee", "ant"], ["cow", "bee"]])}
    got = parity.run(made.path.read_bytes(), x)
    assert parity.relative_error(got, parity.keras_outputs(model, x)) == 0


def test_another_batch_than_the_models_own_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"2 examples.*batch of 3"):
        litert(fixed_batch()[0], tmp_path / "m.tflite", batch=3)


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


def right(outputs, wanted, lost):
    """Whether each example has the class of `wanted`; the first `lost` get another one."""
    (values,) = outputs.values()
    classes = values.argmax(1)
    classes[:lost] += 1
    return (classes == wanted).astype(float)


def worse_in_the_file(model, x, lost):
    """A metric that is 1 in Keras, and in the file, which is asked second, worse by `lost`."""
    (values,) = parity.keras_outputs(model, x).values()
    asked = []

    def metric(outputs):
        asked.append(outputs)
        return right(outputs, values.argmax(1), lost if len(asked) == 2 else 0)

    return metric


def test_a_metric_that_suffers_writes_nothing(tmp_path):
    model = called_six_times()
    x = parity.random_inputs(model, 40)
    metric = worse_in_the_file(model, x, lost=10)
    with pytest.raises(ValueError, match=r"1\.0000 in Keras and 0\.7500 in the float32 file") as no:
        litert(model, tmp_path / "m", inputs=x, metric=metric)
    assert "10 of 40 examples" in str(no.value) and not list(tmp_path.iterdir())
    made = litert(
        model, tmp_path / "m", inputs=x, metric=worse_in_the_file(model, x, 10), max_loss=0.25
    )
    assert made.metric == (1.0, 0.75) and made.changed == tuple(range(10))
    assert made.metric_error == pytest.approx(np.sqrt(0.25 * 0.75 / 39))


def test_one_image_of_six_is_in_the_report(tmp_path):
    model = called_six_times()
    x = parity.random_inputs(model, 6)
    options = {"inputs": x, "metric": worse_in_the_file(model, x, lost=1)}
    report = wszoo.export(model, tmp_path, "litert", **options)
    (made,) = report.files
    assert made.changed == (0,) and made.metric_error == pytest.approx(1 / 6)
    assert any("1 of 6 examples" in note for note in made.notes)
    assert "1 of 6 examples" in report.table().caption
    assert json.loads(json.dumps(report.to_dict()))["files"][0]["changed"] == [0]


def test_nothing_that_was_quantised_is_said(tmp_path):
    inputs = keras.Input((8,), name="x")
    small = keras.Model(inputs, layers.Dense(4)(inputs))
    (note,) = litert(small, tmp_path / "m", "dynamic_int8").notes
    assert note.startswith("nothing was quantised")
    assert not litert(called_six_times(), tmp_path / "m", "dynamic_int8").notes


@pytest.mark.parametrize("precision", ["float32", "dynamic_int8"])
def test_outputs_that_are_no_numbers_do_not_pass(precision, tmp_path):
    inputs = keras.Input((8,), name="x")
    model = keras.Model(inputs, ops.log(layers.Dense(4)(inputs) * 0 - 1))
    options = {"metric": lambda outputs: 1.0, "bound": float("inf")}
    with pytest.raises(ValueError, match="NaN"):
        litert(model, tmp_path / "m", precision, **options)
    assert not list(tmp_path.iterdir())


def test_calibration_that_is_no_numbers_is_refused(tmp_path):
    x = {"x": np.full((4, 8), np.nan, "float32")}
    with pytest.raises(ValueError, match=r"calibration.*'x'"):
        litert(called_six_times(), tmp_path / "m", "int8", calibration=x)


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
