"""SelfAttention, RMSNorm, Scale, PositionEmbedding: equal to what they stand for, good manners."""

import keras
import numpy as np
import pytest

from wszoo.layers import PositionEmbedding, RMSNorm, Scale, SelfAttention


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def pair(heads, width, causal=False):
    """Our attention and Keras' with the same random weights."""
    ours, theirs = SelfAttention(heads, causal=causal), None
    theirs = keras.layers.MultiHeadAttention(heads, width // heads)
    ours.build((None, 6, width))
    theirs.build((None, 6, width), (None, 6, width))
    values = [data(*w.shape, seed=i) * 0.5 for i, w in enumerate(ours.weights)]
    ours.set_weights(values)
    named = dict(zip([w.name for w in ours.weights], values, strict=True))
    parts = []
    for kernel, bias in zip(
        np.split(named["qkv_kernel"], 3, 1), np.split(named["qkv_bias"], 3), strict=True
    ):
        parts += [kernel.reshape(width, heads, -1), bias.reshape(heads, -1)]
    query, query_bias, key, key_bias, value, value_bias = parts
    out = [named["out_kernel"].reshape(heads, -1, width), named["out_bias"]]
    theirs.set_weights([query, query_bias, key, key_bias, value, value_bias, *out])
    return ours, theirs


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("heads", [1, 2, 4])
def test_attention_is_keras_attention(heads, causal):
    ours, theirs = pair(heads, 8, causal)
    x = data(3, 6, 8)
    wanted = theirs(x, x, use_causal_mask=causal)
    np.testing.assert_allclose(ours(x), wanted, rtol=1e-4, atol=1e-5)


def test_attention_passes_over_positions_that_are_not_allowed():
    ours, theirs = pair(2, 8)
    x = data(3, 6, 8)
    allowed = np.arange(6)[None] < np.array([6, 3, 1])[:, None]
    wanted = theirs(x, x, attention_mask=allowed[:, None])
    for given in (allowed, allowed.astype("float32")):
        np.testing.assert_allclose(ours(x, allowed=given), wanted, rtol=1e-4, atol=1e-5)


def test_rms_norm_is_keras_rms_normalization():
    ours, theirs = RMSNorm(), keras.layers.RMSNormalization(epsilon=1e-6)
    x = 3 * data(4, 5, 7)
    for layer in (ours, theirs):
        layer.build(x.shape)
        layer.set_weights([data(7, seed=1)])
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5, atol=1e-6)


def test_scale_and_positions():
    x = data(2, 4, 3)
    np.testing.assert_array_equal(Scale(0.5)(x), x / 2)
    layer = PositionEmbedding(initializer="ones")
    np.testing.assert_array_equal(layer(x), x + 1)
    layer.embeddings.assign(data(4, 3, seed=1))
    np.testing.assert_array_equal(layer(x), x + data(4, 3, seed=1))


@pytest.mark.parametrize(
    "layer",
    [
        SelfAttention(2, causal=True, kernel_initializer="he_normal"),
        RMSNorm(1e-3),
        Scale(0.25),
        PositionEmbedding(initializer="ones"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_configs_round_trip_and_models_load(layer, tmp_path):
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()
    inputs = keras.Input((4, 8))
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "m.keras")
    x = data(2, 4, 8)
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "m.keras")(x), model(x))


def test_a_seeded_initializer_gives_the_kernels_values_of_their_own():
    layer = SelfAttention(1, kernel_initializer="glorot_uniform")
    layer.build((None, 3, 4))
    assert not np.array_equal(layer.qkv_kernel[:, :4], layer.out_kernel)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: SelfAttention(0), "heads must be .* of at least 1; received 0"),
        (lambda: SelfAttention(3)(data(1, 2, 8)), "heads=3 for width 8"),
        (lambda: SelfAttention(2)(data(2, 8)), r"received the shape \(2, 8\)"),
        (lambda: PositionEmbedding()(keras.Input((None, 3))), r"\(None, None, 3\)"),
    ],
)
def test_what_does_not_fit_is_said(call, words):
    with pytest.raises(ValueError, match=words):
        call()
