"""Model files from strangers: refused with a clear error, nothing run, nothing written."""

import shutil
import subprocess
import sys
import zipfile

import keras
import numpy as np
import pytest

import wszoo


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
