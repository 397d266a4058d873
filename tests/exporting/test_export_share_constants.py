"""The pass over constants: what it shares, what it leaves, and that outputs do not change."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tflite_graphs import DEFAULT, PLAIN, Graph, run

from wszoo.exporting.inspect import inspect_tflite
from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.share import share_constants

RNG = np.random.default_rng(0)


def kernel(*shape, dtype="float32"):
    return (RNG.random(shape, "float32") - 0.5).astype(dtype)


def tied_pair(dtype="float32", **options):
    """x → dense → dense with the transposed weights, both with a bias and a ReLU."""
    graph, w = Graph(2, 40), kernel(24, 40, dtype=dtype)
    scale = {"scale": 0.01} if dtype == "int8" else {}
    if dtype == "int8":
        w = RNG.integers(-127, 128, (24, 40)).astype("int8")
    first, second = graph.constant(w, **scale), graph.constant(w.T, **scale)
    h = graph.dense(graph.input, first, graph.constant(kernel(24)), 1, **options)
    return graph.file(graph.dense(h, second, graph.constant(kernel(40)), 1, **options)), w.nbytes


def same(before, after, x):
    for resolver in (DEFAULT, PLAIN):
        for a, b in zip(run(before, x, resolver), run(after, x, resolver), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_a_transposed_copy_is_stored_once_and_outputs_stay(dtype):
    data, size = tied_pair(dtype)
    small, report = share_constants(data)
    assert [entry.way for entry in report.shared] == ["densify"] and not report.left
    assert inspect_tflite(data).stored_bytes - inspect_tflite(small).stored_bytes == size
    assert report.bytes_after == len(small) and report.saved_bytes == len(data) - len(small)
    same(data, small, kernel(2, 40))
    same(data, small, kernel(7, 40))  # another batch


def test_int8_dense_layers_become_matrix_products_on_one_constant():
    data, size = tied_pair("int8", hybrid=True)
    small, report = share_constants(data, min_bytes=512)
    assert [entry.way for entry in report.shared] == ["matmul"]
    assert inspect_tflite(data).stored_bytes - inspect_tflite(small).stored_bytes == size
    for a, b in zip(run(data, x := kernel(2, 40)), run(small, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_prefer_load_multiplies_float32_too():
    data, size = tied_pair()
    small, report = share_constants(data, prefer="load")
    assert [entry.way for entry in report.shared] == ["matmul"]
    assert inspect_tflite(data).stored_bytes - inspect_tflite(small).stored_bytes == size
    for a, b in zip(run(data, x := kernel(2, 40)), run(small, x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_batches_of_other_sizes_in_one_interpreter():
    from ai_edge_litert.interpreter import Interpreter

    data, _ = tied_pair()
    interpreter = Interpreter(model_content=share_constants(data)[0])
    runner = interpreter.get_signature_runner()
    for batch in (2, 7, 1, 7):
        np.testing.assert_array_equal(runner(x0=(x := kernel(batch, 40)))["y0"], run(data, x)[0])


def test_equal_constants_share_a_buffer():
    graph, w = Graph(2, 32), kernel(32, 32)
    h = graph.dense(graph.input, graph.constant(w))
    data = graph.file(graph.dense(h, graph.constant(w)))
    small, report = share_constants(data)
    assert [entry.way for entry in report.shared] == ["equal"]
    assert len(data) - len(small) > 0.95 * w.nbytes
    same(data, small, kernel(2, 32))


def test_one_buffer_read_in_two_shapes_moves_with_each():
    """A 3 × 1 and a 1 × 3 kernel of the same bytes, both transposes of a third."""
    graph, w = Graph(1, 5, 6, 8), kernel(6, 3, 1, 8)
    x = graph.conv(graph.input, graph.constant(w))
    x = graph.conv(x, graph.constant(w.transpose(3, 1, 2, 0)))
    data = graph.file(graph.conv(x, graph.constant(w.reshape(6, 1, 3, 8))))
    small, report = share_constants(data, min_bytes=64)
    assert not report.left and inspect_tflite(small, min_bytes=64).ratio == 1.0
    same(data, small, kernel(1, 5, 6, 8))


def test_a_second_pass_changes_nothing():
    small, _ = share_constants(tied_pair()[0])
    again, report = share_constants(small)
    assert again == small and not report.shared and not report.left


def test_small_constants_are_left():
    data, _ = tied_pair()
    assert share_constants(data, min_bytes=10**6)[0] == data


@pytest.mark.parametrize(("one", "other"), [(0.01, 0.02), ([0.01] * 24, [0.01] * 40)])
def test_int8_with_other_scales_or_a_scale_a_channel_is_left(one, other):
    graph = Graph(2, 40)
    w = RNG.integers(-127, 128, (24, 40)).astype("int8")
    h = graph.dense(graph.input, graph.constant(w, one), hybrid=True)
    data = graph.file(graph.dense(h, graph.constant(w.T, other), hybrid=True))
    assert share_constants(data, min_bytes=64)[0] == data


def test_what_the_graph_hands_out_is_not_respelled():
    graph, w = Graph(2, 24), kernel(24, 24)
    h = graph.dense(graph.input, graph.constant(w))
    out = graph.constant(w.T)
    data = graph.file(graph.dense(h, out), out)
    small, report = share_constants(data)
    assert len(report.shared) == 1  # the other of the two moves
    same(data, small, kernel(2, 24))


def test_constants_a_reader_needs_as_they_are_stay_and_are_reported():
    graph, w = Graph(24, 24), kernel(24, 24)
    y = graph.input
    for array in (w, w.T):
        total = graph.tensor((24, 24))
        options = graph.s.AddOptionsT()
        y = graph.op("ADD", [y, graph.constant(array)], [total], options)
    data = graph.file(y)
    small, report = share_constants(data)
    assert small == data and [entry.way for entry in report.left] == ["transposed"]


def test_signatures_metadata_and_further_subgraphs_survive():
    data, _ = tied_pair()
    model = flatbuffer.read(data)
    s = flatbuffer.schema()
    note = np.frombuffer(b"a note" * 300, np.uint8)
    model.buffers += [s.BufferT(data=note), s.BufferT(data=note)]
    last = len(model.buffers)
    model.metadata = [s.MetadataT(name=b"note", buffer=last - 2 + i) for i in range(2)]
    more = flatbuffer.read(tied_pair()[0])
    for tensor in more.subgraphs[0].tensors:
        tensor.buffer += last * (tensor.buffer > 0)
    model.buffers += more.buffers
    codes = len(model.operatorCodes)
    for operator in more.subgraphs[0].operators:
        operator.opcodeIndex += codes
    model.operatorCodes += more.operatorCodes
    model.subgraphs += more.subgraphs
    small, report = share_constants(flatbuffer.write(model))
    assert len(report.shared) == 2
    after = flatbuffer.read(small)
    assert [bytes(after.buffers[m.buffer].data) for m in after.metadata] == [note.tobytes()] * 2
    assert len(after.subgraphs) == 2
    assert after.signatureDefs[0].signatureKey == b"serving_default"
    same(data, small, kernel(2, 40))


def test_buffers_are_aligned_as_the_schema_asks():
    small, _ = share_constants(tied_pair()[0])
    model = flatbuffer.schema().Model.GetRootAsModel(small, 0)
    start = np.frombuffer(small, np.uint8).ctypes.data
    for i in range(model.BuffersLength()):
        if not model.Buffers(i).DataIsNone():
            assert (model.Buffers(i).DataAsNumpy().ctypes.data - start) % 16 == 0


def test_control_flow_bodies_are_left_alone():
    """A WHILE whose body holds a tied pair: nothing is laid out ahead in a body."""
    import tensorflow as tf

    w = tf.constant(kernel(32, 32))

    @tf.function(input_signature=[tf.TensorSpec((2, 32))])
    def loop(x):
        def body(i, y):
            return i + 1, tf.tanh(tf.matmul(tf.matmul(y, w), w, transpose_b=True))

        return tf.while_loop(lambda i, y: i < 3, body, (0, x))[1]

    converter = tf.lite.TFLiteConverter.from_concrete_functions([loop.get_concrete_function()])
    data = converter.convert()
    small, report = share_constants(data)
    assert small == data and len(report.left) == 1
    small, report = share_constants(data, prefer="size")
    assert [entry.way for entry in report.shared] == ["transpose"]
    for a, b in zip(run(data, x := kernel(2, 32)), run(small, x), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)  # weights that are not packed: another order


# Hostile and broken files


def test_no_tflite_file_at_all():
    for junk in (b"", b"TFL3", b"PK\x03\x04" + b"0" * 100, b"\0" * 4096):
        with pytest.raises(ValueError, match=r"not a \.tflite file"):
            share_constants(junk)


def test_truncated_files_raise_or_are_read_whole():
    data, _ = tied_pair()
    refused = 0
    for end in range(8, len(data), 37):
        try:
            share_constants(data[:end])
        except ValueError:
            refused += 1
    assert refused > 0.9 * len(range(8, len(data), 37))


@pytest.mark.slow
@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_bytes_never_raise_anything_but_value_error(changes):
    data = bytearray(HEALTHY)
    for place, value in changes:
        data[place % len(data)] = value
    try:
        share_constants(bytes(data))
        inspect_tflite(bytes(data))
    except ValueError:
        pass


HEALTHY = tied_pair()[0]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda m: setattr(m, "version", 2), "version 2"),
        (lambda m: setattr(m.subgraphs[0].tensors[0], "buffer", 99), "buffer is number 99"),
        (lambda m: m.subgraphs[0].operators[0].inputs.__setitem__(0, 77), "inputs is number 77"),
        (lambda m: m.subgraphs[0].operators[0].inputs.__setitem__(0, -2), "inputs is number -2"),
        (lambda m: setattr(m.subgraphs[0].operators[0], "opcodeIndex", 50), "code is number 50"),
        (lambda m: setattr(m.subgraphs[0].tensors[0], "externalBuffer", 1), "other files"),
        (
            lambda m: setattr(m.subgraphs[0].operators[0], "largeCustomOptionsOffset", 9),
            "behind the flatbuffer",
        ),
    ],
)
def test_indices_out_of_range_and_outside_data_are_refused(damage, message):
    model = flatbuffer.read(HEALTHY)
    for operator in model.subgraphs[0].operators:
        operator.inputs = operator.inputs.copy()
    damage(model)
    with pytest.raises(ValueError, match=message):
        share_constants(flatbuffer.write(model))


def test_constants_that_stand_inside_and_behind_the_flatbuffer_are_refused():
    table = flatbuffer.read(HEALTHY)
    table.buffers[1].offset, table.buffers[1].size = 4096, 64
    import flatbuffers

    builder = flatbuffers.Builder(0)
    builder.Finish(table.Pack(builder), file_identifier=b"TFL3")
    with pytest.raises(ValueError, match="there twice"):
        share_constants(bytes(builder.Output()))


def test_an_unknown_preference_is_refused():
    with pytest.raises(ValueError, match="'fast'"):
        share_constants(HEALTHY, prefer="fast")


# Random graphs with planted copies


@st.composite
def planted_graphs(draw):
    """A chain of dense layers or convolutions; weights are new, copies, or permuted copies."""
    dtype = draw(st.sampled_from(["float32", "float16"]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = st.sampled_from([6, 8, 12])
    dense = draw(st.booleans())
    shape = (2, draw(sizes)) if dense else (1, 5, 6, draw(sizes))
    graph, made, planted = Graph(*shape), [], 0
    x = graph.input
    taps = []
    for _ in range(draw(st.integers(2, 6))):
        width = int(graph.graph.tensors[x].shape[-1])
        copies = [
            w.transpose(axes)
            for w in made
            for axes in (((0, 1), (1, 0)) if dense else ((0, 1, 2, 3), (3, 1, 2, 0), (0, 2, 1, 3)))
            if w.transpose(axes).shape[-1] == width
        ]
        if copies and draw(st.integers(0, 3)):
            w = copies[draw(st.integers(0, len(copies) - 1))]
            planted += 1
        else:
            new = (
                (draw(sizes), width) if dense else (draw(sizes), 3, draw(st.integers(1, 3)), width)
            )
            w = (rng.standard_normal(new) / np.sqrt(np.prod(new[1:]))).astype(dtype)
        made.append(w)
        number = graph.constant(w)
        if dense:
            bias = (
                graph.constant(rng.random(w.shape[0], "float32")) if draw(st.booleans()) else None
            )
            x = graph.dense(x, number, bias, draw(st.sampled_from([0, 1, 3])))
        else:
            x = graph.conv(x, number)
        if draw(st.integers(0, 3)) == 0:
            taps.append(x)
    data = graph.file(*dict.fromkeys([*taps, x]))
    return data, rng.standard_normal(shape).astype("float32"), planted


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(planted_graphs())
def test_outputs_of_random_graphs_stay_bit_for_bit(case):
    data, x, planted = case
    small, report = share_constants(data, min_bytes=64)
    assert len(report.shared) >= planted and not report.left
    assert inspect_tflite(small, min_bytes=64).ratio == 1.0
    assert share_constants(small, min_bytes=64)[0] == small
    same(data, small, x)
