"""Files keep names, plan, flags and outputs, appear whole or not at all, and are not believed."""

import json
import zipfile

import hand_built
import keras
import numpy as np
import pytest
from hand_built import dense, numbers, randomise
from keras import layers
from test_retie import assert_same_outputs

import wszoo
from wszoo.sharing.about import about, describe
from wszoo.sharing.files import file_parameters
from wszoo.sharing.graph import names_of, remember

# A Lambda is code: see test_code_in_a_file_is_not_run.
SAVED = sorted(set(hand_built.BUILDERS) - {"with_lambda", "own_class"})


@pytest.mark.parametrize("name", SAVED)
def test_round_trip(name, tmp_path):
    model, inputs = hand_built.make(name)
    renamed = [f"site_{i}" for i in range(len(wszoo.sites(model)))]
    plan = wszoo.SharingPlan.from_pattern(renamed, wszoo.plan_of(model).pattern)
    remember(model, renamed, renamed[:2])
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    assert names_of(loaded) == names_of(model)
    assert wszoo.plan_of(loaded) == plan
    assert len(loaded.weights) == len(model.weights)
    assert [v.trainable for v in loaded.weights] == [v.trainable for v in model.weights]
    if name == "always_dropping":  # Keras writes no random states: the file's is that of the seed
        for old, new in zip(model.variables, loaded.variables, strict=True):
            old.assign(new)
    assert_same_outputs(model, loaded, inputs)


@pytest.mark.parametrize("name", ["repeated", "crossed", "normed", "sequential"])
def test_keras_alone_reads_the_file(name, tmp_path):
    model, inputs = hand_built.make(name)
    wszoo.save(model, tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert wszoo.plan_of(loaded).pattern == wszoo.plan_of(model).pattern
    assert_same_outputs(model, loaded, inputs)


def test_a_file_written_by_keras_alone_is_read(tmp_path):
    model, inputs = hand_built.make("repeated")
    model.save(tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    assert wszoo.plan_of(loaded) == wszoo.plan_of(model)
    assert_same_outputs(model, loaded, inputs)


@pytest.mark.parametrize("name", SAVED)
def test_the_file_stores_what_the_audit_says(name, tmp_path):
    model, _ = hand_built.make(name)
    unique = {id(w): w for w in model.weights}.values()
    stored = sum(int(np.prod(w.shape)) for w in unique)
    wszoo.save(model, tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    assert wszoo.audit(model).stored_parameters == stored
    assert file_parameters(tmp_path / "model.keras") == stored
    assert file_parameters(tmp_path / "model.weights.h5") == stored


def test_optimizer_metrics_and_random_states_are_not_counted(tmp_path):
    inputs = keras.Input((8, 8, 1))
    x = layers.Dropout(0.5)(layers.RandomRotation(0.1)(inputs))
    model = keras.Model(inputs, layers.Dense(2)(layers.Flatten()(x)))
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(np.zeros((4, 8, 8, 1)), np.zeros((4, 2)), verbose=0)
    wszoo.save(model, tmp_path / "model.keras")
    assert file_parameters(tmp_path / "model.keras") == model.count_params()
    loaded = wszoo.load(tmp_path / "model.keras")
    assert int(loaded.optimizer.iterations) == int(model.optimizer.iterations) == 1


def test_flags_are_kept(tmp_path):
    x = inputs = keras.Input((4,))
    for i in range(3):
        x = dense(f"d_{i}")(x)
    model = keras.Model(inputs, layers.BatchNormalization(name="norm")(x))
    model.get_layer("d_1").trainable = model.get_layer("norm").trainable = False
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    assert [layer.trainable for layer in loaded.layers] == [la.trainable for la in model.layers]
    assert len(loaded.trainable_weights) == len(model.trainable_weights) == 4


@pytest.fixture
def saved(tmp_path):
    model, _ = hand_built.make("repeated")
    path = tmp_path / "model.keras"
    wszoo.save(model, path)
    return path


class Broken(layers.Dense):
    def save_own_variables(self, store):
        raise RuntimeError("the disk is full")


def test_a_save_that_fails_leaves_the_old_file_and_nothing_else(saved):
    before = saved.read_bytes()
    inputs = keras.Input((4,))
    with pytest.raises(RuntimeError, match="the disk is full"):
        wszoo.save(keras.Model(inputs, Broken(4)(dense()(inputs))), saved)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_save_takes_the_place_of_the_old_file(saved):
    model, inputs = hand_built.make("crossed")
    wszoo.save(model, saved)
    assert_same_outputs(model, wszoo.load(saved), inputs)
    assert list(saved.parent.iterdir()) == [saved]


def test_missing_folders_are_made(tmp_path):
    model, _ = hand_built.make("crossed")
    wszoo.save(model, tmp_path / "new" / "folder" / "model.keras")
    assert wszoo.plan_of(wszoo.load(tmp_path / "new" / "folder" / "model.keras")).sites


def rewritten(path, change):
    """The file with its wszoo.json changed."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    note = json.loads(members["wszoo.json"])
    members["wszoo.json"] = change(note).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    "change",
    [
        lambda note: json.dumps(note | {"pattern": "ABACADAB"}),
        lambda note: json.dumps(note | {"pattern": "AAAAAAAA"}),
        lambda note: json.dumps(note | {"pattern": "AB"}),
        lambda note: json.dumps(note | {"sites": note["sites"][:3]}),
        lambda note: json.dumps(note | {"sites": [note["sites"][0]] * len(note["sites"])}),
        lambda note: json.dumps(note | {"declared": ["nowhere"]}),
        lambda note: json.dumps({"pattern": note["pattern"]}),
        lambda note: json.dumps([1]),
        lambda note: "{not json",
    ],
)
def test_a_plan_that_is_not_the_graphs_is_refused(saved, change):
    rewritten(saved, change)
    with pytest.raises(ValueError, match=r"model\.keras"):
        wszoo.load(saved)


def test_the_untampered_rewrite_is_read(saved):
    rewritten(saved, json.dumps)
    assert wszoo.plan_of(wszoo.load(saved)).pattern == "ABACADAE"


@pytest.mark.parametrize("keep", [0, 10, 0.5, 0.99])
def test_a_file_cut_off_is_refused(saved, keep):
    data = saved.read_bytes()
    saved.write_bytes(data[: int(keep * len(data)) if keep < 1 else keep])
    with pytest.raises(ValueError, match=r"model\.keras' is not a \.keras file .* cut off"):
        wszoo.load(saved)


def test_a_changed_byte_is_seen(saved):
    with zipfile.ZipFile(saved) as archive:
        info = archive.getinfo("model.weights.h5")
        at = info.header_offset + info.file_size // 2
    data = bytearray(saved.read_bytes())
    data[at] ^= 0xFF
    saved.write_bytes(data)
    with pytest.raises(ValueError, match=r"model\.keras' is damaged"):
        wszoo.load(saved)


def test_other_files_are_refused(tmp_path, saved):
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(ValueError, match=r"other\.keras' is damaged, or no \.keras file"):
        wszoo.load(tmp_path / "other.keras")
    with pytest.raises(FileNotFoundError, match=r"missing\.keras"):
        wszoo.load(tmp_path / "missing.keras")
    model, _ = hand_built.make("crossed")
    with pytest.raises(ValueError, match=r"ends in \.keras; received .*model\.h5"):
        wszoo.save(model, tmp_path / "model.h5")


def test_code_in_a_file_is_not_run(tmp_path):
    model, _ = hand_built.make("with_lambda")
    wszoo.save(model, tmp_path / "model.keras")
    with pytest.raises(ValueError, match="Lambda"):
        wszoo.load(tmp_path / "model.keras")


def test_a_nested_sequential_that_repeats_a_layer_is_refused(tmp_path):
    inputs, repeated = keras.Input((4,)), layers.Dense(4)
    model = keras.Model(inputs, keras.Sequential([repeated, repeated], name="twice")(inputs))
    with pytest.raises(ValueError, match=r"'twice' inside .* more than once"):
        wszoo.save(model, tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())


def test_sequential_that_repeats_a_layer_round_trips(tmp_path):
    """Keras' own file of it drops the second call."""
    shared = dense("shared", activation="tanh")
    model = randomise(keras.Sequential([keras.Input((4,)), shared, shared]))
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    assert wszoo.plan_of(loaded).pattern == "AA"
    assert_same_outputs(model, loaded, numbers(4))


def test_facts_travel_through_copies_and_files(tmp_path):
    model, _ = hand_built.make("repeated")
    describe(model, class_names=["cat", "dog"], image_size=28, resize="crop")
    describe(model, resize=None)
    wszoo.save(wszoo.untied_twin(model), tmp_path / "model.keras")
    assert about(wszoo.load(tmp_path / "model.keras")) == {
        "class_names": ["cat", "dog"],
        "image_size": 28,
    }
    with pytest.raises(ValueError, match="kept as JSON"):
        describe(model, scale=float("nan"))


def test_files_in_which_a_nested_model_is_one_site_are_read(tmp_path):
    model, inputs = hand_built.make("nested")
    keras.saving.save_model(model, tmp_path / "old.keras")
    note = {"sites": ["shared", "other", "shared.1"], "pattern": "ABA"}
    note |= {"declared": note["sites"], "wszoo": "0.1.0"}
    with zipfile.ZipFile(tmp_path / "old.keras", "a") as archive:
        archive.writestr("wszoo.json", json.dumps(note))
    loaded = wszoo.load(tmp_path / "old.keras")
    assert wszoo.sites(loaded) == wszoo.sites(model)
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
