"""Models in models: seen through by what reads, one graph for what builds, equal outputs."""

import keras
import numpy as np
import pytest
from hand_built import dense, numbers, randomise
from keras import layers, ops

import wszoo
from wszoo.sharing import graph

pytestmark = pytest.mark.filterwarnings(  # Keras' own models carry the mask in spite of it
    "ignore:Layer '.*' \\(of type Functional\\) was passed an input with a mask"
)


def encoder(name="encoder", width=4):
    inputs, tied = keras.Input((width,)), dense("tied", width)
    x = layers.Dropout(0.5, name="drop", seed=3)(tied(inputs))
    return keras.Model(inputs, tied(layers.BatchNormalization(name="norm")(x)), name=name)


def twice():
    inputs, shared = keras.Input((4,)), encoder()
    return keras.Model(inputs, dense("head")(shared(shared(inputs)))), numbers(4)


def nesting_in_nesting():
    inner, middle, outer = encoder("inner"), keras.Input((4,)), keras.Input((4,))
    repeated = dense("repeated")
    stack = keras.Sequential([keras.Input((4,)), repeated, repeated], name="stack")
    block = keras.Model(middle, stack(inner(middle)) + inner(middle), name="block")
    return keras.Model(outer, dense("head")(block(stack(outer)))), numbers(4)


def structured():
    """Dicts and lists in and out; one input goes out as it is, one output is not used."""
    a, b = keras.Input((4,), name="a"), keras.Input((3,), name="b")
    by_name = keras.Model(
        {"a": a, "b": b},
        {"sum": dense("left")(a) + dense("right")(b), "same": b, "idle": dense("idle")(a)},
        name="by_name",
    )
    c, d = keras.Input((4,), name="c"), keras.Input((4,), name="d")
    by_place = keras.Model([c, d], [dense("minus")(c) - d, c], name="by_place")
    x, y = keras.Input((4,)), keras.Input((3,))
    out = by_name({"b": y, "a": x})
    more = by_place({"d": out["sum"], "c": x})
    again = by_place([more[0], more[1]])
    return keras.Model([x, y], [again[0], out["same"]]), [numbers(4), numbers(3, seed=2)]


def lent():
    """The head calls a layer of the backbone (language models of KerasHub)."""
    ids, outer = keras.Input((6,), dtype="int32"), keras.Input((6,), dtype="int32")
    embed = layers.ReversibleEmbedding(9, 4, name="embed")
    backbone = keras.Model(ids, dense("block")(embed(ids)), name="backbone")
    model = keras.Model(outer, backbone.get_layer("embed")(backbone(outer), reverse=True))
    return model, np.arange(18).reshape(3, 6) % 9


def in_two_models():
    shared = dense("shared")
    inputs = [keras.Input((4,)) for _ in range(3)]
    one = keras.Model(inputs[0], shared(inputs[0]), name="one")
    other = keras.Model(inputs[1], shared(inputs[1]), name="other")
    return keras.Model(inputs[2], other(dense("middle")(one(inputs[2])))), numbers(4)


def recurrent(name="recurrent"):
    inside = keras.Input((6, 4))
    x = layers.LSTM(4, return_sequences=True, name="first")(layers.Dropout(0.1)(inside))
    return keras.Model(inside, x, name=name)


IDS = np.array([[1, 2, 0, 0, 0, 0], [3] * 6, [4, 5, 6, 0, 0, 0]])


def masked():
    """An embedding's mask goes through a nested model to the layers behind it."""
    inputs = keras.Input((6,), dtype="int32")
    x = layers.Embedding(9, 4, mask_zero=True, name="embedding")(inputs)
    return keras.Model(inputs, layers.GRU(3, name="last")(recurrent()(x))), IDS


def mask_given():
    """The call states a mask, computed from another input."""
    x, keep = keras.Input((6, 4)), keras.Input((6,), dtype="int32")
    y = recurrent()(x, mask=keep > 0)
    return keras.Model([x, keep], layers.GRU(3, name="last")(y)), [numbers(6, 4), IDS]


def told_to_train():
    """`training` of the call of a nested model holds for all in it."""
    inputs = keras.Input((4,))
    x = encoder("noisy")(encoder("calm")(inputs), training=True)
    return keras.Model(inputs, dense("head")(x)), numbers(4)


def other_types():
    """A nested model takes its input in its own type and rank."""
    inside, line, outer = keras.Input((6,), dtype="int32"), keras.Input((4, 1)), keras.Input((6,))
    embed = keras.Model(inside, layers.Embedding(9, 4, name="embed")(inside), name="table")
    narrow = keras.Model(line, layers.Reshape((2, 2))(layers.ReLU()(line)), name="narrow")
    x = layers.Flatten()(embed(outer))[:, :4]
    return keras.Model(outer, dense("head")(narrow(x))), np.float32([[1.2, 2.9, 3, 4, 5, 0]] * 3)


BUILDERS = {
    build.__name__: build
    for build in (
        twice,
        nesting_in_nesting,
        structured,
        lent,
        in_two_models,
        masked,
        mask_given,
        told_to_train,
        other_types,
    )
}
SITES = {
    "twice": (
        "encoder.tied encoder.norm encoder.tied.1 encoder.tied.2 encoder.norm.1 encoder.tied.3 "
        "head",
        "ABAABAC",
    ),
    "lent": ("backbone.embed backbone.block embed", "ABA"),
    "in_two_models": ("one.shared middle other.shared", "ABA"),
}


def make(name):
    model, inputs = BUILDERS[name]()
    return randomise(model), inputs


def outputs_of(model, inputs, **kwargs):
    return [ops.convert_to_numpy(t) for t in keras.tree.flatten(model(inputs, **kwargs))]


def assert_equal(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def nodes_of(model):
    return {id(layer): len(layer._inbound_nodes) for layer in model._flatten_layers()}


@pytest.mark.parametrize("name", SITES)
def test_sites_are_named_behind_the_models_around_them(name):
    model, _ = make(name)
    sites, pattern = SITES[name]
    assert " ".join(wszoo.sites(model)) == sites
    assert wszoo.plan_of(model).pattern == pattern


@pytest.mark.parametrize("name", BUILDERS)
def test_the_flat_model_is_the_nested_one_in_one_graph(name):
    model, inputs = make(name)
    before = nodes_of(model)
    read, plan = wszoo.audit(model), wszoo.plan_of(model)
    flat = wszoo.flatten(model)
    assert nodes_of(model) == before
    assert not any(isinstance(layer, keras.Model) for layer in flat.layers)
    assert wszoo.sites(flat) == wszoo.sites(model)
    assert wszoo.plan_of(flat) == plan
    again = wszoo.audit(flat)
    assert again.groups == read.groups
    assert again.unused_parameters == 0
    for size in ("stored_parameters", "unrolled_parameters"):
        assert getattr(again, size) == getattr(read, size) - read.unused_parameters
    assert read.unused_parameters == (20 if name == "structured" else 0)
    states = (
        [v for v in model.variables if "seed" in v.path],
        [v for v in flat.variables if "seed" in v.path],
    )
    assert len(states[0]) == len(states[1])
    for kwargs in ({}, {"training": False}, {"training": True}):
        assert_equal(outputs_of(flat, inputs, **kwargs), outputs_of(model, inputs, **kwargs))
    # Statistics moved in the same way, too.
    assert_equal(outputs_of(flat, inputs), outputs_of(model, inputs))


@pytest.mark.parametrize("name", BUILDERS)
def test_the_twin_of_a_nested_model_shares_nothing(name):
    model, inputs = make(name)
    plan = wszoo.plan_of(model)
    twin = wszoo.untied_twin(model)
    assert wszoo.plan_of(twin) == wszoo.SharingPlan.untied(wszoo.sites(model))
    read = wszoo.audit(model)
    assert wszoo.audit(twin).stored_parameters == twin.count_params()
    assert twin.count_params() == read.unrolled_parameters - read.unused_parameters
    back = wszoo.retie(twin, plan)
    assert wszoo.plan_of(back) == plan
    expected = outputs_of(model, inputs, training=False)
    assert_equal(outputs_of(twin, inputs, training=False), expected)
    assert_equal(outputs_of(back, inputs, training=False), expected)


@pytest.mark.parametrize("name", BUILDERS)
def test_flat_models_are_kept_in_files(name, tmp_path):
    model, inputs = make(name)
    flat = wszoo.flatten(model)
    wszoo.save(flat, tmp_path / "flat.keras")
    loaded = wszoo.load(tmp_path / "flat.keras")
    assert wszoo.plan_of(loaded) == wszoo.plan_of(model)
    assert_equal(
        outputs_of(loaded, inputs, training=False), outputs_of(model, inputs, training=False)
    )


def test_what_trains_is_the_same():
    """Frozen from outside with one layer thawed, one layer frozen inside, one variable frozen."""
    shut, half, inputs = encoder("shut"), encoder("half"), keras.Input((4,))
    shut.trainable = False
    shut.get_layer("tied").trainable = True
    half.get_layer("norm").trainable = False
    half.get_layer("tied").bias.trainable = False
    model = randomise(keras.Model(inputs, half(shut(inputs))))
    flat = wszoo.flatten(model)
    trained = [[v.path.split("/")[-1] for v in m.trainable_variables] for m in (model, flat)]
    assert trained[0] == trained[1] == ["kernel", "bias", "kernel"]
    x = numbers(4)
    assert_equal(outputs_of(flat, x, training=True), outputs_of(model, x, training=True))
    for m in (model, flat):
        m.compile("sgd", "mse")
        m.fit(x, x, epochs=2, shuffle=False, verbose=0)
    assert_equal(outputs_of(flat, x), outputs_of(model, x))


def test_names_that_a_nested_model_remembers_are_lent():
    inner = wszoo.get("tied_ae")
    inputs = keras.Input(inner.inputs[0].shape[1:])
    model = keras.Model(inputs, dense("head")(inner(inputs)))
    names = tuple(f"{inner.name}.{site}" for site in wszoo.sites(inner))
    assert wszoo.sites(model) == (*names, "head")
    assert wszoo.plan_of(model).pattern[:-1] == wszoo.plan_of(inner).pattern
    assert set(graph.layers_of(wszoo.flatten(model))) == {*names, "head"}


@pytest.mark.parametrize("name", ["lent", "in_two_models"])
def test_sharing_between_graphs_that_keras_would_lose_is_not_saved(name, tmp_path):
    model, _ = make(name)
    with pytest.raises(ValueError, match=r"untied.*called in two graphs.*wszoo\.flatten"):
        wszoo.save(model, tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())


def test_of_two_graphs_the_layer_and_the_graphs_are_named(tmp_path):
    inputs, inside = keras.Input((4,)), keras.Input((4,))
    own, both = dense("own"), dense("both")
    inner = keras.Model(inside, both(own(inside)), name="inner")
    model = keras.Model(inputs, both(inner(dense("first")(inputs))), name="outer")
    with pytest.raises(ValueError, match="the layer 'both' is called in two graphs, those of 'inn"):
        wszoo.save(model, tmp_path / "model.keras")


@keras.saving.register_keras_serializable("tests")
class LanguageModel(keras.Model):
    """Its configuration makes its sharing again, so Keras' own files keep it."""

    def __init__(self, words, **kwargs):
        ids, outer = keras.Input((6,), dtype="int32"), keras.Input((6,), dtype="int32")
        embed = layers.ReversibleEmbedding(words, 4, name="embed")
        backbone = keras.Model(ids, dense("block")(embed(ids)), name="backbone")
        super().__init__(outer, embed(backbone(outer), reverse=True), **kwargs)
        self.words = words

    def get_config(self):
        return {"name": self.name, "words": self.words}


def test_sharing_between_graphs_that_the_models_class_makes_again_is_saved(tmp_path):
    model, inputs = randomise(LanguageModel(9)), IDS
    wszoo.save(model, tmp_path / "model.keras")
    for load in (wszoo.load, keras.saving.load_model):
        loaded = load(tmp_path / "model.keras")
        assert wszoo.plan_of(loaded) == wszoo.plan_of(model)
        assert len(loaded.weights) == len(model.weights)
        assert_equal(outputs_of(loaded, inputs), outputs_of(model, inputs))


class OwnCall(keras.Model):
    """Made from inputs and outputs, and computes something else."""

    def call(self, inputs):
        return 2 * super().call(inputs)


def test_a_model_with_a_call_of_its_own_is_not_its_graph():
    inside = keras.Input((4,))
    odd = OwnCall(inside, dense()(inside), name="odd")
    for read in (wszoo.sites, wszoo.audit, wszoo.flatten, wszoo.untied_twin):
        with pytest.raises(ValueError, match=r"'odd' .*OwnCall\) is called by Python code"):
            read(odd)
    inputs = keras.Input((4,))
    around = keras.Model(inputs, odd(inputs))
    assert wszoo.sites(around) == ("odd",)
    (row,) = wszoo.audit(around).opaque
    assert row.site == "odd" and row.why.startswith("a model with a `call` of its own")
