"""What a file declares is held against what it holds, before memory is taken."""

import io
import struct
import zipfile

import h5py
import numpy as np
import pytest

from wszoo import declared

MANY = (10**6, 10**6)


def test_sound_files_are_taken(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((100, 100)), s=np.array(3))
    assert set(declared.arrays_of_npz(tmp_path / "a.npz")) == {"x", "s"}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["in/x"], file["empty"], file["s"] = np.ones((2, 3)), np.zeros((0, 3)), 3.0
        file.create_dataset("packed", (1000,), compression="gzip")
    shapes = {"in/x": (2, 3), "empty": (0, 3), "s": (), "packed": (1000,)}
    assert declared.check_hdf5(tmp_path / "a.h5") == shapes
    assert declared.check_hdf5((tmp_path / "a.h5").read_bytes()) == shapes


BAD = {
    "giant": (lambda f: f.create_dataset("x", MANY), "declares float32.*holds 0"),
    "giant in chunks": (lambda f: f.create_dataset("x", MANY, chunks=(9, 9)), "declares 4,000,"),
    "external link": (lambda f: f.update(x=h5py.ExternalLink("/etc/x", "/y")), "links to elsewh"),
    "soft link": (lambda f: f.update(x=h5py.SoftLink("/y")), "links to elsewhere at 'x'"),
    "circle": (lambda f: f.update({"a/b": f["/"]}), "'a/b' stands in several places"),
    "other file": (
        lambda f: f.create_dataset("x", (9,), "u1", external=[("/etc/hostname", 0, 9)]),
        "lie in other files",
    ),
    "texts": (lambda f: f.create_dataset("x", data=["a"], dtype=h5py.string_dtype()), "no numbers"),
}


@pytest.mark.parametrize("name", BAD)
def test_hdf5_that_is_not_there_is_refused(name):
    fill, words = BAD[name]
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        fill(file)
    with pytest.raises(ValueError, match=words):
        declared.check_hdf5(data.getvalue())


def npz(path, head, data=b""):
    text = f"{{'descr': {head[0]!r}, 'fortran_order': False, 'shape': {head[1]!r}, }}\n".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        start = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little")
        archive.writestr("x.npy", start + text + data)


def test_npz_that_is_not_there_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "a.npz"
    npz(path, ("<f4", MANY))
    with pytest.raises(ValueError, match=r"'x.npy' declares float32\(1000000, 1000000\)"):
        declared.arrays_of_npz(path)
    np.savez(path, x=np.array([None]))
    with pytest.raises(ValueError, match="allow_pickle=False"):
        declared.arrays_of_npz(path)
    monkeypatch.setattr(declared, "FLOOR", 2**16)
    npz(path, ("|u1", (2**18,)), bytes(2**18))
    with pytest.raises(ValueError, match="more than 20 times"):
        declared.arrays_of_npz(path)


def test_a_zip_whose_member_is_there_twice_or_damaged_is_refused(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a", b"abcdefgh")
    declared.check_zip(path, contents=True)
    path.write_bytes(path.read_bytes().replace(b"abcdefgh", b"abcdefgi"))
    declared.check_zip(path)
    with pytest.raises(ValueError, match="'a' does not have its checksum"):
        declared.check_zip(path, contents=True)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("a", b"other")
    with pytest.raises(ValueError, match="'a' is there twice"):
        declared.check_zip(path)


def test_values_that_multiply_are_refused():
    laugh = ["x"] * 10
    for _ in range(9):
        laugh = [laugh] * 10
    declared.check_values({"a": [1, "x" * 10**5], "b": {"c": ({1, 2},)}})
    with pytest.raises(ValueError, match="more than 10,000 values"):
        declared.check_values(laugh)


def test_an_image_of_more_pixels_than_memory_holds_is_refused(tmp_path):
    from wszoo.data import load

    head = struct.pack("<IiiHHIIiiII", 40, 12_000, 12_000, 1, 24, 0, 0, 0, 0, 0, 0)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.bmp").write_bytes(b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + head)
    with pytest.raises(ValueError, match=r"x\.bmp: it declares 12,000 × 12,000 pixels"):
        load(tmp_path)
