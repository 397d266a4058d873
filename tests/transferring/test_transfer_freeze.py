"""Freezing takes effect at once, keeps optimizer state, and frozen stays frozen bit for bit."""

import io

import keras
import numpy as np
import pytest

import wszoo
from wszoo.transferring.freezing.freeze import freeze


def net(sharing="AABB"):
    keras.utils.set_random_seed(0)
    return wszoo.get("conv_net", sharing=sharing, depth=4, width=4, input_shape=(8, 8, 1), head=3)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.random((32, 8, 8, 1), "float32"), rng.integers(0, 3, 32)


def compiled(model, optimizer=None):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(optimizer or keras.optimizers.Adam(0.01), loss=loss, metrics=["accuracy"])
    return model


def changed(model, before):
    """Names of the layers whose weights have changed."""
    pairs = zip(model.weights, before, strict=True)
    return {w.path.split("/")[0] for w, old in pairs if not np.array_equal(w, old)}


NORMS = {f"block_{i}_norm" for i in range(4)} | {"last_norm", "features"}
KERNELS = {"stem", "block_0", "block_2", "head"}


@pytest.mark.parametrize(
    ("train", "batch_norm", "moves"),
    [
        ("head", "frozen", {"head"}),
        ("head", "train", {"head"}),
        ("all", "frozen", KERNELS),
        ("all", "train", KERNELS | NORMS),
        ("all", "statistics", KERNELS | NORMS),
        (["head", "block_[23]"], "train", {"head", "block_2", "block_2_norm", "block_3_norm"}),
        ("depth>=-1", "frozen", {"head"}),
    ],
)  # fmt: skip
def test_what_is_chosen_moves_and_nothing_else(data, train, batch_norm, moves):
    model = compiled(net())
    model.fit(*data, verbose=0)  # so that the flags change after compile
    state = freeze(model, train, batch_norm=batch_norm)
    before = model.get_weights()
    model.fit(*data, epochs=2, verbose=0)
    assert changed(model, before) == moves
    state.verify()


def test_statistics_alone_move_under_that_policy(data):
    model = compiled(net())
    freeze(model, "all", batch_norm="statistics")
    norm = model.get_layer("block_1_norm")
    before = norm.get_weights()
    model.fit(*data, verbose=0)
    gamma, beta, mean, variance = (
        not np.array_equal(a, b) for a, b in zip(norm.get_weights(), before, strict=True)
    )
    assert (gamma, beta, mean, variance) == (False, False, True, True)


def test_a_shared_layer_trains_only_if_all_its_sites_are_chosen(data):
    model = compiled(net("ABAB"))
    state = freeze(model, ["block_2", "head"])
    assert state.held == {"block_0": ("block_0", "block_2")}
    assert state.trains == ("head",) and "block_0" in state.frozen
    assert "block_0" in freeze(model, ["block_0", "block_2"]).trains


def test_slots_of_variables_that_go_on_training_are_kept(data):
    model = compiled(net())
    model.fit(*data, epochs=2, verbose=0)
    slots = {v.path: np.array(v) for v in model.optimizer.variables}
    freeze(model, "head")
    kept = {v.path: np.array(v) for v in model.optimizer.variables}
    assert 4 < len(kept) < len(slots)
    for path, value in kept.items():
        np.testing.assert_array_equal(value, slots[path], err_msg=path)
    assert model.optimizer.iterations == 2
    model.fit(*data, verbose=0)
    freeze(model, "all", batch_norm="train")
    assert model.optimizer.iterations == 3


def test_freezing_nothing_new_changes_no_training(data):
    twins = [compiled(net()), compiled(net())]
    for model in twins:
        model.fit(*data, epochs=2, verbose=0, shuffle=False)
    freeze(twins[1], "all", batch_norm="train")
    for model in twins:
        model.fit(*data, epochs=2, verbose=0, shuffle=False)
    for a, b in zip(*(model.get_weights() for model in twins), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_flags_and_state_survive_a_file(data, tmp_path):
    model = compiled(net())
    freeze(model, ["head", "block_2", "block_3"], batch_norm="train")
    model.fit(*data, verbose=0)
    wszoo.save(model, tmp_path / "m.keras")
    again = wszoo.load(tmp_path / "m.keras")
    before = again.get_weights()
    again.fit(*data, epochs=2, verbose=0)
    assert changed(again, before) == {"head", "block_2", "block_2_norm", "block_3_norm"}


def test_a_frozen_weight_that_changed_is_named():
    model = net()
    state = freeze(model, "head")
    state.verify()
    model.get_layer("stem").set_weights([w + 1 for w in model.get_layer("stem").get_weights()])
    with pytest.raises(ValueError, match="stem/kernel"):
        state.verify()


def test_the_table_shows_each_stage():
    from rich.console import Console

    console = Console(width=120, record=True, file=io.StringIO())
    console.print(freeze(net(), ["head", "last*"], batch_norm="train").table())
    text = console.export_text()
    assert "stem" in text and "head" in text and "BatchNormalization: train" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("block_9",), "'block_9' matches no stage"),
        (("all", "sometimes"), "frozen, statistics, train"),
    ],
)
def test_what_cannot_be_meant_is_said(arguments, words):
    train, policy = (*arguments, "frozen")[:2]
    with pytest.raises(ValueError, match=words):
        freeze(net(), train, batch_norm=policy)


def test_layers_of_nested_models_are_chosen_one_by_one():
    inside, inputs = keras.Input((4,)), keras.Input((4,))
    x = keras.layers.BatchNormalization(name="norm")(keras.layers.Dense(4, name="block_0")(inside))
    backbone = keras.Model(inside, keras.layers.Dense(4, name="block_1")(x), name="backbone")
    model = keras.Model(inputs, keras.layers.Dense(2, name="head")(backbone(inputs)))
    backbone.trainable = False
    chosen = freeze(model, ["backbone.block_1", "head"])
    assert set(chosen.trains) == {"backbone.block_1", "head"}
    assert set(chosen.frozen) == {"backbone.block_0", "backbone.norm"}
    parts = (backbone.get_layer("block_1"), model.get_layer("head"))
    wanted = {id(v) for layer in parts for v in layer.weights}
    assert {id(v) for v in model.trainable_variables} == wanted
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    chosen.verify()
