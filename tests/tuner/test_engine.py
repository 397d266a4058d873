"""Training side by side is the training of each retied model, in one compiled call."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo.tuner import Job, SideBySide, Training
from wszoo.tuner.space.space import SearchSpace


def residual_net(sites=3, width=4):
    h = inputs = keras.Input((width,))
    for i in range(sites):
        block = keras.layers.Dense(width, activation="tanh", name=f"block_{i}")
        h = keras.layers.Add(name=f"add_{i}")([h, block(h)])
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(h))


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 4)).astype("float32")
    return x, np.tanh(x[:, :2] * x[:, 2:]).astype("float32")


def test_every_plan_trains_as_its_retied_model_would(data):
    space = SearchSpace.of(residual_net(), "block_*")
    training = Training(steps=20, batch_size=8, points=2)
    engine = SideBySide(residual_net(), space, training, lanes=4)
    train, held = np.arange(20), np.arange(20, 30)
    jobs = [Job(plan, train, held, seed=3) for plan in space]
    done = []
    curves = engine.run(jobs, *data, report=done.append)
    assert curves.shape == (5, 2) and done == [4, 5]
    for job, curve in zip(jobs, curves, strict=True):
        assert np.allclose(curve, one_by_one(engine, job, data), rtol=1e-4)
    again = engine.run(jobs[::-1], *data)[::-1]
    assert np.allclose(again, curves, rtol=1e-4)  # neighbours in a batch do not matter


def one_by_one(engine, job, data):
    """The same job in plain Keras: the untied start, tied by its owners, `train_on_batch`."""
    x, y = data
    keras.utils.set_random_seed(job.seed)
    model = wszoo.retie(keras.models.clone_model(engine.model), job.plan)
    rate = keras.optimizers.schedules.CosineDecay(1e-2, engine.training.steps)
    model.compile(keras.optimizers.Adam(rate), loss="mse")
    curve = []
    for i, rows in enumerate(engine.order(job), start=1):
        model.train_on_batch(x[rows], y[rows])
        if i % 10 == 0:
            curve.append(model.evaluate(x[job.held], y[job.held], verbose=0))
    return curve


def test_what_it_cannot_train_it_refuses(data):
    model = residual_net()
    space = SearchSpace.of(model, "block_*")
    normed = keras.Sequential([keras.Input((4,)), keras.layers.BatchNormalization()])
    with pytest.raises(ValueError, match="moving_mean"):
        SideBySide(normed, space, Training())
    with pytest.raises(ValueError, match="must divide"):
        Training(steps=10, points=3)
    engine = SideBySide(model, space, Training(steps=2, batch_size=50))
    job = Job(space.tied, np.arange(20), np.arange(20, 30), 0)
    assert [sorted(rows) for rows in engine.order(job)] == [list(range(20))] * 2
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        engine.run([job], data[0][:, :3], data[1])
