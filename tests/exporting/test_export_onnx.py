"""ONNX files store every weight once and agree with Keras."""

import keras
import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

import wszoo
from benchmarks.export.others import OTHERS, stir
from wszoo.exporting import parity
from wszoo.exporting.onnx import file as onnx_file
from wszoo.exporting.stored import inspect_file

# tf2onnx 1.17 calls NumPy and protobuf in ways that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
NAMES = ["tied_ae", "conv_net", "transpose", "conv", "pyramid", "embedding"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_each_weight_is_stored_once(name, tmp_path):
    model = OTHERS[name]() if name in OTHERS else wszoo.get(name)
    stir(model)
    (made,) = wszoo.export(model, tmp_path, "onnx").files
    assert made.path.name == f"{model.name}.onnx" and made.max_error <= 1e-5
    assert 0.9 < made.ratio <= 1.05 and made.file.ratio == 1.0
    x = parity.random_inputs(model, batch=3, seed=5)  # another batch than the export tried
    got = onnx_file.run(made.path.read_bytes(), x)
    assert parity.relative_error(got, parity.keras_outputs(model, x)) <= 1e-5


def test_a_difference_above_the_bound_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="differs from Keras"):
        wszoo.export(wszoo.get("tied_ae"), tmp_path, "onnx", bound=0.0)
    assert not list(tmp_path.iterdir())


def test_an_output_with_the_name_of_an_input_is_another_value(tmp_path):
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    one, two = keras.layers.Dense(2, name="one"), keras.layers.Dense(4, name="two")
    model = keras.Model([a, b], {"a": one(b), "b": two(a), "c": one(a)})
    (made,) = wszoo.export(model, tmp_path, "onnx").files
    x = parity.random_inputs(model, batch=3, seed=5)
    got = onnx_file.run(made.path.read_bytes(), x)
    assert list(got) == ["a.1", "b.1", "c"]
    for name, wanted in zip(got, model([x["a"], x["b"]]).values(), strict=True):
        np.testing.assert_allclose(got[name], wanted, rtol=1e-5, atol=1e-6)


def planted():
    """x @ a + x @ b.T @ c, where a and b are equal and c is the transpose of a."""
    a = np.random.default_rng(0).normal(size=(24, 24)).astype("float32")
    values = {"a": a, "b": a.copy(), "c": np.ascontiguousarray(a.T)}
    nodes = [
        helper.make_node("MatMul", ["x", "a"], ["xa"]),
        helper.make_node("MatMul", ["x", "b"], ["xb"]),
        helper.make_node("MatMul", ["xb", "c"], ["xbc"]),
        helper.make_node("Add", ["xa", "xbc"], ["y"]),
    ]
    ends = [helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["batch", 24]) for n in "xy"]
    initializers = [numpy_helper.from_array(value, name) for name, value in values.items()]
    graph = helper.make_graph(nodes, "planted", ends[:1], ends[1:], initializers)
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()


def test_planted_constants_are_shared_and_nothing_else_changes(tmp_path):
    before = planted()
    after = onnx_file.share_initializers(before)
    inside = onnx_file.inspect_onnx(before)
    assert inside.stored_bytes == 3 * inside.unique_bytes
    assert {item.how for item in inside.repeated} == {"equal", "transposed"}
    assert onnx_file.inspect_onnx(after).ratio == 1.0
    assert onnx_file.share_initializers(after) == after
    x = {"x": np.random.default_rng(1).normal(size=(5, 24)).astype("float32")}
    np.testing.assert_array_equal(onnx_file.run(before, x)["y"], onnx_file.run(after, x)["y"])
    (tmp_path / "m.onnx").write_bytes(before)
    assert inspect_file(tmp_path / "m.onnx") == inside


def test_a_damaged_file_is_named(tmp_path):
    (tmp_path / "m.onnx").write_bytes(planted()[:100])
    with pytest.raises(ValueError, match=r"m\.onnx.*damaged"):
        inspect_file(tmp_path / "m.onnx")
