"""PyTorch's stream format: views are honoured, and nothing in a file is run or believed."""

import pickle

import numpy as np
import pytest
from streams import STORAGES, named, of_arrays, plain, stream, tensor

from wszoo.packaged import torch_stream

NUMBERS = {"1": np.arange(24, dtype="<f4"), "2": np.array([7], "<i8")}
VIEWS = {
    "kernel": ("1", 0, (2, 3, 4), (1, 2, 6)),
    "part": ("1", 4, (3,), (5,)),
    "count": ("2", 0, (), ()),
}


@pytest.fixture
def written(tmp_path):
    def write(data):
        path = tmp_path / "weights.pth"
        path.write_bytes(data)
        return path

    return write


def test_views_go_through_their_storage_as_they_say(written):
    found = torch_stream.read(written(stream(VIEWS, NUMBERS)))
    np.testing.assert_array_equal(found["kernel"], np.arange(24).reshape(4, 3, 2).T)
    np.testing.assert_array_equal(found["part"], [4, 9, 14])
    assert found["count"].shape == () and found["count"] == 7
    assert {name: str(array.dtype) for name, array in found.items()} == {
        "kernel": "float32",
        "part": "float32",
        "count": "int64",
    }
    found["kernel"][:] = 0  # an array of its own
    assert found["part"][1] == 9


def test_arrays_of_any_order_come_back(written):
    rng = np.random.default_rng(0)
    arrays = {str(n): rng.random((5, 4, 3, 2)[:n]).astype("<f4") for n in range(5)}
    found = torch_stream.read(written(of_arrays(arrays)))
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)


CALLS = {
    "a command": b"cos\nsystem\n(Vtouch {}\ntR.",
    "code": b"cbuiltins\neval\n(Vopen('{}', 'w')\ntR.",
    "an instance": b"(Vtouch {}\nios\nsystem\n.",
    "a class by protocol 2": b"cpathlib\nPath\n(V{}\nt\x81.",
    "a name of protocol 4": b"\x8c\x02os\x8c\x06system\x93(Vtouch {}\ntR.",
    "another function of torch": b"ctorch._utils\n_rebuild_tensor\n)R.",
    "a part of a known name": b"\x80\x04\x8c\x0bcollections\x8c\x0dOrderedDict.x\x93.",
}


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("call", CALLS)
def test_nothing_in_a_pickle_is_called(written, tmp_path, place, call):
    trace = tmp_path / "called"
    hostile = CALLS[call].replace(b"{}", str(trace).encode())
    path = written(stream(VIEWS, NUMBERS, {place: hostile}))
    with pytest.raises(ValueError, match=r"it asks for .*, which is no part of a tensor"):
        torch_stream.read(path)
    assert list(tmp_path.iterdir()) == [path]


def test_a_pickle_changes_nothing_that_the_next_one_uses(written):
    known = {
        b"ccollections\nOrderedDict\n": "OrderedDict",
        b"ctorch._utils\n_rebuild_tensor_v2\n": "function",
        b"ctorch\nFloatStorage\n": "text",
    }
    for name in known:  # their attributes, as an object's state
        hostile = b"\x80\x02" + name + b"(N" + plain({"__new__": 1, "__defaults__": (1,)}) + b"tb."
        with pytest.raises(ValueError, match="no state dict"):
            torch_stream.read(written(stream(VIEWS, NUMBERS, {3: hostile})))
        assert set(torch_stream.read(written(stream(VIEWS, NUMBERS)))) == set(VIEWS)


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (tensor("1", b"ctorch\nHalfStorage\n", 24, 0, (2,), (1,)), "asks for torch.HalfStorage"),
        (tensor("1", plain("<f4"), 23, 0, (2,), (1,)), "says that it has 24"),
        (tensor("1", plain("O"), 24, 0, (2,), (1,)), "a storage 'storage' of 'O'"),
        (tensor("1", STORAGES["<f4"], 24, 0, (25,), (1,)), "beyond its 24 numbers"),
        (tensor("1", STORAGES["<f4"], 24, 1, (2, 12), (12, 1)), "beyond its 24 numbers"),
        (tensor("1", STORAGES["<f4"], 24, 0, (2**40,), (0,)), "beyond its 24 numbers"),
        (tensor("1", STORAGES["<f4"], 24, 5, (2,), (-1,)), r"strides \(-1,\)"),
        (tensor("1", STORAGES["<f4"], 24, -1, (2,), (1,)), "offset -1"),
        (tensor("1", STORAGES["<f4"], 24, 0, (2, 2), (1,)), r"size \(2, 2\)"),
        (tensor("1", STORAGES["<f4"], 24, 0, (2.0,), (1,)), r"size \(2.0,\)"),
        (plain(5), "something else than tensors"),
    ],
)
def test_what_a_tensor_cannot_be_is_refused(written, part, words):
    path = written(stream({}, {"1": NUMBERS["1"]}, {3: named({"kernel": part})}))
    with pytest.raises(ValueError, match=words):
        torch_stream.read(path)


@pytest.mark.parametrize(
    ("pickles", "words"),
    [
        ({0: pickle.dumps(5)}, "does not begin as one"),
        ({1: pickle.dumps(1002)}, "does not begin as one"),
        ({2: pickle.dumps({"little_endian": False})}, "not little-endian"),
        ({3: pickle.dumps([1])}, "something else than tensors"),
        ({4: pickle.dumps(["1"])}, "not those of its tensors"),
    ],
)
def test_another_format_is_named(written, pickles, words):
    with pytest.raises(ValueError, match=words):
        torch_stream.read(written(stream(VIEWS, NUMBERS, pickles)))


def test_a_cut_or_a_changed_byte_anywhere_is_an_error_or_changes_numbers_alone(written):
    whole = stream(VIEWS, NUMBERS)
    for place in range(0, len(whole), 3):
        with pytest.raises(ValueError, match="no state dict"):
            torch_stream.read(written(whole[:place]))
        changed = bytearray(whole)
        changed[place] ^= 1
        try:
            found = torch_stream.read(written(bytes(changed)))
        except ValueError as error:
            assert "no state dict" in str(error)
        else:
            assert len(found) == len(VIEWS)
    with pytest.raises(ValueError, match="goes on after its last storage"):
        torch_stream.read(written(whole + b"\0"))
