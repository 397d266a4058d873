"""wszoo.claims: a folder is of one claim, whoever comes first, and whatever decides is in it."""

import json

import keras
import numpy as np
import pytest

from wszoo.claims import claim

BEGUN = {"epochs": 3, "widths": (1, 2), "rate": 0.1 + 0.2}


@pytest.fixture
def folder(tmp_path):
    """Of a run that has begun, and has a result."""
    claim(tmp_path / "run", BEGUN)
    (tmp_path / "run" / "result").touch()
    return tmp_path / "run"


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_run_folder_belongs_to_its_claim(folder):
    before = files(folder)
    claim(folder, {**BEGUN, "widths": [1, 2]})
    with pytest.raises(ValueError, match="begun with epochs=3, not epochs=4; go on with the same"):
        claim(folder, {**BEGUN, "epochs": 4})
    with pytest.raises(ValueError, match=r"rate=0.30000000000000004, not rate=0.3;"):
        claim(folder, {**BEGUN, "rate": 0.3})
    with pytest.raises(ValueError, match="seed=None, not seed=1"):
        claim(folder, {**BEGUN, "seed": 1})
    assert files(folder) == before


def test_what_differs_is_named_by_its_path(folder, tmp_path):
    x = np.arange(6.0)
    decides = {"train": (x, x), "held": {"x": x}}
    claim(tmp_path / "other", decides)
    (tmp_path / "other" / "result").touch()
    with pytest.raises(ValueError, match=r"begun with held.x='float64\(6,\) \w+', not held.x="):
        claim(tmp_path / "other", decides | {"held": {"x": x[::-1]}})
    with pytest.raises(ValueError, match=r"train.1='float64"):
        claim(tmp_path / "other", decides | {"train": (x, x + 1e-12)})


def test_a_claim_without_a_result_is_no_run(tmp_path):
    claim(tmp_path, {"batch_size": 64})
    claim(tmp_path, {"batch_size": 32})
    assert json.loads((tmp_path / "settings.json").read_text())["batch_size"] == 32


def test_what_cannot_be_written_down_is_refused_before_anything_is_written(tmp_path):
    with (tmp_path / "file").open("w") as file, pytest.raises(ValueError, match="its augment: a _"):
        claim(tmp_path / "run", {"augment": lambda x: file.write(x)})
    assert not (tmp_path / "run").exists()


def test_a_claim_that_cannot_be_read_is_said(folder):
    (folder / "settings.json").write_text("{")
    with pytest.raises(ValueError, match=r"settings.json' cannot be read .* remove its folder"):
        claim(folder, BEGUN)


def test_another_float_type_is_another_run(folder):
    before = keras.config.floatx()
    try:
        keras.config.set_floatx("float64")
        with pytest.raises(ValueError, match=r"float32', not keras=.*float64'"):
            claim(folder, BEGUN)
    finally:
        keras.config.set_floatx(before)
