"""retie on networks that know nothing of wszoo: Keras Applications, random weights."""

import time

import keras
import numpy as np
import pytest
from hand_built import randomise

import wszoo
from wszoo.sharing import graph
from wszoo.sharing.specs import spec, weight_shapes

NAMES = ["ResNet50", "MobileNetV2", "EfficientNetB0", "DenseNet121"]
IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3)).astype("float32")


def equal_convolutions(model):
    """Two sites whose convolutions have equal specs and weight shapes."""
    seen = {}
    for site in wszoo.sites(model):
        layer = graph.layer_at(model, site)
        if isinstance(layer, keras.layers.Conv2D):
            key = (str(spec(layer, initial=False)), str(weight_shapes(layer)))
            if key in seen:
                return seen[key], site
            seen[key] = site
    raise AssertionError("no two convolutions are equal")


def run(model):
    return np.asarray(model(IMAGES))


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_retie_and_twin(name, capsys):
    build = getattr(keras.applications, name)
    model = build(weights=None, input_shape=(64, 64, 3), classes=10)
    for layer in model.layers:  # statistics other than 0 and 1, so that a lost one is seen
        if isinstance(layer, keras.layers.BatchNormalization):
            randomise(layer)
    outputs = run(model)
    start = time.perf_counter()
    same = wszoo.retie(model, wszoo.plan_of(model))
    seconds = time.perf_counter() - start
    np.testing.assert_array_equal(run(same), outputs)

    pair = equal_convolutions(model)
    tied = wszoo.retie(model, wszoo.SharingPlan.tied(pair))
    twin = wszoo.untied_twin(tied)
    one = graph.layer_at(tied, pair[0])
    assert graph.layer_at(tied, pair[1]) is one
    assert len(tied.weights) == len(model.weights) - len(one.weights)
    assert len(twin.weights) == len(model.weights)
    tied_outputs = run(tied)
    assert not np.array_equal(tied_outputs, outputs)
    np.testing.assert_array_equal(run(twin), tied_outputs)
    with capsys.disabled():
        print(f" {name}: {len(wszoo.sites(model))} sites, retie {seconds:.1f} s", end="")
