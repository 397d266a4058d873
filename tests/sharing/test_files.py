"""Files keep names, plan, flags and outputs, appear whole or not at all, and are not believed."""

import json
import random
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
from wszoo.sharing.files.arrays import file_parameters
from wszoo.sharing.flags import flags_of, set_flags
from wszoo.sharing.graph import names_of, remember

# A Lambda is code and the class is not registered: see test_what_would_not_come_back_is_not_saved.
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


def frozen_here_and_there(model):
    """Freezes a layer with all its parts, a part of another, and single weights."""
    flagged = model._flatten_layers(include_self=False)
    for layer in flagged[1::4]:
        layer.trainable = False
    for weight in model.weights[::3]:
        weight.trainable = False
    for layer in flagged[2::4]:
        layer.trainable = True
    for weight in model.weights[1::4]:
        weight.trainable = False
    return model


@pytest.mark.parametrize("name", ["attention", "masked", "nested", "normed", "repeated"])
def test_flags_are_kept_by_variable(name, tmp_path):
    model = frozen_here_and_there(hand_built.make(name)[0])
    kept = [v.trainable for v in model.weights]
    assert len(set(kept)) == 2
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    assert [v.trainable for v in loaded.weights] == kept
    assert len(loaded.trainable_weights) == len(model.trainable_weights)
    for old, new in zip(model._flatten_layers(), loaded._flatten_layers(), strict=True):
        assert (type(old), old.trainable) == (type(new), new.trainable)


def test_a_frozen_attention_stays_frozen(tmp_path):
    """Keras' own file thaws its parts."""
    inputs = keras.Input((6, 16))
    attention = layers.MultiHeadAttention(2, 8, name="attention")
    model = keras.Model(inputs, dense("head")(attention(inputs, inputs)))
    attention.trainable = False
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    assert [v.path for v in loaded.trainable_weights] == ["head/kernel", "head/bias"]
    loaded.get_layer("attention").trainable = True
    assert len(loaded.trainable_weights) == len(model.weights)


def test_a_layer_that_two_others_hold_keeps_its_own_flag(tmp_path):
    inner = dense("inner")
    first, second = (keras.Sequential([keras.Input((4,)), inner], name=n) for n in ("a", "b"))
    flags = flags_of(first)
    inner.trainable = False
    holder = keras.Sequential([keras.Input((4,)), first, second])
    kept = flags_of(holder)
    set_flags(first, flags)
    assert inner.kernel.trainable
    set_flags(holder, kept)
    assert (first.trainable, inner.trainable, inner.kernel.trainable) == (True, False, False)


def trained(model, inputs, steps=1):
    """Trained for some steps on zeros; compiled before, where it is not."""
    if not model.compiled:
        model.compile("adam", "mse", metrics=["mae"], run_eagerly=True)
    targets = np.zeros(keras.tree.flatten(model(inputs))[0].shape)
    for _ in range(steps):
        model.train_on_batch(inputs, targets)
    return model


def small_sequential(repeats):
    shared = dense("shared", activation="tanh")
    last = shared if repeats else dense("last")
    return randomise(keras.Sequential([keras.Input((4,)), shared, last]))


@pytest.mark.parametrize(
    ("build", "frozen"),
    [
        (lambda: small_sequential(False), "nothing"),
        (lambda: small_sequential(True), "before"),
        (lambda: hand_built.make("crossed")[0], "nothing"),
        (lambda: hand_built.make("crossed")[0], "before"),
        (lambda: hand_built.make("crossed")[0], "after"),
    ],
)
def test_a_compiled_model_goes_on_as_if_it_had_not_been_saved(build, frozen, tmp_path):
    """The optimizer's moments are those of the same variables, whenever others were frozen."""
    model, inputs = build(), numbers(4)
    kernel = model.get_layer("shared").kernel
    kernel.trainable = frozen != "before"
    trained(model, inputs, steps=2)
    kernel.trainable = frozen == "nothing"
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    assert loaded.compiled and loaded.metrics_names == model.metrics_names
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)
    for old, new in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(old, new)
    assert len(loaded.trainable_weights) == len(model.trainable_weights)
    if frozen == "after":  # for Keras that holds from the next compile on
        for each in (model, loaded):
            each.compile("sgd", "mse", run_eagerly=True)
    trained(model, inputs)
    assert_same_outputs(model, trained(loaded, inputs), inputs)
    if isinstance(model, keras.Sequential):
        repeats = len(wszoo.plan_of(model).groups) == 1
        assert isinstance(loaded, keras.Sequential) != repeats  # Keras lists a layer once


def test_a_model_that_was_compiled_and_not_trained_has_no_moments(tmp_path):
    model, inputs = hand_built.make("crossed")
    model.compile(keras.optimizers.Adam(0.3), "mse", run_eagerly=True)
    wszoo.save(model, tmp_path / "model.keras")
    loaded = trained(wszoo.load(tmp_path / "model.keras"), inputs)
    assert float(loaded.optimizer.learning_rate) == pytest.approx(0.3)
    assert_same_outputs(trained(model, inputs), loaded, inputs)


@keras.saving.register_keras_serializable(package="wszoo_tests")
class Unbuilding(layers.Layer):
    """Without a `build` and of known output shape: Keras marks it as built and calls nothing."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.norm = layers.LayerNormalization()

    def call(self, inputs):
        return self.norm(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape


def test_layers_that_their_calls_build_come_back(tmp_path):
    inputs = keras.Input((4,))
    model = randomise(keras.Model(inputs, dense()(Unbuilding()(inputs))))
    wszoo.save(model, tmp_path / "model.keras")
    assert_same_outputs(model, wszoo.load(tmp_path / "model.keras"), numbers(4))
    assert_same_outputs(model, keras.saving.load_model(tmp_path / "model.keras"), numbers(4))


class Unregistered(layers.Dense):
    """A class that Keras cannot find."""


class Nameless(layers.Layer):
    """Made from a function, of which Keras makes no config."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(inputs)


@keras.saving.register_keras_serializable(package="wszoo_tests")
class Incomplete(Unbuilding):
    """Its `build` leaves out its part, which is built by the first call with numbers."""

    def build(self, input_shape):
        pass


def with_layer(layer):
    inputs = keras.Input((4,))
    return keras.Model(inputs, dense("head")(layer(inputs)))


def with_loss(loss):
    model = with_layer(dense())
    model.compile("sgd", loss)
    return model


def built_late():
    model = with_layer(Incomplete())
    model(numbers(4))
    return model


def unknown_loss(y, outputs):
    return keras.ops.mean(y - outputs)


NOT_BACK = {
    "lambda": (lambda: hand_built.make("with_lambda")[0], "a lambda is Python code"),
    "class": (lambda: with_layer(Unregistered(4)), "Could not locate class 'Unregistered'.*regist"),
    "config": (lambda: with_layer(Nameless(keras.ops.abs)), "override `get_config"),
    "loss": (lambda: with_loss(unknown_loss), "compiled with.* 'unknown_loss'.* not compiled and"),
    "loss of code": (lambda: with_loss(lambda y, z: y - z), "compiled with.*a lambda is Python"),
    "unbuilt": (built_late, "was never built"),
}


@pytest.mark.filterwarnings("ignore:The object being serialized includes a `lambda`")
@pytest.mark.parametrize("name", NOT_BACK)
def test_what_would_not_come_back_is_not_saved(name, saved):
    build, words = NOT_BACK[name]
    before = saved.read_bytes()
    with pytest.raises(ValueError, match=f"is not saved, .*{words}") as caught:
        wszoo.save(build(), saved)
    assert len(str(caught.value)) < 800 and "\n" not in str(caught.value)
    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_a_copy_that_is_not_compiled_can_be_saved_as_the_error_says(tmp_path):
    model = with_loss(unknown_loss)
    wszoo.save(wszoo.retie(model, wszoo.plan_of(model)), tmp_path / "model.keras")
    assert not wszoo.load(tmp_path / "model.keras").compiled


def test_save_draws_no_random_numbers(tmp_path):
    model, _ = hand_built.make("always_dropping")

    def drawn():
        return random.random(), np.random.random()

    keras.utils.set_random_seed(3)
    expected = drawn()
    keras.utils.set_random_seed(3)
    wszoo.save(model, tmp_path / "model.keras")
    assert drawn() == expected


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
        lambda note: json.dumps(note | {"trainable": {"layers": "1", "variables": "1"}}),
        lambda note: json.dumps(note | {"trainable": ["1"]}),
        lambda note: json.dumps(note | {"trainable": None}),
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
    model.save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="a lambda is Python code"):
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


def test_a_model_without_weights_is_a_model(tmp_path):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, layers.Activation("relu")(layers.Rescaling(2.0, -1.0)(inputs)))
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    x = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)
    wanted = np.maximum(2 * x - 1, 0)
    others = loaded, keras.saving.load_model(tmp_path / "model.keras")
    for other in (*others, wszoo.retie(model, None), wszoo.untied_twin(model)):
        np.testing.assert_allclose(other.predict_on_batch(x), wanted, rtol=1e-6)
        assert wszoo.sites(other) == () and not wszoo.plan_of(other).groups
    assert wszoo.audit(loaded).stored_parameters == file_parameters(tmp_path / "model.keras") == 0


def test_a_model_that_diverged_is_saved_as_it_is(tmp_path):
    model, _ = hand_built.make("repeated")
    model.compile("adam", "mse")
    x = np.full((4, *model.input_shape[1:]), np.nan, "float32")
    model.fit(x, model.predict(x, verbose=0), verbose=0)
    assert any(np.isnan(v).any() for v in model.optimizer.variables)
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    for old, new in zip(model.optimizer.variables, loaded.optimizer.variables, strict=True):
        np.testing.assert_array_equal(old, new)
