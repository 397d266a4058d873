"""Files with a checksum of their own: a round trip, and every bit of them counts."""

import json

import numpy as np
import pytest

from wszoo import checksums

VALUE = {"b": [1, 2.5, None], "a": {"2": "two"}}


def every_flip(data):
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1
        yield bytes(changed)


def test_a_sealed_file_is_what_was_sealed(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"contents")
    checksums.seal(path)
    checksums.check_seal(path)
    assert path.read_bytes() == checksums.sealed(b"contents")
    assert checksums.unsealed(path.read_bytes()) == b"contents"


def test_every_flip_and_every_cut_of_a_sealed_file_is_seen(tmp_path):
    path, whole = tmp_path / "f", checksums.sealed(b"contents")
    for data in [*every_flip(whole), *(whole[:size] for size in range(len(whole)))]:
        path.write_bytes(data)
        with pytest.raises(ValueError, match="checksum"):
            checksums.check_seal(path)


def test_readers_pass_over_the_seal(tmp_path):
    import h5py

    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["x"] = np.arange(3)
    np.savez(tmp_path / "a.npz", x=np.arange(3))
    for name in ("a.h5", "a.npz"):
        checksums.seal(tmp_path / name)
    with h5py.File(tmp_path / "a.h5") as file, np.load(tmp_path / "a.npz") as archive:
        np.testing.assert_array_equal(file["x"], archive["x"])


def test_json_comes_back_and_every_other_text_is_refused(tmp_path):
    path = tmp_path / "f.json"
    whole = checksums.json_with_sum(VALUE, indent=1)
    path.write_text(whole)
    assert checksums.read_json(path) == VALUE
    for data in every_flip(whole.encode()):
        path.write_bytes(data)
        with pytest.raises(ValueError, match=r"checksum|not JSON|no member|UTF-8"):
            checksums.read_json(path)
    path.write_text(json.dumps(VALUE))
    with pytest.raises(ValueError, match="has no member 'own_sha256'"):
        checksums.read_json(path)


@pytest.mark.parametrize(
    ("text", "words"), [("[1]", "no JSON object"), ("[" * 10**5, "too deep"), ("", "not JSON")]
)
def test_what_is_no_json_object_is_said(text, words):
    with pytest.raises(ValueError, match=words):
        checksums.json_object(text.encode())
    with pytest.raises(ValueError, match=r"has 5 bytes.*at most 4"):
        checksums.json_object(b"{}   ", most=4)


def test_a_folder_is_what_was_sealed(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a").write_text("a")
    checksums.check_folder(tmp_path, "sums.json")  # one without checksums is not known
    checksums.seal_folder(tmp_path, "sums.json")
    checksums.check_folder(tmp_path, "sums.json")
    (tmp_path / "in" / "a").write_text("b")
    with pytest.raises(ValueError, match="'in/a'"):
        checksums.check_folder(tmp_path, "sums.json")
    (tmp_path / "in" / "a").unlink()
    with pytest.raises(ValueError, match="'in/a' is missing"):
        checksums.check_folder(tmp_path, "sums.json")
