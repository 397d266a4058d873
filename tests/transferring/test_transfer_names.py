"""Names of a backbone's layers and sites beside those of the new head: neither is in the other's
way."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo.sharing import graph
from wszoo.tasks import heads, linear
from wszoo.transferring.freezing.stages import stages
from wszoo.transferring.rivals import random_start

NAMES = ("head", "unit", "unit_scale", "kernel", "thresholds", "bias", "units", "prototypes")
ROWS = np.random.default_rng(0).random((40, 8), "float32")
LABELS = np.arange(40) % 2


def named_like_heads():
    x = inputs = keras.Input((8,), name="input")
    for name in (*NAMES, "cosine_scale", "hidden", "input_range", "pooled"):
        x = keras.layers.Dense(6, name=name)(x)
    return keras.Model(inputs, x, name="net")


def trained(net, task="classification", **options):
    return wszoo.transfer(net, task, (ROWS, LABELS), epochs=1, verbose=0, **options)


@pytest.mark.parametrize(
    ("task", "head"),
    [
        ("classification", "mlp"),
        ("regression", None),
        ("ordinal", None),
        ("embedding", None),
    ],
)
def test_a_head_goes_on_a_backbone_that_has_its_names(task, head):
    net = named_like_heads()
    before = net.get_weights()
    result = trained(net, task, head=head)
    sites = graph.sites(result.model)
    assert sites[: len(net.layers) - 1] == ("backbone.head", *graph.sites(net)[1:])
    new = sites[len(net.layers) - 1 :]
    assert new and set(stages(result.model)["head"]) == set(new)
    for old, site in zip(net.layers[1:], sites, strict=False):  # frozen, and in its place
        layer = graph.layer_at(result.model, site)
        assert all(map(np.array_equal, layer.get_weights(), old.get_weights()))
    assert all(map(np.array_equal, before, net.get_weights()))
    assert any("'head' is 'backbone.head' here" in note for note in result.notes)


def test_a_result_is_a_backbone_once_more():
    first = trained(named_like_heads())
    second = trained(first.model)
    sites = graph.sites(second.model)
    assert len(set(sites)) == len(sites) and stages(second.model)["head"] == ("head",)
    assert {"backbone.head", "backbone.head.1"} <= set(sites)


def test_unit_features_are_those_of_the_head():
    x = inputs = keras.Input((8,))
    x = keras.layers.UnitNormalization(name="unit")(x)
    x = keras.layers.Dense(5, name="first")(x)
    result = trained(keras.Model(inputs, x))
    features = result.embedder.predict(ROWS, verbose=0)
    assert features.shape == (40, 5)  # the backbone's are 8 wide
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)


def test_a_head_without_unit_features_does_not_take_the_backbones():
    x = inputs = keras.Input((8,))
    x = keras.layers.UnitNormalization(name="unit")(x)
    result = trained(keras.Model(inputs, keras.layers.Dense(5)(x)), "regression")
    with pytest.raises(ValueError, match="regression has no UnitNormalization"):
        _ = result.embedder


def test_adapters_on_a_backbones_own_head_train():
    x = inputs = keras.Input((8,))
    net = keras.Model(inputs, keras.layers.Dense(6, name="head")(x))
    result = trained(net, lora=2)
    old, new = (graph.layer_at(result.model, site) for site in ("backbone.head", "head"))
    assert old.trainable_variables and new.trainable_variables
    assert sum(variable.shape[0] == 2 for variable in old.trainable_variables) == 1  # of rank 2


def test_the_linear_head_starts_and_is_found_by_its_site():
    model = heads.attach(named_like_heads(), linear.logistic(3)).model
    head = graph.layer_at(model, "head")
    assert head is model.layers[-1] and head.kernel.shape == (6, 3)
    start = random_start(model, 0)
    assert np.std(start[-2]) > 0.5 and not np.any(start[-1])


def test_maps_are_pooled_and_grey_images_repeated_beside_such_names():
    x = inputs = keras.Input((8, 8, 3), name="images")
    for name in ("grey_to_colour", "pooled", "input", "input_range"):
        x = keras.layers.Conv2D(3, 1, name=name)(x)
    images = np.random.default_rng(0).random((20, 8, 8, 1), "float32")
    net = keras.Model(inputs, x)
    result = wszoo.transfer(
        net, data=(images, LABELS[:20]), epochs=1, verbose=0, input_range=(0, 2)
    )
    wanted = net.predict(2 * np.repeat(images, 3, -1), verbose=0).mean((1, 2))
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    got = result.embedder.predict(images, verbose=0)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_a_head_of_ones_own_is_told_of_names_that_are_taken():
    head = keras.layers.Dense(2, name="unit")
    with pytest.raises(ValueError, match=r"\"unit\".*Give the layers of your head names"):
        trained(named_like_heads(), head=head)
