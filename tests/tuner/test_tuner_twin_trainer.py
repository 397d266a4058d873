"""Training under a plan on the twin's graph is training the tied model."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo.sharing.kinds import sites_by_kind
from wszoo.tuner.twin_trainer import TwinTrainer


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return rng.random((64, 8, 8, 1), "float32"), rng.integers(0, 3, 64)


@pytest.fixture(scope="module")
def parent():
    keras.utils.set_random_seed(3)
    return wszoo.get("conv_net", input_shape=(8, 8, 1), width=4, depth=4, head=3)


def loss():
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture(scope="module")
def trainer(parent):
    return TwinTrainer(parent, keras.optimizers.AdamW(1e-2), loss=loss())


@pytest.mark.parametrize("plan", ["AABB", "ABBA", "AAAA", "ABCD", "cycle:2"])
def test_training_on_the_twin_is_training_the_tied_model(parent, trainer, data, plan):
    tied = wszoo.retie(parent, plan, weights="mean")
    tied.compile(keras.optimizers.AdamW(1e-2), loss=loss())
    trainer.start(plan)
    for model in (tied, trainer.model):
        model.fit(*data, batch_size=16, epochs=2, shuffle=False, verbose=0)
    expected = tied.predict(data[0], verbose=0)
    np.testing.assert_allclose(trainer.model.predict(data[0], verbose=0), expected, atol=1e-3)
    made = trainer.tied(plan)
    assert wszoo.plan_of(made) == wszoo.plan_of(tied)
    np.testing.assert_allclose(made.predict(data[0], verbose=0), expected, atol=1e-3)


def test_copies_stay_equal_and_the_step_is_traced_once(trainer, data):
    for plan in ("AABB", "ABAB"):
        trainer.start(plan)
        trainer.model.fit(*data, batch_size=16, verbose=0)
        function = trainer.model.train_function
        kernels = [trainer.model.get_layer(f"block_{i}").get_weights()[0] for i in range(4)]
        other = 1 if plan == "AABB" else 2
        np.testing.assert_allclose(kernels[0], kernels[other], rtol=0, atol=1e-7)
        assert np.abs(kernels[0] - kernels[3 - other]).max() > 1e-4
    trainer.start("AAAA")
    trainer.model.fit(*data, batch_size=16, verbose=0)
    assert trainer.model.train_function is function


def test_a_training_does_not_see_those_before_it(trainer, data):
    outputs = []
    for plan in ("AABB", "AAAA", "AABB"):
        trainer.start(plan)
        trainer.model.fit(*data, batch_size=16, shuffle=False, verbose=0)
        outputs.append(trainer.model.predict(data[0], verbose=0))
    np.testing.assert_array_equal(outputs[0], outputs[2])


def test_bad_input_is_refused(parent, trainer):
    with pytest.raises(ValueError, match="global_clipnorm"):
        TwinTrainer(parent, keras.optimizers.SGD(global_clipnorm=1.0), loss="mse")
    net = wszoo.get("tied_ae", input_shape=(6,), widths=[5, 4], sharing="untied")
    assert all(len(kind) == 2 for kind in sites_by_kind(net, wszoo.sites(net)))
    pair = TwinTrainer(net, keras.optimizers.SGD(), loss="mse")
    with pytest.raises(ValueError, match="cannot share one layer"):
        pair.start("AABB")
