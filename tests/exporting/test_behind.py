"""Constants and files that stand behind the flatbuffer of a `.tflite` file."""

import io
import zipfile

import flatbuffers
import numpy as np
import pytest
from tflite_graphs import Graph, run

from wszoo.checksums import sealed
from wszoo.exporting.inspect import inspect_tflite
from wszoo.exporting.tflite import file as flatbuffer
from wszoo.exporting.tflite.behind import associated_files, with_files
from wszoo.exporting.tflite.share import share_constants

RNG = np.random.default_rng(0)


def weights(rows, columns):
    return RNG.random((rows, columns), "float32") - 0.5


def twice():
    """x → dense → dense on equal weights, of which there are two copies."""
    graph, w = Graph(2, 32), weights(32, 32)
    hidden = graph.dense(graph.input, graph.constant(w), activation=1)
    return graph, graph.file(graph.dense(hidden, graph.constant(w)))


def as_large_files_are(model, shift=0):
    """The file as litert-quantizer 0.11 writes one with 256 KiB of constants or more: buffers of
    1 KiB and more stand behind the flatbuffer, each from a multiple of 16 bytes on."""

    def packed():
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    model.buffers = [flatbuffer.schema().BufferT(data=b.data) for b in model.buffers]
    large = [b for b in model.buffers if b.data is not None and len(b.data) >= 1024]
    contents = [bytes(b.data) for b in large]
    for buffer in large:
        buffer.data, buffer.offset, buffer.size = None, 1, 1
    end = -(-len(packed()) // 16) * 16
    for buffer, data in zip(large, contents, strict=True):
        buffer.offset, buffer.size = end + shift, len(data)
        end += -(-len(data) // 16) * 16
    parts = [packed(), *contents]
    return b"".join(part + bytes(-len(part) % 16) for part in parts)


def test_constants_behind_the_flatbuffer_are_read_and_shared():
    graph, inside = twice()
    behind, x = as_large_files_are(graph.model), weights(2, 32)
    table = flatbuffer.schema().Model.GetRootAsModel(behind, 0)
    assert [table.Buffers(i).Size() for i in range(3)] == [0, 4096, 4096]
    found = inspect_tflite(behind)
    assert found.stored_bytes == 8192 and found.unique_bytes == 4096
    small, report = share_constants(behind)
    assert [entry.way for entry in report.shared] == ["equal"] and not report.left
    assert small == share_constants(inside)[0]
    np.testing.assert_array_equal(run(small, x), run(behind, x))
    assert share_constants(sealed(behind))[0] == small


@pytest.mark.parametrize("shift", [4096, 2**40])
def test_constants_beyond_the_file_are_refused(shift):
    with pytest.raises(ValueError, match=r"constant of 4,096 bytes .* is not there"):
        inspect_tflite(as_large_files_are(twice()[0].model, shift))


def test_constants_that_do_not_fit_into_a_flatbuffer_are_written_behind_it():
    _, inside = twice()
    model = flatbuffer.read(inside)
    behind, x = flatbuffer.write(model, most_inside=1000), weights(2, 32)
    table = flatbuffer.schema().Model.GetRootAsModel(behind, 0)
    places = [(table.Buffers(i).Offset(), table.Buffers(i).Size()) for i in (1, 2)]
    assert [size for _, size in places] == [4096, 4096]
    assert all(offset % 16 == 0 for offset, _ in places) and len(behind) > 8192
    np.testing.assert_array_equal(run(behind, x), run(inside, x))
    assert flatbuffer.write(flatbuffer.read(behind)) == flatbuffer.write(flatbuffer.read(inside))
    assert flatbuffer.write(model, most_inside=8192) == inside


def test_files_that_belong_to_a_model_stay_behind_it():
    files = {"labels.txt": "ant\nbéé\n".encode(), "more.json": b"{}"}
    _, data = twice()
    packed = with_files(data, files)
    assert associated_files(packed) == files and associated_files(data) == {}
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {each.compress_type for each in archive.infolist()} == {zipfile.ZIP_STORED}
    small, report = share_constants(packed)
    assert len(report.shared) == 1 and associated_files(small) == files
    assert report.saved_bytes == len(data) - len(share_constants(data)[0])
    marked = sealed(with_files(data, files, comment=len(sealed(b""))))
    with zipfile.ZipFile(io.BytesIO(marked)) as archive:
        assert archive.comment.startswith(b"\nwszoo sha256 ")
    assert associated_files(marked) == files
    assert inspect_tflite(marked).stored_bytes == inspect_tflite(data).stored_bytes


def test_a_damaged_zip_is_refused():
    packed = bytearray(with_files(twice()[1], {"labels.txt": b"ant\nbee\n"}))
    packed[packed.rindex(b"ant\nbee")] ^= 1
    with pytest.raises(ValueError, match="packed behind the model cannot be read"):
        associated_files(bytes(packed))
