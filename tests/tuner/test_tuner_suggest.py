"""Suggestions on models in which the cheapest merges are known."""

from itertools import combinations

import keras
import numpy as np
import pytest

import wszoo
from wszoo import batches
from wszoo.sharing import graph
from wszoo.tuner.pricing import costs
from wszoo.tuner.pricing.gradients import fisher
from wszoo.tuner.pricing.merged_loss import MergedLoss, recalibrate
from wszoo.tuner.pricing.suggest import suggest

PAIRS = "ABAB"
SITES = tuple(f"block_{i}" for i in range(4))


@pytest.fixture(scope="module")
def planted():
    """Blocks 0 and 2, and 1 and 3, have equal kernels and were never told so."""
    keras.utils.set_random_seed(0)
    tied = wszoo.get("conv_net", input_shape=(8, 8, 1), width=4, depth=4, head=3, sharing=PAIRS)
    x = np.random.default_rng(0).random((40, 8, 8, 1), "float32")
    recalibrate(tied, x)
    y = np.argmax(tied.predict(x, verbose=0), axis=1)
    return wszoo.untied_twin(tied), x, y


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.mark.parametrize("method", ["activations", "weights", "fisher"])
def test_equal_kernels_are_merged_first_and_cost_nothing(planted, method):
    model, x, y = planted
    before = model.get_weights()
    found = suggest(model, x, y, method=method, loss=LOSS)
    assert [len(step.plan.groups) for step in found.steps] == [4, 3, 2, 1]
    assert found.steps[2].plan == wszoo.as_plan(PAIRS, found.steps[0].plan.sites)
    assert found.steps[2].price - found.steps[0].price == pytest.approx(0, abs=1e-6)
    assert found.steps[3].price > found.steps[2].price + 1e-4
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_the_loss_of_what_is_equal_already_is_the_models_own(planted):
    model, x, y = planted
    price = MergedLoss(model, x, y, LOSS)
    assert price(wszoo.as_plan(PAIRS, SITES)) == pytest.approx(
        price(wszoo.SharingPlan.untied(SITES)), abs=1e-4
    )
    found = suggest(model, x, y, method="loss", loss=LOSS)
    assert found.steps[1].price == min(
        price(found.steps[0].plan.tie(pair)) for pair in combinations(SITES, 2)
    )


def test_fisher_counts_norms_and_embeddings():
    """To second order: the price of a merge of weights whose gradients are known."""
    rng = np.random.default_rng(0)
    ids, more = rng.integers(0, 5, (16, 3)), rng.integers(0, 5, (16, 3))
    more[:, 1:] = more[:, :1]  # one row three times: its gradients add up
    inputs = [keras.Input((3,), dtype="int32") for _ in range(2)]
    ends = []
    for i, given in enumerate(inputs):
        x = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(5, 2, name=f"e{i}")(given))
        ends.append(keras.layers.BatchNormalization(name=f"n{i}")(x))
    model = keras.Model(inputs, keras.layers.Concatenate()(ends))
    for weight in model.weights:
        weight.assign(weight + 0.1 * rng.random(weight.shape))
    y = rng.random((16, 4)).astype("float32")
    before = model.get_weights()
    sites = ["e0", "e1", "n0", "n1"]
    found = suggest(model, [ids, more], y, method="fisher", loss="mse", sites=sites)
    assert len(found.steps) == 3 and found.steps[-1].price > 0
    price = fisher(wszoo.untied_twin(model), [ids, more], y, "mse")
    gammas = [model.get_layer(n).gamma.numpy() for n in ("n0", "n1")]
    betas = [model.get_layer(n).beta.numpy() for n in ("n0", "n1")]
    order = batches.order(16, 0)  # of the batches of four
    outputs, y = model.predict([ids[order], more[order]], verbose=0), y[order]
    gap = (2 * (outputs - y) / 4).reshape(4, 4, 2, 2)  # of the mean over four outputs
    norm = ((outputs.reshape(16, 2, 2) - betas) / gammas).reshape(4, 4, 2, 2)
    by_batch = [(gap * norm).mean(axis=1), gap.mean(axis=1)]  # of a batch of four examples
    worth = [4 * np.mean(np.square(g), axis=0) for g in by_batch]  # (layer, width)
    wanted = 0.0
    for values, weight in zip((gammas, betas), worth, strict=True):
        mean = np.sum(weight * values, axis=0) / np.sum(weight, axis=0)
        wanted += 0.5 * np.sum(weight * (values - mean) ** 2)
    plan = wszoo.SharingPlan.untied(sites).tie(("n0", "n1"))
    assert price(plan) == pytest.approx(wanted, rel=1e-3)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("form", [dict, list])
def test_models_of_several_inputs_and_outputs(form):
    """The one pair of equal kernels is merged first, by every method, and costs nothing."""
    rng = np.random.default_rng(0)
    keras.utils.set_random_seed(0)
    a, b = (keras.Input((6,), name=name) for name in "ab")
    layers = [keras.layers.Dense(6, activation="tanh", name=f"d{i}") for i in range(3)]
    one, two = layers[1](layers[0](a)), layers[2](b)
    ends = [keras.layers.Dense(n, name=name)(t) for n, name, t in ((2, "p", one), (3, "q", two))]
    named = form is dict
    model = keras.Model({"a": a, "b": b} if named else [a, b],
                        dict(zip("pq", ends, strict=True)) if named else ends)  # fmt: skip
    layers[2].set_weights(layers[1].get_weights())
    model.compile(loss={"p": "mse", "q": "mae"} if named else ["mse", "mae"],
                  loss_weights={"p": 1.0, "q": 0.5} if named else [1.0, 0.5])  # fmt: skip
    xs, ys = ([rng.random((40, n), "float32") for n in sizes] for sizes in ((6, 6), (2, 3)))
    x, y = (
        dict(zip(names, p, strict=True)) if named else p for names, p in (("ab", xs), ("pq", ys))
    )
    for method in ("weights", "fisher", "activations"):
        found = suggest(model, x, y, method=method, sites=["d0", "d1", "d2"], samples=32)
        assert found.steps[1].merged == ("d1", "d2")
        assert found.steps[1].price == pytest.approx(found.steps[0].price, abs=1e-6)
    whole = suggest(model, x, y, sites=["d0", "d1", "d2"])
    assert whole.method == "loss"
    assert whole.steps[0].price == pytest.approx(
        model.evaluate(x, y, verbose=0, return_dict=True)["loss"], rel=1e-5
    )
    assert len(suggest(model, x, method="cka", sites=["d0", "d1", "d2"]).steps) == 3


def test_fisher_says_what_it_cannot_price(planted):
    inputs = keras.Input((4,))
    norms = [keras.layers.Normalization(mean=0.0, variance=1.0, name=f"n{i}") for i in range(2)]
    layers = [keras.layers.BatchNormalization(center=False, scale=False, name=f"b{i}")
              for i in range(2)]  # fmt: skip
    model = keras.Model(inputs, layers[1](layers[0](norms[1](norms[0](inputs)))))
    x = np.ones((8, 4), "float32")
    with pytest.raises(ValueError, match=r"cannot price b., b., which have no weights that train"):
        suggest(model, x, x, method="fisher", loss="mse", sites=["b0", "b1"])


def test_steps_count_what_the_tied_model_stores(planted):
    model, x, _ = planted
    found = suggest(model, x)
    assert found.method == "weights"
    for step in found.steps:
        assert step.stored_parameters == wszoo.retie(model, step.plan).count_params()
    least = found.steps[-1].stored_parameters
    assert found.under(least).plan == found.steps[-1].plan
    assert found.under(found.steps[1].stored_parameters) == found.steps[1]
    with pytest.raises(ValueError, match=f"{least:,}"):
        found.under(least - 1)


def test_auto_measures_where_there_is_a_loss_and_not_too_many_sites(planted, monkeypatch):
    model, x, y = planted
    assert suggest(model, x, y, loss=LOSS).method == "loss"
    assert suggest(model, x, y).method == "weights"
    assert suggest(model, x, loss=LOSS).method == "weights"
    monkeypatch.setattr("wszoo.tuner.pricing.suggest.MEASURED", len(SITES) - 1)
    assert suggest(model, x, y, loss=LOSS).method == "weights"


def test_similar_outputs_are_cheap_by_cka():
    inputs = keras.Input((5,))
    same = keras.layers.Dense(5, name="a")(inputs), keras.layers.Dense(5, name="b")(inputs)
    other = keras.layers.Dense(5, name="c")(keras.ops.cos(9 * inputs))
    model = keras.Model(inputs, keras.layers.Concatenate()([*same, other]))
    model.get_layer("b").set_weights(model.get_layer("a").get_weights())
    x = np.random.default_rng(0).normal(size=(50, 5)).astype("float32")
    found = suggest(model, x, method="cka")
    assert found.steps[1].merged == ("a", "b")
    assert found.steps[1].price == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("bias", [True, False])
def test_rows_times_the_kernel_are_a_convolutions_outputs(padding, bias):
    layer = keras.layers.Conv2D(
        3, (2, 3), strides=(1, 2), padding=padding, use_bias=bias, bias_initializer="normal"
    )
    x = np.random.default_rng(0).random((2, 6, 7, 2), "float32")
    expected = keras.ops.convert_to_numpy(layer(x)).reshape(-1, 3)
    np.testing.assert_allclose(costs._rows(layer, x) @ costs._matrix(layer), expected, atol=1e-5)


def test_the_fitted_kernel_is_better_than_the_mean(planted):
    model, x, _ = planted
    sites = ("block_0", "block_1")
    priced = costs.Activations(model, x, sites)
    (kernel,) = priced.values(sites)
    mean = np.mean([graph.layers_of(model)[s].get_weights()[0] for s in sites], axis=0)

    def loss(candidate):
        flat = candidate.reshape(-1, candidate.shape[-1])
        gaps = [(flat - priced._kernels[s], priced._moments[s]) for s in sites]
        return sum(np.sum(gap * (moment @ gap)) for gap, moment in gaps)

    assert loss(kernel) < loss(mean)
    assert priced(wszoo.SharingPlan.tied(sites)) == pytest.approx(loss(kernel))


def test_norms_estimated_anew_fit_the_data(planted):
    model, x, y = planted
    twin = wszoo.untied_twin(model)
    for layer in twin.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(layer.moving_mean + 5.0)
    recalibrate(twin, x)
    expected = model.predict(x, verbose=0)
    np.testing.assert_allclose(twin.predict(x, verbose=0), expected, atol=0.2)
    assert MergedLoss(model, x, y, LOSS)(wszoo.SharingPlan.untied(["block_0", "block_1"])) < 1


def test_table_and_picture(planted, tmp_path):
    model, x, _ = planted
    found = suggest(model, x)
    from rich.console import Console

    console = Console(width=120, record=True)
    console.print(found.table())
    assert "ABAB" in console.export_text()
    found.picture(tmp_path / "tree.png")
    assert (tmp_path / "tree.png").read_bytes().startswith(b"\x89PNG")


def test_bad_input_is_refused(planted):
    model, x, _ = planted
    with pytest.raises(ValueError, match="method must be one of auto, "):
        suggest(model, x, method="guess")
    with pytest.raises(ValueError, match="needs inputs"):
        suggest(model, method="cka")
    with pytest.raises(ValueError, match="needs targets"):
        suggest(model, x, method="loss")
    with pytest.raises(ValueError, match="no sites"):
        suggest(model, x, sites=["block_0", "block_9"])
    lonely = wszoo.get("dense_net", input_shape=(5,), widths=(6, 3))
    with pytest.raises(ValueError, match="no two sites"):
        suggest(lonely)
    autoencoder = wszoo.get("tied_ae", input_shape=(6,), widths=[5, 4])
    with pytest.raises(ValueError, match="ReversibleDense"):
        suggest(autoencoder, np.zeros((3, 6), "float32"), method="activations")
    assert suggest(autoencoder, np.zeros((3, 6), "float32")).method == "weights"


def of_texts():
    """Two pairs of equal sites behind a table of words."""
    texts = keras.Input((1,), dtype="string")
    x = keras.layers.StringLookup(vocabulary=["cat", "dog"], output_mode="one_hot")(texts)
    for name in ("a", "b", "c"):
        x = keras.layers.Dense(3, activation="tanh", name=name)(x)
    return keras.Model(texts, keras.layers.Dense(3, name="out")(x))


@pytest.mark.parametrize(
    ("method", "kind"), [("activations", str), ("fisher", object), ("cka", bytes), ("loss", str)]
)
def test_texts_are_inputs_too(method, kind):
    model = of_texts()
    x = np.array([["cat"], ["dog"], ["bird"]] * 4).astype("S4" if kind is bytes else kind)
    y = np.arange(12) % 3
    found = suggest(model, x, y, method=method, loss=LOSS)
    ids = model.layers[1](keras.ops.convert_to_tensor(x.astype(str), "string"))
    above = keras.Input((3,))
    numbers = above
    for layer in wszoo.untied_twin(model).layers[2:]:
        numbers = layer(numbers)
    same = suggest(
        keras.Model(above, numbers), np.asarray(ids, "float32"), y, method=method, loss=LOSS
    )
    assert [step.merged for step in found.steps] == [step.merged for step in same.steps]
    np.testing.assert_allclose(
        [step.price for step in found.steps], [step.price for step in same.steps], rtol=1e-3
    )


class OwnSteps(keras.Model):
    """Trains and measures something else than its loss."""

    def train_step(self, data):
        raise AssertionError("its own training is not run")

    def test_step(self, data):
        return {"loss": keras.ops.zeros(())}


@pytest.mark.parametrize("method", ["fisher", "loss"])
def test_prices_do_not_come_from_a_models_own_steps(planted, method):
    model, x, y = planted
    own = OwnSteps(model.input, model.output)
    found, wanted = (
        suggest(net, x, y, method=method, loss=LOSS, sites=SITES[:3]) for net in (own, model)
    )
    prices = [[step.price for step in suggestion.steps] for suggestion in (found, wanted)]
    np.testing.assert_allclose(*prices, rtol=1e-4)
    assert prices[0][-1] > 0
