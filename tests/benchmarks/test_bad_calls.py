"""Wrong arguments: a sample of the campaign in `benchmarks/faults`, and NaN by name."""

import json
import math
import os
import subprocess
import sys
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import wszoo
from benchmarks.faults import bad_calls
from benchmarks.faults.calls import legal_values, public_names
from benchmarks.faults.calls.exempt import EXEMPT
from benchmarks.faults.calls.valid import VALID
from benchmarks.faults.calls.world import World
from wszoo import arguments, cards, training, weights
from wszoo.arguments import checked, each
from wszoo.comparison import Conditions, Study
from wszoo.exporting import gate, parity
from wszoo.exporting.onnx.write import onnx_file
from wszoo.exporting.saved_model import agreement
from wszoo.exporting.saved_model.write import saved_model
from wszoo.exporting.tflite.write import litert
from wszoo.transferring.run import transfer
from wszoo.tuner import Round, SearchSpace, race

NAN = float("nan")


@pytest.fixture
def dense():
    inputs = keras.Input((3,), name="x")
    return keras.Model(inputs, keras.layers.Dense(2, name="y")(inputs), name="small")


def lost(model):
    """The model after a training that diverged."""
    model.set_weights([np.full_like(value, NAN) for value in model.get_weights()])
    return model


def test_every_public_name_has_a_valid_call_or_a_reason_for_none():
    names = set(public_names.public())
    assert {"get", "SharingPlan.tie", "layers.Scale", "data.load", "tuner.search"} <= names
    assert {"transfer", "export", "comparison.Study"} <= names
    assert len(names) > 150
    assert not names - set(VALID) - set(EXEMPT)
    assert not set(VALID) & set(EXEMPT)
    assert all(reason for _, reason in legal_values.LEGAL.values())


@pytest.mark.filterwarnings("ignore:.*tell nothing new there")  # its splits are one array
@pytest.mark.parametrize("seed", [0])
def test_wrong_calls_are_refused_by_the_name_of_what_is_wrong(tmp_path, seed):
    found = bad_calls.run(tmp_path, seed=seed, short=True)
    assert found["tried"] > 300
    assert [row for row in found["rows"] if "outcome" in row] == []
    assert found["accepted"] == found["vague"] == 0


def test_the_campaign_tells_what_is_accepted_vague_and_deep_from_what_is_clear():
    def outcome(function, argument, value):
        wrong = bad_calls.Wrong("f", argument, "number", value)
        try:
            function(**{argument: value})
        except Exception as error:
            return bad_calls._judged(wrong, error)[0]
        return "accepted"

    assert outcome(lambda rate: training.cosine(0.1, rate), "rate", NAN) == "clear"
    assert outcome(np.zeros, "shape", "three") == "deep"  # another package's traceback
    assert outcome(lambda x: x, "x", 5) == "accepted"
    assert outcome(lambda z: wszoo.get("no such"), "z", 5.25) == "vague"


# The decorator


@checked(several=each(arguments.count), free=None)
def function(epochs, rate=0.1, *, several=(1,), free=0, word: "str | None" = None, size: int = 1):
    return epochs, rate, several, free, word, size


def test_arguments_are_checked_by_own_rule_name_and_annotation():
    assert function(2, 1, several=[3], free="x", word="a") == (2, 1, [3], "x", "a", 1)
    for name, value in {
        "epochs": 0, "rate": NAN, "several": [0], "word": "", "size": 1.5,
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=rf"{name}.* must be .*; received"):
            function(**{"epochs": 1, name: value})


def test_none_may_be_given_where_it_is_the_default_or_annotated():
    assert function(1, word=None)[4] is None
    with pytest.raises(ValueError, match="size must be a whole number"):
        function(1, size=None)


def test_numbers_of_numpy_become_plain():
    found = function(np.int64(3), np.float32(0.5))
    assert type(found[0]) is int
    assert type(found[1]) is float


def test_unknown_arguments_name_near_ones():
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'; did you mean 'epo"):
        function(1, epoch=2)
    with pytest.raises(ValueError, match=r"Scale has no argument 'initail'; did you mean 'init"):
        wszoo.layers.Scale(initail=1.0)


@pytest.mark.parametrize("bad", [NAN, float("inf"), -float("inf")])
def test_the_row_that_is_not_finite_is_named(bad):
    x = np.zeros((40, 3), "float32")
    x[17, 2] = bad
    with pytest.raises(ValueError, match=r"x of train must be finite.* row 17 "):
        arguments.pair("train", (x, np.zeros(40)))


def test_layers_come_back_from_their_configs():
    world = World(None, 0)
    for name, item in public_names.public().items():
        if isinstance(item, type) and issubclass(item, keras.Layer) and "Adapted" not in name:
            layer = item(**VALID[name](world))
            again = item.from_config(layer.get_config())
            assert again.get_config() == layer.get_config()


# NaN, by name


@pytest.mark.parametrize("write", [litert, onnx_file, saved_model, wszoo.export], ids=lambda f: "")
@pytest.mark.parametrize("bad", [NAN, float("inf")])
def test_inputs_that_are_not_finite_are_refused(dense, tmp_path, write, bad):
    x = np.ones((4, 3), "float32")
    x[2, 1] = bad
    with pytest.raises(ValueError, match=r"inputs\['x'\] must be finite.* row 2 "):
        write(dense, tmp_path / "made", inputs={"x": x})
    assert not list(tmp_path.iterdir())


def test_a_model_that_gives_nan_is_not_exported(dense, tmp_path):
    with pytest.raises(ValueError, match="Keras itself gives NaN in the outputs y"):
        litert(lost(dense), tmp_path / "lost.tflite")
    calls = SimpleNamespace(model=dense)
    wanted = {"serving_default": agreement.Wanted([{"y": np.array([NAN])}])}
    with pytest.raises(ValueError, match="Keras itself gives NaN in the outputs y"):
        agreement.check(calls, tmp_path, wanted)
    assert not list(tmp_path.iterdir())


def test_infinity_has_to_be_where_keras_has_it():
    outputs = {"y": np.array([1.0, -math.inf])}
    gate.check_no_nan("the file", outputs)
    assert parity.relative_error(outputs, outputs) == 0
    assert parity.relative_error({"y": np.array([1.0, 2.0])}, outputs) == math.inf


CALIBRATIONS = """
import sys
import keras, numpy as np
from wszoo.exporting.tflite.write import litert

inputs = keras.Input((3,), name="x")
model = keras.Model(inputs, keras.layers.Dense(2, name="y")(inputs), name="small")
x = np.ones((4, 3), "float32")
bad = x.copy()
bad[1, 0] = np.nan
for made, given in ((model, bad), (None, x)):
    if made is None:
        made = model
        made.set_weights([np.full_like(value, np.nan) for value in model.get_weights()])
    try:
        litert(made, sys.argv[1], "int8", calibration={"x": given})
    except ValueError as error:
        print(error)
"""


def test_nan_in_calibration_does_not_reach_the_converter(tmp_path):
    ran = subprocess.run(
        [sys.executable, "-c", CALIBRATIONS, tmp_path / "made.tflite"],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TF_CPP_MIN_LOG_LEVEL": "3"},
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "calibration['x'] must be finite" in ran.stdout
    assert "'small' gives NaN or infinity in the outputs y on calibration" in ran.stdout
    assert not list(tmp_path.iterdir())


def test_weights_that_are_not_finite_are_not_shipped(dense, tmp_path):
    card = dict.fromkeys(cards.KEYS, "x")
    with pytest.raises(ValueError, match=r"'y/kernel' of 'small' hold NaN or infinity"):
        weights.write(tmp_path / "lost", lost(dense), card)
    assert not list(tmp_path.iterdir())


def card_of(model):
    """A card with a value of its type under each key."""
    texts = dict.fromkeys(cards.KEYS, "x")
    return texts | {"plan": wszoo.plan_of(model).to_dict(), "config": {}, "seed": 0, "versions": {}}


def test_a_card_is_json_or_not_written(dense, tmp_path):
    card = card_of(dense) | {"metrics": {}, "remark": [NAN]}
    with pytest.raises(ValueError, match=r"the card of .* holds NaN or infinity"):
        weights.write(tmp_path / "lost", dense, card)
    assert not list(tmp_path.iterdir())


# Training that diverges


def test_a_pretraining_that_diverges_ends(dense):
    x = np.full((8, 3), 1e30, "float32")
    data = training.EpochData(lambda epoch: (x, x[:, :2]), 4, 8, 3)
    dense.compile("sgd", loss="mse")
    with pytest.raises(ValueError, match=r"training diverged: loss is (inf|nan) in epoch 0"):
        dense.fit(data, epochs=3, shuffle=False, verbose=0, callbacks=data.callbacks)


def test_a_transfer_that_diverges_ends_and_keeps_no_backup(dense, tmp_path):
    x, y = np.ones((8, 3), "float32"), np.linspace(1e29, 1e30, 8, dtype="float32")
    data = {"train": (x, y), "validation": (x, y), "test": (x, y)}
    with pytest.raises(ValueError, match=r"training diverged: (val_)?loss is (inf|nan) in epoch 0"):
        transfer(dense, "regression", data, epochs=2, probe_first=False, optimizer=None,
                 head=keras.layers.Dense(1), resume=tmp_path, verbose=0)  # fmt: skip
    assert not list(tmp_path.glob("*.h5"))


def test_a_race_does_not_rank_plans_by_nan():
    plans = list(SearchSpace.plain(("a", "b")))
    with pytest.raises(ValueError, match="measure gave nan for the plan A"):
        race(plans, lambda pairs: np.full(len(pairs), NAN), [Round(1, 1)])


def test_a_comparison_writes_json_of_a_training_that_diverged(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.random((80, 4, 4, 1), dtype="float32"), np.arange(80) % 4
    source = wszoo.data.from_arrays(x, y, name="noise")
    conditions = Conditions("reconstruction", steps=2, points=1, rates=(1e-3,))
    arms = [wszoo.comparison.Arm(name, make, {"name": name})
            for name, make in {"fine": same, "lost": lost_same}.items()]  # fmt: skip
    study = Study(arms, source, conditions, (8,), 2, tmp_path)
    found = study.run()
    assert {math.isfinite(r["test"]) for r in found if r["label"] == "lost"} == {False}
    assert {math.isfinite(r["test"]) for r in found if r["label"] == "fine"} == {True}
    for path in tmp_path.glob("*.json"):
        json.loads(path.read_text(), parse_constant=pytest.fail)
    again = Study(arms, source, conditions, (8,), 2, tmp_path).run()
    np.testing.assert_equal(again, found)


def same():
    return keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Conv2D(1, 1)])


def lost_same():
    """A model whose outputs are infinite."""
    return keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Rescaling(1e38),
                             keras.layers.Rescaling(1e38), keras.layers.Conv2D(1, 1)])  # fmt: skip
