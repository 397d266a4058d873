"""Heads, probes and short trainings."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo.tasks import heads, probe
from wszoo.transferring.training import repeated as tune


@pytest.fixture(scope="module")
def backbone():
    keras.utils.set_random_seed(0)
    return wszoo.get("conv_net", sharing="cycle:2", width=8, depth=4, head=None)


@pytest.fixture(scope="module")
def digits():
    import wszoo.data

    return wszoo.data.load("digits", image_size=28).subset(5, seed=0)


def test_a_head_keeps_the_sites_and_their_sharing(backbone):
    model = heads.attach_head(backbone, 10)
    assert wszoo.sites(model) == (*wszoo.sites(backbone), "head")
    shared = wszoo.plan_of(model).restrict([f"block_{i}" for i in range(4)])
    assert shared.pattern == "ABAB"
    assert model.output_shape == (None, 10)


def test_a_probe_is_the_head_exactly(backbone, digits):
    x, y = digits.arrays("train")
    rows = probe.features(backbone, x)
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    linear = probe.fit_probe(rows, y, classes=10, strength=10.0)
    model = heads.attach_head(backbone, 10)
    model.get_layer("head").set_weights(linear)
    logits = model.predict(x, verbose=0)
    np.testing.assert_allclose(logits, rows @ linear[0] + linear[1], rtol=1e-5, atol=1e-5)
    assert tune.accuracy(model, x, y) == probe.accuracy(rows, y, linear)


def test_a_probe_of_two_classes_has_two_logits():
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.normal(-1, 1, (20, 3)), rng.normal(1, 1, (20, 3))])
    y = np.repeat([0, 1], 20)
    kernel, bias = linear = probe.fit_probe(x, y, classes=2, strength=1.0)
    assert kernel.shape == (3, 2) and bias.shape == (2,)
    assert probe.accuracy(x, y, linear) > 0.8


def test_runs_do_not_touch_each_other(backbone, digits):
    model = heads.attach_head(backbone, 10)
    schedule = tune.Schedule(1e-3, steps=5, batch_size=8, points=2)
    trainer = tune.Trainer(model, schedule)
    start = heads.random_start(model, 0)
    data = digits.arrays("train"), digits.arrays("validation")

    def run(seed):
        curve = trainer.run(start, *data, seed=seed)
        return curve, model.get_weights()

    first_curve, first = run(1)
    _, other = run(2)
    again_curve, again = run(1)
    assert first_curve == again_curve and [step for step, _ in first_curve] == [2, 5]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(first, other, strict=True))


def test_random_starts_depend_on_the_seed_alone(backbone):
    model = heads.attach_head(backbone, 10)
    a, b, c = (heads.random_start(model, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert not np.array_equal(a[0], c[0]) and not np.array_equal(a[-2], c[-2])
    assert [x.shape for x in a] == [x.shape for x in model.get_weights()]


def test_a_stream_shows_each_image_once_a_round(digits):
    x, y = digits.arrays("train")
    seen, labels = tune.stream(x, y, 2 * len(x), seed=0, jitter=False)
    for half in (slice(0, len(x)), slice(len(x), None)):
        assert sorted(map(bytes, seen[half])) == sorted(map(bytes, x))
    assert (np.bincount(labels) == 2 * np.bincount(y)).all()


def test_jitter_moves_images_and_depends_on_the_seed(digits):
    x, _ = digits.arrays("train")
    a, b, c = (tune.jittered(x, seed) for seed in (0, 0, 1))
    assert np.array_equal(a, b) and not np.array_equal(a, c)
    assert a.shape == x.shape and np.abs(a - x).max() > 0.1


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda b: heads.attach_head(b, 1), "two classes"),
        (lambda b: heads.attach_head(wszoo.get("tied_conv_ae"), 10), r"\(batch, width\)"),
        (
            lambda b: probe.fit_probe(np.eye(3), np.array([0, 0, 2]), classes=3, strength=1),
            r"\[1\]",
        ),
        (lambda b: tune.Schedule(-1.0), "must be a finite number above 0"),
        (lambda b: tune.Schedule(1e-3, steps=3, points=4), "1 to 3"),
    ],
)
def test_bad_input_is_named(backbone, make, words):
    with pytest.raises(ValueError, match=words):
        make(backbone)
