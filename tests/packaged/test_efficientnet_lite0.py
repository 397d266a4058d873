"""ImageNet's weights as they came: norms see what they saw in training, photos get their names."""

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

import wszoo
from wszoo.packaged import efficientnet_lite0
from wszoo.packaged.efficientnet_lite0 import IMAGENET


@pytest.fixture(scope="module")
def model():
    return wszoo.get("efficientnet_lite0.imagenet")


@pytest.fixture(scope="module")
def pieces():
    """Photos in [0, 1] of 224 pixels a side, cut out of the two that scikit-learn ships."""
    cuts = [(row, column) for row in (0, 101, 202) for column in (0, 208, 416)]
    photos = [photo / np.float32(255) for photo in load_sample_images().images]
    return np.stack([x[r : r + 224, c : c + 224] for x in photos for r, c in cuts])


def seen_to_stored(model, norms, x):
    """Deviation of each norm's input over that which it remembers of its training."""
    probe = keras.Model(model.inputs[0], [norm.input for norm in norms])
    inputs = keras.tree.flatten(probe(x, training=False))
    seen = [np.var(np.asarray(each), axis=(0, 1, 2)).mean() for each in inputs]
    return np.sqrt(seen / np.array([np.mean(norm.moving_variance) for norm in norms]))


def test_norms_see_what_they_saw_in_training(model, pieces):
    norms = [la for la in model.layers if isinstance(la, keras.layers.BatchNormalization)]
    assert len(norms) == 49
    found = seen_to_stored(model, norms, pieces)
    assert 0.85 < np.median(found) < 1.05
    assert found.min() > 0.7 and found.max() < 1.3


def test_another_preprocessing_would_be_seen_at_the_stem(model, pieces):
    """Labels of a few photos come out right under all three."""
    inside = {
        "(x - 127) / 128": pieces * 255 / 128 - 127 / 128,
        "mean and deviation": (pieces - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
        "[0, 1]": pieces,
    }
    stem = [model.get_layer("stem_norm")]
    found = {}
    for name, x in inside.items():
        as_inputs = ((x + 127 / 128) * 128 / 255).astype("float32")  # undoes the model's own
        (found[name],) = seen_to_stored(model, stem, as_inputs)
    assert 0.8 < found["(x - 127) / 128"] < 1.25
    assert found["mean and deviation"] > 1.8 and found["[0, 1]"] < 0.65


def top(model, images, count=5):
    """Names of the first classes of each photo, cut to its square."""
    names = wszoo.info("efficientnet_lite0").weights["imagenet"]["class_names"]
    x = []
    for image in images:
        side = min(image.size)
        left, upper = ((length - side) // 2 for length in image.size)
        square = image.crop((left, upper, left + side, upper + side))
        x.append(np.asarray(square.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)))
    logits = np.asarray(model(np.stack(x) / np.float32(255), training=False))
    return [{names[i] for i in row} for row in np.argsort(-logits)[:, :count]]


def test_photos_of_scikit_learn_get_their_names(model):
    palace, flower = top(model, map(Image.fromarray, load_sample_images().images))
    assert "palace" in palace and "daisy" in flower


def test_photos_of_scikit_image_get_their_names(model):
    spec = importlib.util.find_spec("skimage")
    if spec is None:
        pytest.skip("scikit-image is not installed (pip install 'wszoo[test]')")
    folder = Path(spec.origin).parent / "data"
    wanted = {"chelsea.png": "tabby", "coffee.png": "espresso", "rocket.jpg": "missile"}
    found = top(model, [Image.open(folder / name) for name in wanted])
    assert all(name in names for name, names in zip(wanted.values(), found, strict=True))


def test_photos_of_clothes_get_their_names(model, clothes):
    wanted = {
        "pants": {"jean", "pajama", "sweatshirt", "velvet"},
        "shoes": {"Loafer", "running shoe", "sandal", "clog", "cowboy boot"},
        "t-shirt": {"jersey"},
    }
    for name, words in wanted.items():
        paths = sorted((clothes / "test" / name).glob("*.jpg"))[:12]
        found = top(model, [Image.open(path) for path in paths])
        assert sum(bool(words & names) for names in found) >= 10, name


def test_the_file_fills_every_layer_and_nothing_else_does(model):
    layers = {layer.name for layer in model.layers if layer.weights}
    assert set(efficientnet_lite0.sources()) == layers
    with pytest.raises(ValueError, match="not those of EfficientNet-Lite0: _blocks"):
        efficientnet_lite0.fill(model, {"_conv_stem.weight": np.zeros((32, 3, 3, 3))})


def test_the_card_says_where_the_weights_come_from():
    card = wszoo.info("efficientnet_lite0").weights["imagenet"]
    assert card["stored_parameters"] == 4_694_024 and card["package_sha256"] == IMAGENET.sha256
    assert len(set(card["class_names"])) == 1000 and card["class_names"][281] == "tabby"
    for word in ("Google", "ML Illustrated", IMAGENET.distribution):
        assert word in card["notes"]
    assert "name no licence for the checkpoints" in card["licence"].replace("\n", " ")
