"""Model files from strangers: refused with a clear error, nothing run, nothing written."""

import json
import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import wszoo
from wszoo import declared


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "inside").mkdir()
    return tmp_path / "inside"


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_members_that_climb_out_of_the_archive_are_not_written(folder):
    model = wszoo.get("conv_net", width=4, depth=1, head=2)
    path = folder / "m.keras"
    wszoo.save(model, path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("../climbed.txt", "out")
        archive.writestr("/tmp_wszoo_climbed.txt", "out")
        archive.writestr("assets/../../climbed.txt", "out")
    before = listing(folder.parent)
    x = np.random.default_rng(0).random((2, 28, 28, 1), "float32")
    with pytest.warns(UserWarning, match="invalid path"):  # Keras' own
        loaded = wszoo.load(path)
    np.testing.assert_array_equal(loaded(x), model(x))
    assert listing(folder.parent) == before


def test_a_lambda_with_code_is_not_run(folder):
    marker = folder / "ran.txt"

    inputs = keras.Input((3,))
    evil = keras.layers.Lambda(
        lambda x, path=str(marker): (__import__("pathlib").Path(path).write_text("ran"), x)[1]
    )
    keras.Model(inputs, evil(inputs)).save(folder / "m.keras")
    assert marker.exists()  # it does run where it was written
    marker.unlink()
    # In a process of its own: this one has already seen the function.
    code = "import sys, wszoo; wszoo.load(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "m.keras")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1 and not marker.exists()
    assert "m.keras' cannot be loaded" in done.stderr and "safe" in done.stderr


@pytest.mark.parametrize("keep", [0, 10, 0.3, 0.9, 0.999])
def test_a_truncated_file_is_said(folder, keep):
    whole = folder / "whole.keras"
    wszoo.save(wszoo.get("conv_net", width=4, depth=1, head=2), whole)
    data = whole.read_bytes()
    size = keep if isinstance(keep, int) else int(keep * len(data))
    (folder / "cut.keras").write_bytes(data[:size])
    with pytest.raises(ValueError, match=r"cut\.keras"):
        wszoo.load(folder / "cut.keras")


@pytest.mark.parametrize("member", ["config.json", "model.weights.h5"])
def test_a_file_without_a_member_is_said(folder, member):
    whole = folder / "whole.keras"
    wszoo.save(wszoo.get("conv_net", width=4, depth=1, head=2), whole)
    lacking = folder / "lacking.keras"
    with zipfile.ZipFile(whole) as old, zipfile.ZipFile(lacking, "w") as new:
        for name in old.namelist():
            if name != member:
                new.writestr(name, old.read(name))
    with pytest.raises(ValueError, match=r"lacking\.keras"):
        wszoo.load(lacking)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    path = tmp_path_factory.mktemp("sound") / "m.keras"
    wszoo.save(wszoo.get("conv_net", width=4, depth=1, head=2), path)
    return path


def changed(sound, path, member, change):
    """A copy of the file in which a JSON member is another."""
    with zipfile.ZipFile(sound) as old, zipfile.ZipFile(path, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == member:
                value = json.loads(data)
                change(value)
                data = json.dumps(value).encode()
            new.writestr(name, data)
    return path


def first_convolution(value):
    return next(v for v in value["config"]["layers"] if v["class_name"] == "Conv2D")["config"]


@pytest.mark.parametrize("filters", [10**6, 10**12])
def test_a_config_that_declares_more_than_the_file_holds_is_refused(sound, folder, filters):
    def giant(value):
        first_convolution(value)["filters"] = filters

    path = changed(sound, folder / "giant.keras", "config.json", giant)
    with pytest.raises(ValueError, match=r"giant\.keras.*for which the file holds nothing"):
        wszoo.load(path)
    keras.layers.Dense(10**6).build((None, 5))  # outside of a file anything goes


def test_a_bomb_and_a_changed_byte_are_seen_before_anything_is_built(sound, folder, monkeypatch):
    monkeypatch.setattr(declared, "FLOOR", 2**22)
    path = folder / "bomb.keras"
    shutil.copy(sound, path)
    with (
        zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("assets/zeros", "w") as member,
    ):
        member.write(bytes(2**24))
    with pytest.raises(ValueError, match=r"bomb\.keras.*declares 16,.*more than 20 times"):
        wszoo.load(path)
    data = bytearray(sound.read_bytes())
    data[data.index(b"\x89HDF") + 5000] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"'model\.weights\.h5' does not have its checksum"):
        wszoo.load(path)


NOTES = {
    "sites": (5, "sites must be a list of texts; received 5"),
    "declared": ([1], "each of declared must be a text"),
    "about": ({"class_names": "ab"}, "class_names must be a list of texts"),
    "trainable": ("1", "trainable must be an object"),
    "optimized": (["a"], "a place in optimized must be a whole number"),
}


@pytest.mark.parametrize("name", NOTES)
def test_a_note_of_other_types_ends_in_a_sentence(sound, folder, name):
    value, words = NOTES[name]
    path = changed(sound, folder / "n.keras", "wszoo.json", lambda v: v.update({name: value}))
    with pytest.raises(ValueError, match=rf"n\.keras.*{words}"):
        wszoo.load(path)
