"""Trials of a search on one graph are trials of models with shared layers."""

import keras
import keras_tuner
import numpy as np
import pytest
from tie_search import arrays, net

import wszoo
from wszoo.tuner import SearchSpace
from wszoo.tuner.searching.hypermodel import OneGraph, Shuffled, can_share_a_graph
from wszoo.tuner.twin_trainer import TwinTrainer


@pytest.mark.parametrize("pattern, seed", [("AAB", 0), ("ABA", 1), ("ABC", 2)])
def test_a_trial_is_a_training_of_the_tied_model(pattern, seed):
    keras.utils.set_random_seed(0)
    model, parent = net(), net()
    space = SearchSpace.of(model, "block_*")
    hypermodel = OneGraph(model, space, parent=parent, epochs=2)
    hp = keras_tuner.HyperParameters()
    hp.values = {"plan": pattern, "tuner/epochs": 2, "tuner/seed": seed}
    (x, y), _ = arrays()
    twin = hypermodel.build(hp)
    assert hypermodel.build(hp) is twin
    hypermodel.fit(hp, twin, x, y, batch_size=16, verbose=0)
    made = hypermodel.loaded(hp, twin)
    tied = wszoo.retie(parent, space.plan(pattern), weights="mean")
    tied.compile_from_config(model.get_compile_config())
    tied.fit(Shuffled(x, y, 16, seed), epochs=2, shuffle=False, verbose=0)
    assert wszoo.plan_of(made) == wszoo.plan_of(tied)
    assert (
        made.count_params() == tied.count_params() == space.stored_parameters(space.plan(pattern))
    )
    np.testing.assert_allclose(made.predict(x, verbose=0), tied.predict(x, verbose=0), atol=1e-4)
    np.testing.assert_allclose(made.evaluate(x, y, verbose=0), tied.evaluate(x, y, verbose=0),
                               atol=1e-4)  # fmt: skip


def test_an_epoch_has_every_example_once_and_the_seed_decides_the_order():
    x = np.arange(10)
    orders = []
    for seed in (3, 3, 4):
        batches = Shuffled(x, x, 4, seed)
        for _ in range(2):
            seen = [batches[i][0] for i in range(len(batches))]
            assert [len(part) for part in seen] == [4, 4, 2]
            orders.append(np.concatenate(seen))
            batches.on_epoch_end()
    assert all(sorted(order) == x.tolist() for order in orders)
    same = [[np.array_equal(a, b) for b in orders] for a in orders]
    assert same[0] == [True, False, True, False, False, False]
    assert same[1] == [False, True, False, True, False, False]


def test_models_that_the_twin_cannot_stand_for():
    model = net()
    space = SearchSpace.of(model, "block_*")
    assert can_share_a_graph(model, space)
    model.compile(keras.optimizers.SGD(global_clipnorm=1.0), loss="mse")
    assert not can_share_a_graph(model, space)
    inputs = keras.Input((3,))
    layers = [keras.layers.Dense(3, kernel_regularizer="l2", name=f"block_{i}") for i in range(2)]
    regular = keras.Model(inputs, layers[1](layers[0](inputs)))
    regular.compile("sgd", loss="mse")
    assert not can_share_a_graph(regular, SearchSpace.of(regular, "block_*"))


def test_what_shares_outside_the_sites_goes_on_sharing():
    model = wszoo.get(
        "tied_lm", input_shape=(4,), vocabulary=5, width=4, heads=1, depth=2, sharing="depth:AB"
    )
    sites = SearchSpace.of(model, by_depth=True).sites
    assert "embed" not in sites
    inside = TwinTrainer(model, keras.optimizers.SGD(), loss="mse", sites=sites)
    assert inside.model.count_params() == model.count_params()
    whole = TwinTrainer(model, keras.optimizers.SGD(), loss="mse")
    assert whole.model.count_params() == model.count_params() + 5 * 4


def test_random_layers_follow_the_seed():
    inputs = keras.Input((4,))
    h = keras.layers.Dense(4, name="block_0")(inputs)
    h = keras.layers.Dense(4, name="block_1")(keras.layers.Dropout(0.5)(h))
    trainer = TwinTrainer(
        keras.Model(inputs, h), keras.optimizers.SGD(0.1), loss="mse", sites=("block_0", "block_1")
    )
    x = np.random.default_rng(0).normal(size=(32, 4)).astype("float32")
    kernels = []
    for seed in (0, 1, 0):
        trainer.start("AA", seed=seed)
        trainer.model.fit(x, x, shuffle=False, verbose=0)
        kernels.append(trainer.model.get_layer("block_0").get_weights()[0])
    np.testing.assert_array_equal(kernels[0], kernels[2])
    assert np.abs(kernels[0] - kernels[1]).max() > 1e-4
