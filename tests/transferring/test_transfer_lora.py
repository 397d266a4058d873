"""Adapters train alone, in every role of a shared kernel, untie nothing, and merge exactly."""

import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from programs import ON_JAX

import wszoo
from wszoo import layers
from wszoo.sharing import graph
from wszoo.sharing.files.arrays import file_parameters
from wszoo.transferring.freezing.freeze import freeze
from wszoo.transferring.lora import add_lora, merge

CONFIG = {
    "tied_ae": {"input_shape": (5, 4, 1), "widths": (16, 8)},
    "tied_conv_ae": {"input_shape": (7, 8, 1), "filters": (6, 8)},
    "conv_net": {"input_shape": (8, 8, 1), "width": 8, "depth": 4, "sharing": "AABB", "head": 6},
    "tied_lm": {"input_shape": (6,), "vocabulary": 11, "width": 8, "heads": 2},
    "rnn": {"input_shape": (4, 5), "units": 6, "depth": 2, "steps": "AABB"},
}


JAX = """
import keras, numpy as np, wszoo
from wszoo.transferring.lora import add_lora, merge

assert keras.backend.backend() == "jax"
for name in ("tied_ae", "conv_net"):
    model = wszoo.get(name, **CONFIG[name])
    rng = np.random.default_rng(0)
    x = rng.random((8, *model.input_shape[1:]), "float32")
    y = rng.random((8, *model.output_shape[1:]), "float32")
    adapted = add_lora(model, rank=1, adapters="untied")
    new, before = adapted.model, model.predict(x, verbose=0)
    new.compile("adam", "mse")
    new.fit(x, y, epochs=2, verbose=0)
    adapted.verify()
    np.testing.assert_array_equal(model.predict(x, verbose=0), before)  # has buffers of its own
    now = new.predict(x, verbose=0)
    assert np.abs(now - before).max() > 1e-4
    np.testing.assert_allclose(merge(new, untie=True).predict(x, verbose=0), now, atol=1e-5)
    wszoo.save(new, "model.keras")
    np.testing.assert_array_equal(wszoo.load("model.keras").predict(x, verbose=0), now)
print("all the same")
"""


def made(name):
    keras.utils.set_random_seed(0)
    return wszoo.get(name, **CONFIG[name])


def batch(model, seed=0):
    """Inputs and something to learn."""
    rng = np.random.default_rng(seed)
    shape = (16, *model.input_shape[1:])
    x = rng.integers(0, 11, shape) if model.input.dtype == "int32" else rng.random(shape, "float32")
    return x, rng.random((16, *model.output_shape[1:]), "float32")


def trained(model, data, eagerly=True):
    """After two steps; a graph takes longer to trace than they take."""
    model.compile(keras.optimizers.Adam(0.01), loss="mse", run_eagerly=eagerly)
    model.fit(*data, epochs=2, verbose=0)
    return model


def close(first, second, x, atol=1e-6):
    np.testing.assert_allclose(np.asarray(first(x)), np.asarray(second(x)), atol=atol)


@pytest.mark.parametrize("adapters", [None, "untied"])
@pytest.mark.parametrize("name", CONFIG)
def test_adapters_alone_train_and_merge_without_a_difference(name, adapters):
    model = made(name)
    data = batch(model)
    adapted = add_lora(model, rank=1, adapters=adapters)
    new = adapted.model
    np.testing.assert_array_equal(model(data[0]), new(data[0]))
    assert wszoo.plan_of(new) == wszoo.plan_of(model) and wszoo.sites(new) == wszoo.sites(model)
    assert {v.path.rpartition("_lora_")[1] for v in new.trainable_variables} == {"_lora_"}
    assert sum(own for _, own in adapted.parameters.values()) == sum(
        int(np.prod(v.shape)) for v in new.trainable_variables
    )
    trained(new, data)
    adapted.verify()
    assert np.abs(np.asarray(new(data[0]) - model(data[0]))).max() > 1e-3
    plain = merge(new, untie=adapters is not None)
    close(plain, new, data[0])
    if adapters is None:
        assert wszoo.plan_of(plain) == wszoo.plan_of(model)
        assert plain.count_params() == model.count_params()
        assert wszoo.audit(plain).groups == wszoo.audit(model).groups
    assert not any(isinstance(layer, layers.Adapted) for layer in plain.layers)


def test_the_roles_of_a_kernel_see_one_adapted_kernel():
    model = add_lora(made("tied_ae"), rank=2).model
    layer = model.get_layer("encoder_0")
    b = layer.factors[0][1]
    b.assign(np.random.default_rng(0).normal(size=b.shape))
    forward = np.asarray(layer(np.eye(20, dtype="float32")))
    backward = np.asarray(layer(np.eye(16, dtype="float32"), reverse=True))
    np.testing.assert_allclose(forward, backward.T, atol=1e-6)
    assert np.linalg.matrix_rank(forward - np.asarray(layer.kernels[0]), tol=1e-5) == 2


@pytest.mark.parametrize("name", ["tied_ae", "conv_net"])
def test_surgery_and_the_audit_see_the_same_groups(name):
    model = made(name)
    data = batch(model)
    new = trained(add_lora(model, rank=1).model, data)
    twin = wszoo.untied_twin(new)
    close(twin, new, data[0])
    again = wszoo.retie(twin, wszoo.plan_of(new))
    close(again, new, data[0])
    assert wszoo.plan_of(again) == wszoo.plan_of(model)
    assert [g.sites for g in wszoo.audit(new).groups] == [
        g.sites for g in wszoo.audit(model).groups
    ]
    assert [row.unrolled_parameters for row in wszoo.audit(new).inner] == [
        row.unrolled_parameters for row in wszoo.audit(model).inner
    ]
    plain = merge(wszoo.untied_twin(new))
    close(plain, new, data[0])


@pytest.mark.parametrize("adapters", [None, "untied"])
def test_a_file_goes_on_as_the_model_does(tmp_path, adapters):
    model = made("tied_ae")
    data = batch(model)
    new = trained(add_lora(model, rank=2, adapters=adapters).model, data, eagerly=False)
    wszoo.save(new, tmp_path / "model.keras")
    loaded = wszoo.load(tmp_path / "model.keras")
    assert wszoo.plan_of(loaded) == wszoo.plan_of(new)
    assert file_parameters(tmp_path / "model.keras") == loaded.count_params()
    assert [v.path for v in loaded.trainable_variables] == [v.path for v in new.trainable_variables]
    np.testing.assert_array_equal(loaded(data[0]), new(data[0]))
    for each in (loaded, new):
        each.fit(*data, verbose=0)
    close(loaded, new, data[0])
    new.save_weights(tmp_path / "x.weights.h5")  # as a run's backup does
    fresh = add_lora(model, rank=2, adapters=adapters).model
    fresh.load_weights(tmp_path / "x.weights.h5")
    np.testing.assert_array_equal(fresh(data[0]), new(data[0]))


def test_a_plan_says_which_sites_have_adapters_of_their_own():
    model = made("conv_net")  # AABB
    adapted = add_lora(model, "block_*", rank=2, adapters="ABCC")
    assert adapted.adapters.pattern == "ABCC"
    assert [own for _, own in adapted.parameters.values()] == [2 * 2 * 73, 2 * 73]
    assert wszoo.plan_of(adapted.model) == wszoo.plan_of(model)
    data = batch(model)
    trained(adapted.model, data)
    with pytest.raises(ValueError, match=r"'block_0', 'block_1'.*untie=True"):
        merge(adapted.model)
    plain = merge(adapted.model, untie=True)
    close(plain, adapted.model, data[0])
    asked = wszoo.plan_of(plain).restrict(f"block_{i}" for i in range(4))
    assert asked.pattern == "ABCC"
    back = add_lora(wszoo.retie(model, "AAAA"), "block_*", rank=2, adapters="ABBA")
    assert back.parameters == {"block_0": (576, 2 * 2 * 73)}
    # Sites of different layers do not come to share an adapter.
    assert add_lora(model, "block_*", rank=1, adapters="tied").adapters.pattern == "AABB"


def test_one_site_of_a_group_may_have_an_adapter_and_the_other_none():
    model = made("tied_ae")
    data = batch(model)
    adapted = add_lora(model, "decoder_0", rank=2, adapters="untied")
    assert adapted.adapters.sites == ("decoder_0",) and not adapted.also
    trained(adapted.model, data)
    code = [keras.Model(m.input, m.get_layer("code").output) for m in (model, adapted.model)]
    np.testing.assert_array_equal(code[0](data[0]), code[1](data[0]))
    plain = merge(adapted.model, untie=True)
    close(plain, adapted.model, data[0])
    assert wszoo.plan_of(plain).owner("decoder_0") == "decoder_0"


def test_the_sites_that_come_along_are_said():
    adapted = add_lora(made("tied_ae"), "decoder_0", rank=2)
    assert adapted.also == {"encoder_0": ("encoder_0",)}
    assert adapted.adapters.groups == {"encoder_0": ("encoder_0", "decoder_0")}
    assert "encoder_0, decoder_0" in "".join(map(str, adapted.table().columns[1].cells))


def test_a_head_trains_in_full_beside_them_and_nothing_else():
    model = made("conv_net")
    data = batch(model)
    trained(model, data)
    adapted = add_lora(model, rank=2, train="head")
    new = adapted.model
    assert new.compiled and not isinstance(graph.layer_at(new, "head"), layers.Adapted)
    assert adapted.skipped["head"] == "it trains in full"
    slots = {v.path.rpartition("/")[2]: np.asarray(v) for v in new.optimizer.variables}
    old = {v.path.rpartition("/")[2]: np.asarray(v) for v in model.optimizer.variables}
    kept = [name for name in slots if "head_kernel" in name]
    assert len(kept) == 2 and all(np.array_equal(slots[n], old[n]) for n in kept)
    before = {v.path: np.asarray(v) for v in new.weights}
    new.fit(*data, epochs=2, verbose=0)  # A has no gradient before B has moved
    moved = {v.path for v in new.weights if not np.array_equal(v, before[v.path])}
    assert moved == {v.path for v in new.trainable_variables}
    adapted.verify()
    adapted.model.get_layer("block_0").kernels[0].assign(np.zeros((3, 3, 8, 8)))
    with pytest.raises(ValueError, match="block_0/kernel"):
        adapted.verify()


def test_freezing_speaks_of_adapters_and_never_of_what_they_wrap():
    model = made("conv_net")
    data = batch(model)
    new = trained(add_lora(model, rank=2).model, data)
    state = freeze(new, "all")
    kernel = np.asarray(new.get_layer("block_0").kernels[0])
    new.fit(*data, verbose=0)
    np.testing.assert_array_equal(kernel, new.get_layer("block_0").kernels[0])
    state.verify()
    assert "block_0/kernel" in state.marks
    freeze(new, ["block_2", "block_3"])
    assert {v.path.split("/")[0] for v in new.trainable_variables} == {"block_2"}


def zoo():
    """Every kind of layer with a kernel, of Keras and of wszoo, in one graph."""
    keras.utils.set_random_seed(0)
    kl = keras.layers
    tokens = keras.Input((6,), dtype="int32")
    x = kl.Embedding(11, 8, name="table")(tokens)
    x = kl.MultiHeadAttention(2, 4, dropout=0.1, name="keras_attention")(x, x)
    x = layers.SelfAttention(2, name="attention")(x)
    x = kl.EinsumDense("btw,wu->btu", (6, 8), name="einsum")(x)
    x = kl.LSTM(6, return_sequences=True, name="lstm")(x)
    x = layers.TimeSharedRNN(6, steps=2, return_sequences=True, name="steps")(x)
    x = kl.Conv1D(6, 3, padding="same", groups=2, name="conv1d")(x)
    x = kl.Reshape((6, 6, 1))(x)
    x = kl.Conv2D(6, 3, padding="same", name="conv2d")(x)
    x = kl.DepthwiseConv2D(3, padding="same", name="depthwise")(x)
    x = kl.SeparableConv2D(6, 3, padding="same", name="separable")(x)
    x = kl.Conv2DTranspose(4, 3, padding="same", name="transposed")(x)
    x = layers.LocallyConnected2D(3, 3, tiles=2, padding="same", name="local")(x)
    x = kl.Dense(6, name="dense", activity_regularizer="l2")(kl.Flatten()(x))
    return keras.Model(tokens, x)


def test_every_kind_of_kernel_can_be_adapted():
    model = zoo()
    data = batch(model)
    adapted = add_lora(model, rank=1)
    assert set(adapted.parameters) == {
        *("table", "keras_attention", "attention", "einsum", "lstm", "steps", "conv1d"),
        *("conv2d", "depthwise", "separable", "transposed", "local", "dense"),
    }
    new = trained(adapted.model, data)
    adapted.verify()
    for layer in new.layers:
        if isinstance(layer, layers.Adapted):  # B of each kernel has left zero
            assert all(np.any(np.asarray(b)) for _, b in layer.factors), layer.name
    close(merge(new), new, data[0])
    variables = new.get_layer("keras_attention").adapted.variables
    (state,) = [v for v in variables if "seed" in v.path]
    assert np.asarray(state)[1] > 0  # dropout inside draws anew at every step


def test_the_loss_of_a_wrapped_layer_counts():
    model = zoo()
    data = batch(model)
    for each in (model, new := add_lora(model, "dense", rank=1).model):
        each.compile(loss="mse")
    wanted = model.evaluate(*data, verbose=0)
    assert new.evaluate(*data, verbose=0) == pytest.approx(wanted, rel=1e-6)


def test_adapters_of_a_model_in_half_precision():
    inputs = keras.Input((8,))
    x = keras.layers.Dense(8, dtype="mixed_bfloat16", name="a")(inputs)
    outputs = keras.layers.Dense(4, dtype="bfloat16", name="b")(x)
    new = add_lora(keras.Model(inputs, outputs), rank=1).model
    data = batch(new)
    trained(new, data)
    plain = merge(new)
    assert plain.get_layer("b").kernel.dtype == "bfloat16"
    close(plain, new, data[0], atol=0.05)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rank": 0}, "rank must be a whole number of at least 1; received 0"),
        ({"rank": 2.5}, "received 2.5"),
        ({"alpha": 0}, "alpha must be a finite number above 0"),
        ({"rank": 99}, r"head: its kernel 16×6 has room for ranks below 4.36"),
        ({"where": "nothing*"}, "'nothing\\*' matches no stage"),
        ({"where": ["block_0", "last_norm"]}, "(?s)'last_norm' chooses no layer.*no kernel"),
        ({"where": "head", "train": "head"}, "it trains in full"),
        ({"adapters": "AB"}, "sites"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        add_lora(made("conv_net"), **arguments)


class WithCall(keras.Model):
    """A model without a graph that has a kernel."""

    def build(self, shape):
        self.kernel = self.add_weight(shape=(8, 8))

    def call(self, inputs):
        return inputs @ self.kernel


def test_layers_of_nested_models_are_adapted():
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, name="dense")], name="inner")
    inputs = keras.Input((8,))
    model = keras.Model(inputs, inner(inner(inputs)))
    x = np.random.default_rng(0).normal(size=(3, 8)).astype("float32")
    new = add_lora(model, "inner.*", rank=2)
    assert new.adapters.sites == ("inner.dense", "inner.dense.1")
    np.testing.assert_allclose(new.model(x), model(x), atol=1e-6)
    assert wszoo.plan_of(merge(new.model)) == wszoo.plan_of(model)


def test_what_cannot_be_adapted_or_merged_says_why():
    model = made("conv_net")
    with pytest.raises(ValueError, match="no adapters to merge"):
        merge(model)
    once = add_lora(model, "block_0", rank=2).model
    with pytest.raises(ValueError, match="it has adapters already"):
        add_lora(once, "block_0", rank=2)
    dense = keras.layers.Dense(8)
    with pytest.raises(ValueError, match="it is not built"):
        layers.Adapted(dense, rank=1)
    odd = WithCall(name="odd")
    inputs = keras.Input((8,))
    with pytest.raises(ValueError, match="odd: it is a whole model"):
        add_lora(keras.Model(inputs, odd(inputs)), rank=1)
    held = keras.layers.Dense(8, kernel_constraint="non_neg")
    with pytest.raises(ValueError, match="without a constraint"):
        add_lora(keras.Sequential([keras.Input((8,)), held]), rank=1)


@pytest.mark.parametrize("name", ["tied_ae", "conv_net", "tied_lm"])
def test_merged_models_are_exported_with_each_weight_once(name, tmp_path):
    keras.utils.set_random_seed(0)
    model = wszoo.get(name, **({"sharing": "AABBCC"} if name == "conv_net" else {}))
    new = add_lora(model, rank=2).model
    rng = np.random.default_rng(0)
    for weight in new.weights:
        if not weight.path.endswith("variance"):
            weight.assign(rng.normal(0, 0.05, weight.shape))
    plain = merge(new)
    report = wszoo.export(plain, tmp_path)
    for item in report.files:
        assert item.file.ratio == 1.0 and item.ratio <= 1.4, item
    wszoo.save(plain, tmp_path / "model.keras")
    assert file_parameters(tmp_path / "model.keras") == model.count_params()


@pytest.mark.slow
def test_the_same_on_jax(tmp_path):
    here = {"PYTHONPATH": str(Path(wszoo.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", f"{CONFIG = }\n{JAX}"],
        capture_output=True, text=True, cwd=tmp_path, env=ON_JAX | here,
    )  # fmt: skip
    assert "all the same" in done.stdout, done.stderr
