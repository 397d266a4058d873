"""A head trained on kept features is the head of the whole model trained on images."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo.tasks import heads, linear
from wszoo.transferring.features import cache
from wszoo.transferring.training import in_graph as on_features

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


@pytest.fixture
def net():
    keras.utils.set_random_seed(0)
    made = wszoo.get("conv_net", depth=2, width=4, input_shape=(8, 8, 1), head=None)
    made.trainable = False
    return made


@pytest.fixture
def x():
    return np.random.default_rng(0).random((50, 8, 8, 1), "float32")


Y = np.arange(50) % 3


def fit(top, views, seed=0):
    """Three epochs on views in turn."""
    top.compile(keras.optimizers.Adam(1e-3), loss=LOSS, jit_compile=False)
    trainer = on_features.HeadTrainer(top, Y)
    for epoch in range(3):
        order = on_features.order_of(50, epoch, 16, seed).reshape(-1, 16)
        trainer.train(views[epoch % len(views)], order)


def test_cached_training_ends_as_uncached(net, x, tmp_path):
    parts = heads.attach(net, linear.logistic(3))
    model = parts.model
    assert cache.why_not(net) is None
    start = model.get_weights()
    rows = cache.features(net, x, folder=tmp_path)
    fit(parts.top, [rows])
    kept = model.get_layer("head").get_weights()
    model.set_weights(start)
    model.compile(keras.optimizers.Adam(1e-3), loss=LOSS)
    for epoch in range(3):
        order = on_features.order_of(50, epoch, 16, 0)
        model.fit(x[order], Y[order], batch_size=16, shuffle=False, verbose=0)
    for a, b in zip(kept, model.get_layer("head").get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
        assert np.abs(a).max() > 1e-3


def trained(*views, **settings):
    keras.utils.set_random_seed(0)
    top = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    fit(top, views, **settings)
    return top.get_weights()


def test_pieces_and_seeds(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    whole, other = trained(rows), trained(rows, seed=1)
    monkeypatch.setattr(on_features, "PIECE", 1)
    for a, b, c in zip(whole, trained(rows), other, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)
        assert not np.allclose(a, c, rtol=1e-5)


def test_other_rows_may_come_in_each_epoch():
    rows = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    for a, b in zip(trained(rows), trained(rows, rows.copy()), strict=True):
        np.testing.assert_array_equal(a, b)
    one, two = trained(rows, -rows), trained(rows, rows, rows)
    assert not np.allclose(one[0], two[0])


def test_a_call_trains_as_keras_does_with_weights_and_callbacks(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(50, 4)).astype("float32")
    weights = 1 + np.arange(50, dtype="float32") % 2
    monkeypatch.setattr(on_features, "STEPS", 2)  # several calls an epoch

    def model():
        keras.utils.set_random_seed(0)
        made = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        made.compile(keras.optimizers.Adam(0.1), loss=LOSS, metrics=["accuracy"])
        return made

    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append((epoch, logs))
            self.model.stop_training = epoch == 3

    seen, plain, ours = [], model(), model()
    scorer = on_features.Scorer(ours, LOSS, ["accuracy"])
    orders = {e: on_features.order_of(50, e, 8, 0).reshape(-1, 8) for e in range(6)}
    slower = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.1 / (1 + epoch))
    on_features.fit_epochs(
        on_features.HeadTrainer(ours, Y, weights), lambda e: rows, orders.get,
        lambda: scorer.score(rows, Y), epochs=range(1, 6), callbacks=[slower, Stop()],
    )  # fmt: skip
    assert [epoch for epoch, _ in seen] == [1, 2, 3]
    for epoch, logs in seen:
        order = orders[epoch].ravel()
        plain.optimizer.learning_rate = 0.1 / (1 + epoch)
        found = plain.fit(
            rows[order], Y[order], sample_weight=weights[order], batch_size=8, shuffle=False,
            verbose=0, validation_data=(rows, Y),
        ).history  # fmt: skip
        assert set(logs) == {*found, "learning_rate"}
        for name, values in found.items():
            assert logs[name] == pytest.approx(values[0], rel=1e-4)
    for a, b in zip(plain.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
