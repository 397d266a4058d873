"""Heads on one backbone: what they share, what the learnt weights do, and missing targets."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo.tasks.several import attach_heads, compile_heads, sharing_between_tasks, with_gaps
from wszoo.tasks.uncertainty import Uncertain, Uncertainty

TASKS = {"kind": "classification", "size": "regression", "flags": "multi_label"}


def net():
    keras.utils.set_random_seed(0)
    backbone = wszoo.get(
        "conv_net", sharing="AABB", depth=4, width=4, input_shape=(8, 8, 1), head=None
    )
    return backbone, attach_heads(backbone, TASKS, batch()[1])


def batch(n=24):
    rng = np.random.default_rng(0)
    x = rng.random((n, 8, 8, 1), "float32")
    targets = {
        "kind": rng.integers(0, 3, n),
        "size": rng.normal(5, 2, (n, 2)).astype("float32"),
        "flags": rng.integers(0, 2, (n, 4)).astype("float32"),
    }
    return x, targets


def test_the_tasks_share_the_backbone_and_its_sites(tmp_path):
    backbone, model = net()
    assert set(wszoo.sites(backbone)) <= set(wszoo.sites(model))
    assert wszoo.plan_of(model).restrict(wszoo.sites(backbone)) == wszoo.plan_of(backbone)
    found = sharing_between_tasks(model)
    assert found.shared == backbone.count_params() and found.stored == model.count_params()
    assert found.separate["kind"] == backbone.count_params() + 8 * 3 + 3 + 1
    outputs = model(batch()[0])
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "kind": (24, 3), "size": (24, 2), "flags": (24, 4)
    }  # fmt: skip
    twin = wszoo.untied_twin(model)
    wszoo.save(model, tmp_path / "model.keras")
    for other in (twin, wszoo.load(tmp_path / "model.keras")):
        for name, value in other(batch()[0]).items():
            np.testing.assert_allclose(value, outputs[name], atol=1e-6)
    assert wszoo.plan_of(wszoo.load(tmp_path / "model.keras")) == wszoo.plan_of(model)


@pytest.mark.parametrize("weights", [None, {"size": 0.25}, "uncertainty"])
def test_plain_fit_trains_all_tasks(weights, tmp_path):
    _, model = net()
    x, targets = batch()
    compile_heads(model, TASKS, optimizer=keras.optimizers.Adam(0.02), weights=weights)
    first = model.evaluate(x, targets, verbose=0, return_dict=True)
    history = model.fit(x, targets, epochs=8, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert {"kind_accuracy", "size_mae", "flags_accuracy"} <= set(history)
    if weights is None:
        assert first["loss"] == pytest.approx(sum(first[f"{name}_loss"] for name in TASKS))
    learnt = [float(model.get_layer(n).log_variance) for n in TASKS]
    assert all(value != 0 for value in learnt) == (weights == "uncertainty")
    model.save_weights(tmp_path / "x.weights.h5")
    _, other = net()
    other.load_weights(tmp_path / "x.weights.h5")
    assert [float(other.get_layer(n).log_variance) for n in TASKS] == learnt


def test_the_learnt_weights_are_those_of_the_paper():
    x, targets = batch()
    _, model = net()
    compile_heads(model, TASKS)
    plain = model.evaluate(x, targets, verbose=0, return_dict=True)
    total = 0.0
    for i, (name, task) in enumerate(TASKS.items()):
        s = 0.3 * (i + 1)
        model.get_layer(name).log_variance.assign(s)
        factor = 0.5 if task == "regression" else 1.0
        total += factor * np.exp(-s) * plain[f"{name}_loss"] + s / 2
    compile_heads(model, TASKS, weights="uncertainty")
    assert model.evaluate(x, targets, verbose=0, return_dict=True)["loss"] == pytest.approx(
        total, rel=1e-5
    )


def test_the_log_variance_settles_at_the_noise():
    """Where the squared error is e², s = log e² makes ½ e⁻ˢ e² + ½ s smallest."""
    inputs = keras.Input((1,))
    layer = Uncertainty(name="u")
    model = keras.Model(inputs, layer(inputs))
    loss = Uncertain(keras.losses.MeanSquaredError(), factor=0.5, layer=layer)
    model.compile(keras.optimizers.SGD(0.5), loss=loss)
    x = np.zeros((64, 1), "float32")
    model.fit(x, x + 3.0, epochs=60, batch_size=64, verbose=0)
    assert float(layer.log_variance) == pytest.approx(np.log(9.0), abs=0.01)


def test_a_loaded_model_wants_to_be_compiled_again(tmp_path):
    _, model = net()
    x, targets = batch()
    compile_heads(model, TASKS, weights="uncertainty")
    model.fit(x, targets, verbose=0)
    wszoo.save(model, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="compile the model again"):
        loaded.fit(x, targets, verbose=0)
    compile_heads(loaded, TASKS, weights="uncertainty")
    one, two = (m.evaluate(x, targets, verbose=0) for m in (model, loaded))
    np.testing.assert_allclose(one, two, rtol=1e-5)


def test_missing_targets_neither_train_nor_count():
    x, targets = batch()
    targets["kind"][::2], targets["size"][5, 1] = -1, np.nan
    filled, weight = with_gaps(targets, TASKS)
    assert weight["kind"].sum() == 12 and weight["size"].sum() == 23
    _, model = net()
    compile_heads(model, TASKS)
    found = model.evaluate(x, filled, sample_weight=weight, verbose=0, return_dict=True)
    there = targets["kind"] >= 0
    right = np.asarray(model(x)["kind"]).argmax(1)[there] == targets["kind"][there]
    assert found["kind_accuracy"] == pytest.approx(right.mean())
    targets["kind"][:] = -1
    with pytest.raises(ValueError, match="no example has a target of 'kind'"):
        with_gaps(targets, TASKS)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda b, m: attach_heads(b, {"kind": "ranking"}, {}), "classification, multi_label, reg"),
        (
            lambda b, m: attach_heads(b, {"kind": "classification"}, {"kind": np.zeros(9, int)}),
            "one class only",
        ),
        (lambda b, m: attach_heads(b, {"size": "regression"}, {"size": np.ones(9)}), "same value"),
        (lambda b, m: attach_heads(b, {}, {}), "tasks must not be empty"),
        (lambda b, m: attach_heads(b, TASKS, {"kind": np.arange(9)}), "targets are for"),
        (
            lambda b, m: attach_heads(b, {"stem": "classification"}, {"stem": np.arange(9)}),
            r"taken: \['stem'\]",
        ),
        (lambda b, m: attach_heads(m, TASKS, batch()[1]), r"features \(batch, width\)"),
        (lambda b, m: compile_heads(m, {"kind": "classification"}), "the model has the heads"),
        (lambda b, m: compile_heads(m, TASKS, weights={"size": 0}), "positive numbers"),
        (lambda b, m: compile_heads(m, TASKS, weights="learn"), "'uncertainty'"),
        (lambda b, m: with_gaps({"kind": np.zeros(2)}, TASKS), "received"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call(*net())
