"""Heads, probes and short trainings."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo import batches
from wszoo.tasks import heads, linear, probe
from wszoo.transferring.rivals import Rivals, random_start
from wszoo.transferring.training.augment import jittered
from wszoo.transferring.training.repeated import Trainer, accuracy, outputs, values_of

LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def classifier(backbone, classes=10):
    return heads.attach(backbone, linear.logistic(classes)).model


@pytest.fixture(scope="module")
def backbone():
    keras.utils.set_random_seed(0)
    return wszoo.get("conv_net", sharing="cycle:2", width=8, depth=4, head=None)


@pytest.fixture(scope="module")
def digits():
    import wszoo.data

    return wszoo.data.load("digits", image_size=28).subset(5, seed=0)


def test_a_head_keeps_the_sites_and_their_sharing(backbone):
    model = classifier(backbone)
    assert wszoo.sites(model) == (*wszoo.sites(backbone), "head")
    shared = wszoo.plan_of(model).restrict([f"block_{i}" for i in range(4)])
    assert shared.pattern == "ABAB"
    assert model.output_shape == (None, 10)


def test_a_probe_is_the_head_exactly(backbone, digits):
    x, y = digits.arrays("train")
    rows = probe.features(backbone, x)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    linear = probe.fit_probe(rows, y, classes=10, strength=10.0)
    model = classifier(backbone)
    model.get_layer("head").set_weights(linear)
    logits = model.predict(x, verbose=0)
    np.testing.assert_allclose(logits, rows @ linear[0] + linear[1], rtol=1e-5, atol=1e-5)
    assert accuracy(model, x, y) == probe.accuracy(rows, y, linear)


def test_a_probe_of_two_classes_has_two_logits():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-1, 1, (20, 3)), rng.normal(1, 1, (20, 3))])
    y = np.repeat([0, 1], 20)
    kernel, bias = linear = probe.fit_probe(x, y, classes=2, strength=1.0)
    assert kernel.shape == (3, 2) and bias.shape == (2,)
    assert probe.accuracy(x, y, linear) > 0.8


def test_runs_do_not_touch_each_other(digits):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((28, 28, 1))
    x = keras.layers.Dense(8, activation="relu")(keras.layers.Flatten()(inputs))
    x = keras.layers.BatchNormalization()(x)
    model = keras.Model(inputs, keras.layers.Dense(10)(keras.layers.Dropout(0.5)(x)))
    start, (x, y) = values_of(model), digits.arrays("train")
    trainer = Trainer(model, keras.optimizers.AdamW(0.01), LOSS)

    def run(seed):
        trainer.reset(start)
        rows = batches.stream(len(x), 40, batches.generator(seed))
        trainer.fit(x[rows], y[rows], 8)
        return values_of(model)

    first, other, again = run(1), run(2), run(1)
    new = keras.models.clone_model(model)  # what has never been trained
    for variable, value in zip(new.variables, start, strict=True):
        variable.assign(value)
    new.compile(keras.optimizers.AdamW(0.01), loss=LOSS)
    rows = batches.stream(len(x), 40, batches.generator(1))
    new.fit(x[rows], y[rows], batch_size=8, shuffle=False, verbose=0)
    for a, b, c in zip(first, again, values_of(new), strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    assert not all(map(np.array_equal, first, other))


def test_a_short_training_that_diverges_stops_with_its_reason(digits):
    x, y = digits.arrays("train")
    model = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(),
                              keras.layers.Dense(10)])  # fmt: skip
    start, trainer = values_of(model), Trainer(model, keras.optimizers.SGD(1e38), LOSS)
    with pytest.raises(ValueError, match=r"training diverged: loss is (nan|inf).* lower the learn"):
        trainer.fit(x, y, 8)
    trainer.fit(x, y, 8, may_diverge=True)
    assert not np.isfinite(outputs(model, x)).all()
    trainer.reset(start)
    assert np.isfinite(outputs(model, x)).all()


def test_random_starts_depend_on_the_seed_alone(backbone):
    model = classifier(backbone)
    a, b, c = (random_start(model, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0], c[0]) and not np.array_equal(a[-2], c[-2])
    assert [x.shape for x in a] == [x.shape for x in values_of(model)]


def test_a_stream_shows_each_image_once_a_round(digits):
    x, y = digits.arrays("train")
    rows = batches.stream(len(x), 2 * len(x), batches.generator(0))
    seen, labels = x[rows], y[rows]
    for half in (slice(0, len(x)), slice(len(x), None)):
        assert sorted(map(bytes, seen[half])) == sorted(map(bytes, x))
    assert (np.bincount(labels) == 2 * np.bincount(y)).all()


def test_jitter_moves_images_and_depends_on_the_seed(digits):
    x, _ = digits.arrays("train")
    a, b, c = (jittered(x, seed) for seed in (0, 0, 1))
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    assert a.shape == x.shape and np.abs(a - x).max() > 0.1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda b: classifier(b, 1), "two classes"),
        (lambda b: classifier(wszoo.get("tied_conv_ae")), r"\(batch, width\)"),
        (
            lambda b: probe.fit_probe(np.eye(3), np.array([0, 0, 2]), classes=3, strength=1),
            r"\[1\]",
        ),
        (lambda b: Rivals(lambda: b, 3, 3, points=4), "1 to 3"),
    ],
)
def test_bad_input_is_named(backbone, make, words):
    with pytest.raises(ValueError, match=words):
        make(backbone)
