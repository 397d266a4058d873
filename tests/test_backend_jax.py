"""The same laws on the JAX backend. Keras has one backend a process, so this is another process."""

import importlib.util
import subprocess
import sys

import pytest
from programs import ON_JAX

pytestmark = pytest.mark.slow

SCRIPT = """
import itertools, tempfile
from pathlib import Path

import keras
import numpy as np

import wszoo
from wszoo.layers import (
    Bias, LocallyConnected2D, ReversibleConv2D, ReversibleDense, TimeSharedRNN
)
from wszoo.exporting.parity import random_inputs
from wszoo.sharing import graph
from wszoo.sharing.files.arrays import file_parameters

assert keras.backend.backend() == "jax"
CONFIG = {
    "conv_net": {"input_shape": (8, 8, 1), "width": 4, "depth": 4},
    "dense_net": {"input_shape": (5, 4, 1), "widths": (6, 3)},
    "local_net": {"input_shape": (7, 8, 1), "filters": (3, 2), "kernel_size": 2},
    "tiled_net": {"input_shape": (8, 8, 1), "filters": (3, 2), "kernel_size": 2, "tiles": 2},
    "rnn": {"input_shape": (4, 3), "units": 4, "depth": 4, "steps": "AABB"},
    "tied_ae": {"input_shape": (5, 4, 1), "widths": (6, 3)},
    "tied_conv_ae": {"input_shape": (7, 8, 1), "filters": (3, 4)},
    "tied_seq_ae": {"input_shape": (9, 2), "filters": (3, 4)},
    "tied_lm": {"input_shape": (6,), "vocabulary": 7, "width": 4, "heads": 2},
    "shared_encoder": {
        "input_shape": (5,), "vocabulary": 9, "factor": 3, "width": 4, "heads": 2, "depth": 4
    },
    "shared_vit": {"input_shape": (8, 8, 1), "width": 4, "heads": 2, "depth": 4},
    "efficientnet_lite0": {"input_shape": (32, 32, 3), "width": 0.1, "depth": 0.25, "head": 5},
}
assert set(CONFIG) == set(wszoo.list_models())

for name, config in CONFIG.items():
    inner = name in ("dense_net", "local_net", "tiled_net")
    inner |= name == "efficientnet_lite0"  # whose kernels differ in shape
    plan = "untied" if inner else "cycle_rev:2"
    if wszoo.info(name).family == "transformer":
        plan = "depth:cycle_rev:2"
    model = wszoo.get(name, sharing=plan, **config)
    (x,) = random_inputs(model).values()
    found = wszoo.plan_of(model)
    model.compile("adam", "mse")
    before = np.asarray(model(x))
    model.fit(x, np.zeros((4, *model.output_shape[1:])), verbose=0)
    outputs = np.asarray(model(x))
    assert not np.array_equal(outputs, before), name
    assert wszoo.plan_of(model) == found, name
    for site in found.sites:
        assert graph.layer_at(model, site) is graph.layer_at(model, found.owner(site))
    twin = wszoo.untied_twin(model)
    np.testing.assert_array_equal(twin(x), outputs)
    np.testing.assert_array_equal(wszoo.retie(twin, found)(x), outputs)
    path = Path(tempfile.mkdtemp()) / "model.keras"
    wszoo.save(model, path)
    loaded = wszoo.load(path)
    np.testing.assert_array_equal(loaded(x), outputs)
    assert wszoo.plan_of(loaded) == found
    assert file_parameters(path) == wszoo.audit(model).stored_parameters

# Relaxed: full rank loses nothing, folding back neither; soft tying ends tied.
from wszoo.relaxed import SoftTying, spread

settings = {"sharing": "depth:ABCD", **CONFIG["tied_lm"]}
model, named = wszoo.get("tied_lm", **settings), ("attention_*", "ffn_*")
(x,) = random_inputs(model).values()
outputs = np.asarray(model(x))
whole = wszoo.relax(model, rank=4, plan="depth:tied", sites=named)
np.testing.assert_allclose(whole(x), outputs, atol=1e-5)
relaxed = wszoo.relax(model, rank=1, plan="depth:tied", sites=named)
before = np.asarray(relaxed(x))
relaxed.compile("adam", "mse")
relaxed.fit(x, np.zeros((4, *model.output_shape[1:])), verbose=0)
after = np.asarray(relaxed(x))
assert not np.allclose(after, before, atol=1e-4)
merged = wszoo.merge_relaxed(relaxed)
np.testing.assert_allclose(merged(x), after, atol=1e-5)
assert wszoo.sites(merged) == wszoo.sites(model)
plan = wszoo.plan_of(wszoo.retie(model, "depth:tied"))
model.compile("adam", "mse")
zeros = np.zeros((4, *model.output_shape[1:]))
pull = SoftTying(plan, steps=8)
history = model.fit(x, zeros, batch_size=2, epochs=5, verbose=0, callbacks=[pull]).history
assert history["spread"][0] > 0.1 and max(history["spread"][3:]) == spread(model, plan) < 1e-6
tied = wszoo.retie(model, plan, weights="mean")
np.testing.assert_allclose(tied(x), model(x), atol=1e-5)
assert not np.allclose(model(x), outputs, atol=1e-3)

def integers(*shape, seed=0):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype("float32")

layer = ReversibleDense(5, input_dim=4)
layer.build((None, 4))
layer.kernel.assign(integers(4, 5))
x, z = integers(2, 3, 4, seed=1), integers(2, 3, 5, seed=2)
forward, reverse = np.asarray(layer(x)), np.asarray(layer(z, reverse=True))
assert np.sum(forward * z) == np.sum(x * reverse) != 0
np.testing.assert_array_equal(Bias()(x), x)

for kernel, stride, padding, size in itertools.product(
    range(1, 6), range(1, 4), ("same", "valid"), (6, 7)
):
    layer = ReversibleConv2D(3, kernel, strides=stride, padding=padding, input_channels=2)
    layer.build((None, None, None, 2))
    layer.kernel.assign(integers(*layer.kernel.shape))
    x = integers(1, size, size + 1, 2, seed=1)
    forward = np.asarray(layer(x))
    z = integers(*forward.shape, seed=2)
    reverse = np.asarray(layer(z, reverse=True, output_size=(size, size + 1)))
    assert reverse.shape == x.shape, (kernel, stride, padding, size)
    assert np.sum(forward * z) == np.sum(x * reverse), (kernel, stride, padding, size)
    plain = layer(z, reverse=True)
    assert plain.shape[1:] == layer(keras.Input(z.shape[1:]), reverse=True).shape[1:]

# The gradient of a local layer is the functional it stands for, in whole numbers.
import jax

for padding, tiles in itertools.product(("valid", "same", "circular"), (None, (2, 1), 1)):
    layer = LocallyConnected2D(3, (3, 1), strides=(1, 2), padding=padding, tiles=tiles)
    layer.build((None, 6, 5, 2))
    layer.kernel.assign(integers(*layer.kernel.shape))
    x, other = integers(2, 6, 5, 2, seed=1), integers(2, 6, 5, 2, seed=2)
    z = integers(*layer(x).shape, seed=3)
    by_x = jax.grad(lambda value: (layer(value, training=True) * z).sum())(x)
    assert np.sum(by_x * other) == np.sum(np.asarray(layer(other)) * z), (padding, tiles)
for name, theirs in (
    ("simple", keras.layers.SimpleRNN), ("gru", keras.layers.GRU), ("lstm", keras.layers.LSTM)
):
    x = integers(2, 6, 3) / 8
    layers = [TimeSharedRNN(4, cell=name, steps=steps) for steps in (None, "AABBBB", 6)]
    for layer in layers:
        layer.build((None, 6, 3))
    one, two, twin = layers
    keras_layer = theirs(4)
    keras_layer.build((None, 6, 3))
    keras_layer.set_weights(one.get_weights())
    two.set_weights(one.get_weights() * 2)
    twin.set_weights(one.get_weights() * 6)
    for layer in layers:
        np.testing.assert_allclose(layer(x), keras_layer(x), atol=1e-5)
print("all laws hold")
"""


def test_laws_on_jax():
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed (pip install wszoo[jax])")
    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=ON_JAX,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert result.stdout.strip() == "all laws hold"
