"""Copies hold what their layers hold, whatever it is; what has no copy or no mean is refused."""

import keras
import learnt
import numpy as np
import pytest
from hand_built import dense, numbers, randomise
from keras import layers, ops
from learnt import register
from test_retie import assert_same_outputs, outputs_of

import wszoo
from wszoo.relaxed.soft import SoftTying
from wszoo.sharing.flags import flags_of
from wszoo.sharing.surgery.carrying import carry_over
from wszoo.sharing.surgery.rebuild import replace_sites
from wszoo.transferring.training.precision import in_precision

COPIES = {
    "twin": wszoo.untied_twin,
    "retie": lambda model: wszoo.retie(model, wszoo.plan_of(model)),
    "replace_sites": lambda model: replace_sites(model, lambda *_: None, ()),
    "in_precision": lambda model: in_precision(model, "float32"),
}


@pytest.mark.parametrize("name", learnt.BUILDERS)
def test_what_adapt_learnt_is_copied(name, tmp_path):
    model, inputs = learnt.make(name)
    first, second = outputs_of(model, inputs)[0][:2]
    assert not np.array_equal(first, second)  # or equal outputs would say little
    for make in COPIES.values():
        assert_same_outputs(model, make(model), inputs)
    wszoo.save(model, tmp_path / "model.keras")
    assert_same_outputs(model, wszoo.load(tmp_path / "model.keras"), inputs)


def test_bins_of_a_copy_are_those_learnt():
    model, _ = learnt.make("discretized")
    bins, copied = (m.layers[1] for m in (model, wszoo.untied_twin(model)))
    np.testing.assert_array_equal(bins(np.array([3.0, 80.0])), [0, 3])
    np.testing.assert_array_equal(copied(np.array([3.0, 80.0])), [0, 3])


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
def test_copies_go_on_from_the_states_of_recurrent_layers(make):
    inputs = keras.Input(batch_shape=(2, 5, 3))
    both = layers.Bidirectional(layers.GRU(3, stateful=True, return_sequences=True))
    model = keras.Model(inputs, layers.LSTM(2, stateful=True)(both(inputs)))
    x = numbers(5, 3)[:2]
    first = np.asarray(model(x))
    copied = make(model)
    second = np.asarray(model(x))
    assert not np.array_equal(first, second)  # or equal outputs would say little
    np.testing.assert_array_equal(copied(x), second)


def test_the_mean_of_normalizations_computes_with_the_mean():
    """They compute with numbers that they derive from their variables."""
    inputs = keras.Input((4,))
    first, second = layers.Normalization(name="first"), layers.Normalization(name="second")
    first.adapt(numbers(4, seed=1))
    second.adapt(5 + 3 * numbers(4, seed=2))
    model = keras.Model(inputs, second(first(inputs)))
    tied = wszoo.retie(model, "AA", weights="mean").get_layer("first")
    means = np.mean([np.asarray(norm.variables[0]) for norm in (first, second)], axis=0)
    np.testing.assert_allclose(tied(means.reshape(1, 4)), np.zeros((1, 4)), atol=1e-6)


def test_different_vocabularies_have_no_mean():
    inputs = keras.Input((1,), dtype="string")
    first = learnt.worded("first", learnt.WORDS)
    second = learnt.worded("second", ["other words than these"])
    model = keras.Model(inputs, layers.Add()([first(inputs), second(inputs)]))
    with pytest.raises(ValueError, match=r"'first' cannot be merged: part .* what adapt learnt"):
        wszoo.retie(model, "AA", weights="mean")
    tied = wszoo.retie(model, "AA").get_layer("first").words.get_vocabulary()
    assert tied == first.words.get_vocabulary() != second.words.get_vocabulary()


@register
class Forgetful(layers.Layer):
    """Its config leaves out what it is made with."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return self.factor * inputs

    def get_config(self):
        return super().get_config()


@register
class Halving(Forgetful):
    """It keeps something else than it is given, so that its config cannot be made up."""

    def __init__(self, factor=1.0, rule=ops.abs, **kwargs):
        super().__init__(factor / 2, **kwargs)
        self._rule = rule


def followed(layer):
    inputs = keras.Input((4,))
    return randomise(keras.Model(inputs, dense("head")(layer(inputs))))


def test_a_setting_that_a_config_leaves_out_is_kept(tmp_path):
    model = followed(Forgetful(3.0))
    assert_same_outputs(model, wszoo.untied_twin(model), numbers(4))
    wszoo.save(model, tmp_path / "model.keras")
    assert_same_outputs(model, wszoo.load(tmp_path / "model.keras"), numbers(4))
    assert_same_outputs(model, keras.saving.load_model(tmp_path / "model.keras"), numbers(4))
    assert set(model.layers[1].get_config()) == {"name", "trainable", "dtype"}  # as it was


@register
class Talkative(Forgetful):
    """Its config holds what its class does not take."""

    def get_config(self):
        return {**super().get_config(), "doubled": 2 * self.factor}


def test_a_config_that_holds_more_than_the_class_takes_comes_back(tmp_path):
    model = followed(Talkative(3.0))
    wszoo.save(model, tmp_path / "model.keras")
    assert_same_outputs(model, wszoo.load(tmp_path / "model.keras"), numbers(4))


def test_a_setting_that_is_lost_is_refused(tmp_path):
    model = followed(Halving(8.0, name="halving"))
    words = r"leaves out factor=4.0, and a copy has \d"
    with pytest.raises(ValueError, match=rf"'halving' .*cannot be copied: .* {words}"):
        wszoo.untied_twin(model)
    with pytest.raises(ValueError, match=rf"of the Halving 'halving' its configuration {words}"):
        wszoo.save(model, tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())


def quantised(mode):
    tokens = keras.Input((5,), dtype="int32")
    embedding = layers.ReversibleEmbedding(20, 16, name="embedding")
    x = embedding(tokens)
    for name in ("first", "second"):
        x = layers.Dense(16, activation="tanh", name=name)(x)
    x = layers.EinsumDense("btc,cd->btd", (None, 16), bias_axes="d", name="einsum")(x)
    model = randomise(keras.Model(tokens, embedding(x, reverse=True)))
    model.quantize(mode)
    return model, np.arange(10).reshape(2, 5)


@pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize`")
@pytest.mark.filterwarnings("ignore:Invalid quantization mode")
@pytest.mark.parametrize("mode", ["int8", "int4", "float8"])
def test_quantised_layers_are_copied_and_not_averaged(mode, tmp_path):
    model, inputs = quantised(mode)
    for name in ("twin", "retie", "replace_sites"):
        assert_same_outputs(model, COPIES[name](model), inputs)
    wszoo.save(model, tmp_path / "model.keras")
    assert_same_outputs(model, wszoo.load(tmp_path / "model.keras"), inputs)
    plan = wszoo.SharingPlan.tied(("first", "second"))
    with pytest.raises(ValueError, match=rf"'first' cannot be merged: quantised .*\({mode}\)"):
        wszoo.retie(model, plan, weights="mean")
    # Of equal values the mean is that value, and the owner's are a choice.
    owners = wszoo.retie(model, plan)
    again = wszoo.retie(wszoo.untied_twin(owners), plan, weights="mean")
    assert_same_outputs(owners, again, inputs)
    with pytest.raises(ValueError, match=r"'first' cannot be averaged .* quantised"):
        wszoo.suggest(model, sites=("first", "second"))
    pull = SoftTying(plan, steps=3)
    pull.set_model(model)
    with pytest.raises(ValueError, match=r"'first' cannot be averaged .* quantised"):
        pull.on_train_begin()
    with pytest.raises(ValueError, match="quantised"):
        wszoo.relax(model, rank=2, plan=plan)


def test_lora_of_keras_is_copied_with_its_factors_and_not_averaged():
    inputs = keras.Input((4,))
    first, second = dense("first"), dense("second")
    model = keras.Model(inputs, second(first(inputs)))
    for seed, layer in enumerate((first, second)):
        layer.enable_lora(2)
        layer.lora_kernel_a.assign(numbers(2, seed=seed)[:1].repeat(4, 0))
        layer.lora_kernel_b.assign(numbers(4, seed=seed)[:2])
    twin = wszoo.untied_twin(model)
    assert_same_outputs(model, twin, numbers(4))
    for old, new in zip(model.weights, twin.weights, strict=True):
        np.testing.assert_array_equal(old, new)
    with pytest.raises(ValueError, match="mean of LoRA factors"):
        wszoo.retie(model, "AA", weights="mean")


@register
class Rows(layers.Layer):
    """Chosen columns of its input, whose places are its weights."""

    def build(self, input_shape):
        self.places = self.add_weight(
            shape=(2,), dtype="int32", initializer="zeros", trainable=False, name="places"
        )

    def call(self, inputs):
        return ops.take(inputs, self.places, axis=-1)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 2)


def test_weights_of_integers_have_no_mean():
    inputs = keras.Input((4,))
    first, second = Rows(name="first"), Rows(name="second")
    model = keras.Model(inputs, layers.Add()([first(inputs), second(inputs)]))
    second.places.assign([2, 3])
    with pytest.raises(ValueError, match="no floats have no mean, or take the owner's"):
        wszoo.retie(model, "AA", weights="mean")
    np.testing.assert_array_equal(wszoo.retie(model, "AA").get_layer("first").places, [0, 0])


def test_layers_of_other_parts_are_not_copied():
    one, other = layers.MultiHeadAttention(2, 3), dense()
    one.build((None, 5, 4), (None, 5, 4))
    other.build((None, 4))
    with pytest.raises(ValueError, match="other parts"):
        carry_over([one], other)


def test_flags_of_layers_of_other_shapes_are_refused():
    flags = flags_of(followed(Forgetful()))
    model = keras.Model(inputs := keras.Input((4,)), dense()(inputs))
    from wszoo.sharing.flags import set_flags

    with pytest.raises(ValueError, match=r"3 layers, .* a digit 0 or 1 for each; received '1111'"):
        set_flags(model, flags)
