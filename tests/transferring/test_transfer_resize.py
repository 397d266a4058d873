"""How images come to a backbone's size is said, kept with the model, and obeyed afterwards."""

import keras
import numpy as np
import pytest
from PIL import Image

import wszoo
from wszoo.data import Source, from_arrays, load
from wszoo.data.examples import examples
from wszoo.evaluation import data_of
from wszoo.sharing.about import about

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (60, 8, 24, 1), dtype=np.uint8)
Y = np.arange(60) % 2


@pytest.fixture
def net():
    inputs = keras.Input((8, 8, 1))
    pixels = keras.layers.Flatten()(inputs)
    return keras.Model(inputs, keras.layers.Dense(4, name="features")(pixels))


def test_a_model_keeps_its_way_through_a_file_and_its_data_come_that_way(net, tmp_path):
    for i, (pixels, label) in enumerate(zip(X[..., 0], Y, strict=True)):
        (tmp_path / "set" / "ab"[label]).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "set" / "ab"[label] / f"{i}.png")
    result = wszoo.transfer(net, data=tmp_path / "set", epochs=1, resize="pad", verbose=0)
    facts = {"task": "classification", "class_names": ["a", "b"], "image_size": 8, "resize": "pad"}
    facts |= {"input_range": [0.0, 1.0]}
    assert about(result.model) == facts and result.notes == ()
    wszoo.save(result.model, tmp_path / "m.keras")
    again = wszoo.load(tmp_path / "m.keras")
    assert about(again) == facts
    source, _ = data_of(again, str(tmp_path / "m.keras"), str(tmp_path / "set"))
    assert source.resize == "pad"
    assert source.fingerprint() == load(tmp_path / "set", image_size=8, resize="pad").fingerprint()


def test_a_crop_that_was_not_asked_for_is_in_the_notes(net):
    with pytest.warns(UserWarning, match="60 of 60 images lose up to 67%"):
        result = wszoo.transfer(net, data=(X, Y), epochs=1, verbose=0)
    assert about(result.model)["resize"] == "crop" and "lose up to 67%" in result.notes[0]


def test_a_source_that_came_another_way_is_refused():
    source = from_arrays(X, Y, name="s", image_size=8, resize="pad")
    assert examples(source, image_size=8).resize == "pad"
    with pytest.raises(ValueError, match="s was read with resize='pad'; read it with"):
        examples(source, image_size=8, resize="crop")
    wide = Source("s", from_arrays(X, Y, name="s").splits, ("a", "b"), "", "")
    assert wide.resize == "crop"  # what is made by hand has the default
    with pytest.warns(UserWarning, match="60 of 60 images lose up to 67%"):
        assert "lose up to 67%" in examples(wide, image_size=8).notes[0]
    made = examples(wide, image_size=8, resize="stretch")
    assert made.resize == "stretch" and made.input_shape == (8, 8, 1)
    asked = from_arrays(X, Y, name="s", image_size=8, resize="stretch").arrays("test")[0]
    assert np.array_equal(made.splits["test"][0], asked)


def test_arrays_go_through_the_table_of_types():
    deep = examples((X.astype("u2") * 257, Y)).splits["train"][0]
    assert np.allclose(deep, examples((X, Y)).splits["train"][0])
    with pytest.raises(ValueError, match="x is int64, from 0 to 255; whole numbers"):
        examples((X.astype("i8"), Y))
    with pytest.warns(UserWarning, match="run from 0 to 255"):
        assert "run from 0 to 255" in examples((X.astype("f4"), Y)).notes[0]
    with pytest.warns(UserWarning, match="10 of 10 examples of test are in train"):
        examples(((X[:50], Y[:50]), (X[50:], Y[50:]), (X[:10], Y[:10])))
