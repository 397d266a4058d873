"""Layer-wise learning rates: each variable's step is rate × factor × gradient, in plain `fit`."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from programs import ON_JAX

import wszoo
from wszoo.transferring.freezing.rates import layer_rates, with_rates
from wszoo.transferring.freezing.stages import select, stages


def linear():
    """Three linear layers, the middle one called twice."""
    x = inputs = keras.Input((3,), name="x")
    middle = keras.layers.Dense(3, use_bias=False, name="block_1")
    x = keras.layers.Dense(3, use_bias=False, name="block_0")(x)
    x = middle(middle(x))
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(x))


def step(model, optimizer, x, y):
    """`{path: (change, gradient)}` of one training step in `fit`."""
    model.compile(keras.optimizers.SGD(1.0), loss="mse")
    start = model.get_weights()
    model.fit(x, y, batch_size=len(x), verbose=0)
    gradients = [a - b for a, b in zip(start, model.get_weights(), strict=True)]
    model.set_weights(start)
    model.compile(optimizer, loss="mse")
    model.fit(x, y, batch_size=len(x), verbose=0)
    changes = [a - b for a, b in zip(start, model.get_weights(), strict=True)]
    paths = [variable.path for variable in model.weights]
    return dict(zip(paths, zip(changes, gradients, strict=True), strict=True))


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 3)).astype("float32"), rng.normal(size=(8, 2)).astype("float32")


@pytest.mark.parametrize("shared", ["mean", "min", "max", "first"])
def test_a_step_is_rate_times_factor_times_gradient(data, shared):
    model = linear()
    rates = layer_rates(model, decay=0.5, multipliers={"head": 3, "block_0": 2}, shared=shared)
    assert rates["block_0/kernel"] == 2 * 0.25 and rates["head/bias"] == 3.0
    optimizer = with_rates(keras.optimizers.SGD(0.125), rates)
    for path, (change, gradient) in step(model, optimizer, *data).items():
        np.testing.assert_allclose(change, 0.125 * rates[path] * gradient, rtol=1e-4, atol=1e-7)


def test_the_rule_of_a_layer_shared_by_depths():
    model = wszoo.get("conv_net", sharing="tied", depth=4, width=4, input_shape=(8, 8, 1))
    parts = stages(model)
    assert list(parts)[:2] == ["stem", "block_0"] and list(parts)[-1] == "head"
    depths = [list(parts)[::-1].index(f"block_{i}") for i in range(4)]
    for shared, wanted in {
        "min": 0.5 ** max(depths),
        "max": 0.5 ** min(depths),
        "first": 0.5 ** depths[0],
        "mean": 0.5 ** np.mean(depths),
    }.items():
        rates = layer_rates(model, decay=0.5, shared=shared)
        assert rates["block_0/kernel"] == pytest.approx(wanted)


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop", "Lion", "Adagrad", "Nadam"])
def test_all_factors_one_is_the_optimizer_itself_and_zero_moves_nothing(data, name):
    make = getattr(keras.optimizers, name)
    results = []
    for rates in (None, {}, {"block_0/kernel": 0.0}):
        keras.utils.set_random_seed(0)
        model = linear()
        start = model.get_weights()
        optimizer = make(0.05)
        model.compile(optimizer if rates is None else with_rates(optimizer, rates), loss="mse")
        model.fit(*data, epochs=3, verbose=0, shuffle=False)
        results.append(model.get_weights())
    for a, b in zip(results[0], results[1], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(results[2][0], start[0])
    assert not np.array_equal(results[2][1], start[1])


def test_decoupled_weight_decay_scales_with_the_step():
    model = linear()
    start = [np.array(w) for w in model.get_weights()]
    optimizer = with_rates(
        keras.optimizers.SGD(0.1, weight_decay=0.5), {"block_0/kernel": 0.25, "head/kernel": 0.0}
    )
    optimizer.apply([0 * w for w in model.trainable_variables], model.trainable_variables)
    for before, variable in zip(start, model.trainable_variables, strict=True):
        factor = {"block_0/kernel": 0.25, "head/kernel": 0.0}.get(variable.path, 1.0)
        np.testing.assert_allclose(variable, before * (1 - 0.1 * 0.5 * factor), rtol=1e-6)


def test_rates_and_schedules_are_saved_with_the_model(data, tmp_path):
    model = linear()
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 20)
    rates = layer_rates(model, decay=0.5)
    model.compile(with_rates(keras.optimizers.Adam(schedule), rates), loss="mse")
    model.fit(*data, epochs=2, verbose=0, shuffle=False)
    wszoo.save(model, tmp_path / "m.keras")
    again = wszoo.load(tmp_path / "m.keras")
    assert type(again.optimizer).__name__ == "RatedAdam"
    assert dict(again.optimizer.rates) == rates
    for one in (model, again):
        one.fit(*data, epochs=3, verbose=0, shuffle=False)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.slow
def test_a_fresh_process_loads_the_optimizer(data, tmp_path):
    model = linear()
    model.compile(with_rates(keras.optimizers.Adam(), layer_rates(model, decay=0.5)), loss="mse")
    wszoo.save(model, tmp_path / "m.keras")
    script = "import sys, wszoo; print(type(wszoo.load(sys.argv[1]).optimizer).__name__)"
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path / "m.keras"], capture_output=True, text=True
    )
    assert done.stdout.split() == ["RatedAdam"], done.stderr


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "jax", reason="this is that run")
def test_the_same_on_jax():
    tests = "a_step or decoupled or zero_moves"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-k", tests, "-p", "no:cacheprovider", __file__],
        env=ON_JAX, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "12 passed" in done.stdout


def test_stages_and_what_chooses_them():
    model = keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=3)
    parts = stages(model, r"conv\d")
    assert list(parts) == ["conv1", "conv2", "conv3", "conv4", "conv5", "predictions"]
    assert select(parts, "depth>=-1") == ["predictions"]
    assert select(parts, ["depth<1", "pred*"]) == ["conv1_conv", "conv1_bn", "predictions"]
    assert len(select(parts, "all")) == len(wszoo.sites(model))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"multipliers": {"block_9*": 2}}, r"'block_9\*' matches no stage"),
        ({"decay": -0.5}, "decay must be a finite number of at least 0"),
        ({"shared": "sum"}, "mean, min, max, first"),
        ({"pattern": "["}, "regular expression"),
        ({"pattern": "nothing"}, "matches no site"),
    ],
)
def test_what_cannot_be_meant_is_said(arguments, words):
    with pytest.raises(ValueError, match=words):
        layer_rates(linear(), **arguments)


def test_an_optimizer_that_has_begun_is_refused():
    model = linear()
    optimizer = keras.optimizers.Adam()
    optimizer.build(model.trainable_variables)
    with pytest.raises(ValueError, match="variables already"):
        with_rates(optimizer, {})
    with pytest.raises(ValueError, match="inside"):
        with_rates(keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam()), {})
