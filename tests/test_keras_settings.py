"""Keras' global settings do not change what shipped weights compute."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import layers

import wszoo
from wszoo import registry, weights
from wszoo.transfer import backbones

TAGS = [f"{name}.{tag}" for name in registry.list_models() for tag in weights.tags(name)]
# Policy → the largest difference, relative to the largest output: some units of its rounding.
POLICIES = {"float64": 2e-6, "mixed_float16": 5e-3, "bfloat16": 3e-2}


@pytest.fixture(autouse=True)
def restored():
    policy = keras.config.dtype_policy()
    yield
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_dtype_policy(policy)


def unusual():
    """Every setting that must change nothing."""
    keras.config.set_image_data_format("channels_first")
    keras.config.set_floatx("float16")
    keras.config.set_epsilon(1e-2)


def examples(model):
    (given,) = model.inputs
    shape = (2, *(size or 8 for size in given.shape[1:]))
    rng = np.random.default_rng(0)
    whole = "int" in given.dtype
    return rng.integers(0, 10, shape) if whole else rng.random(shape, dtype="float32")


def numbers(model, x):
    return np.asarray(keras.ops.convert_to_numpy(model(x)), "float64")


def test_the_shipped_tags_are_there():
    assert len(TAGS) >= 13


@pytest.mark.parametrize("tag", TAGS)
def test_shipped_weights_give_the_same_numbers_under_other_settings(tag):
    model = wszoo.get(tag)
    x = examples(model)
    wanted = numbers(model, x)
    unusual()
    found = wszoo.get(tag)
    np.testing.assert_array_equal(numbers(found, x), wanted)
    np.testing.assert_allclose(
        numbers(wszoo.untied_twin(found), x), wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max()
    )
    assert keras.config.image_data_format() == "channels_first"  # it is the caller's
    assert keras.config.floatx() == "float16"


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("tag", ["conv_net.mnist", "tied_ae.digits", "shared_vit.fashion_mnist"])
def test_a_dtype_policy_is_kept_and_costs_its_rounding_alone(tag, policy):
    model = wszoo.get(tag)
    x = examples(model)
    wanted = numbers(model, x)
    keras.config.set_dtype_policy(policy)
    found = wszoo.get(tag)
    assert {layer.dtype_policy.name for layer in found.layers[1:]} == {policy}
    error = np.abs(numbers(found, x) - wanted).max() / np.abs(wanted).max()
    assert error < POLICIES[policy]


@pytest.mark.parametrize("name, policy", [("tied_ae", "int8_from_float32"), ("rnn", "bfloat16")])
def test_a_dtype_policy_in_which_a_model_cannot_be_built_is_named(name, policy):
    keras.config.set_dtype_policy(policy)
    with pytest.raises(ValueError, match=rf"{name} .*'{policy}'.*set_dtype_policy\('float32'\)"):
        wszoo.get(name)


def test_files_give_the_same_numbers_under_other_settings(tmp_path):
    model = wszoo.get("tiled_net.fashion_mnist")
    x = examples(model)
    wanted = numbers(model, x)
    wszoo.save(model, tmp_path / "a.keras")
    unusual()
    np.testing.assert_array_equal(numbers(wszoo.load(tmp_path / "a.keras"), x), wanted)


@pytest.mark.parametrize("first", [True, False])
def test_maps_are_averaged_over_their_places_whatever_the_global_format(first):
    unusual() if not first else None
    kind = "channels_first" if first else "channels_last"
    shape = (3, 8, 6) if first else (8, 6, 3)
    inputs = keras.Input(shape, dtype="float32")
    scaled = layers.Rescaling(2.0)(inputs)
    maps = layers.UpSampling2D(1, data_format=kind)(scaled)
    made = backbones.find(keras.Model(inputs, maps)).make(shape)
    x = np.random.default_rng(0).random((2, *shape), dtype="float32")
    wanted = 2 * x.mean(axis=(2, 3) if first else (1, 2))
    np.testing.assert_allclose(numbers(made, x), wanted, rtol=1e-5)


def test_transfer_gives_the_same_under_other_settings():
    rng = np.random.default_rng(0)
    x, y = rng.random((40, 28, 28, 1), dtype="float32"), np.arange(40) % 4

    def run():
        done = wszoo.transfer("conv_net.omniglot", data=(x, y), epochs=1, verbose=0)
        return numbers(done.model, x)

    wanted = run()
    unusual()
    np.testing.assert_array_equal(run(), wanted)


def test_a_backend_that_is_not_installed_names_the_extra():
    code = """
import sys
sys.modules["jax"] = None  # as where it is not installed
import wszoo
wszoo.get("tied_ae")
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "ImportError: KERAS_BACKEND is 'jax', and jax is not installed" in done.stderr
    assert "pip install 'wszoo[jax]'" in done.stderr
