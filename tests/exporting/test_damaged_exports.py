"""Exported files that are not as they were written, or declare more than they hold."""

import flatbuffers
import numpy as np
import pytest
from tflite_graphs import Graph, run

from wszoo.checksums import sealed
from wszoo.exporting.inspect import inspect_tflite
from wszoo.exporting.onnx.file import SUM, inspect_onnx
from wszoo.exporting.tflite import file as flatbuffer


def small():
    graph = Graph(2, 4)
    w, b = np.ones((3, 4), "float32"), np.zeros(3, "float32")
    return graph.file(graph.dense(graph.input, graph.constant(w), graph.constant(b), 1))


def flips(data):
    for place in range(0, len(data), 7):
        changed = bytearray(data)
        changed[place] ^= 1
        yield bytes(changed)


def test_a_sealed_file_runs_as_before_and_every_flip_is_seen():
    data, x = small(), np.random.default_rng(0).random((2, 4), "float32")
    np.testing.assert_array_equal(run(sealed(data), x), run(data, x))
    assert inspect_tflite(sealed(data)).stored_bytes == inspect_tflite(data).stored_bytes
    for damaged in flips(sealed(data)):
        if damaged[:-79] != data:  # the file, not the mark behind it
            with pytest.raises(ValueError, match=r"checksum|not a \.tflite"):
                inspect_tflite(damaged)


@pytest.mark.parametrize("places", [2000])
def test_tables_that_stand_in_many_places_are_refused(places):
    schema, builder = flatbuffer.schema(), flatbuffers.Builder(1024)

    def vector(start, item):
        start(builder, places)
        for _ in range(places):
            builder.PrependUOffsetTRelative(item)
        return builder.EndVector()

    schema.TensorStart(builder)
    tensors = vector(schema.SubGraphStartTensorsVector, schema.TensorEnd(builder))
    schema.SubGraphStart(builder)
    schema.SubGraphAddTensors(builder, tensors)
    graphs = vector(schema.ModelStartSubgraphsVector, schema.SubGraphEnd(builder))
    schema.ModelStart(builder)
    schema.ModelAddVersion(builder, 3)
    schema.ModelAddSubgraphs(builder, graphs)
    builder.Finish(schema.ModelEnd(builder), file_identifier=b"TFL3")
    with pytest.raises(ValueError, match=r"declares .* tables"):
        inspect_tflite(bytes(builder.Output()))


def test_an_onnx_file_is_what_was_written_and_points_nowhere():
    onnx = pytest.importorskip("onnx")

    def file(**fields):
        tensor = onnx.TensorProto(name="w", data_type=1, dims=[3], **fields)
        return onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [], [tensor]))

    data = sealed(file(float_data=[1, 2, 3]).SerializeToString(), SUM, b"")
    assert inspect_onnx(data).stored_bytes == 12
    (entry,) = onnx.load_from_string(data).metadata_props
    assert entry.key == "wszoo_sha256" and len(entry.value) == 64
    for damaged in flips(data[:-90]):
        with pytest.raises(ValueError, match="checksum"):
            inspect_onnx(damaged + data[-90:])
    elsewhere = file(data_location=onnx.TensorProto.EXTERNAL)
    with pytest.raises(ValueError, match="lies in another file"):
        inspect_onnx(elsewhere.SerializeToString())
