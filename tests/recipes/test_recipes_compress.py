"""recipes/compress.py on weights of the zoo and on a model that is not ours."""

import json

import keras
import pytest
from programs import recipe as run

import wszoo

pytestmark = pytest.mark.slow


def compressed(tmp_path, *arguments):
    rest = ("--data", "digits", "--smoke", "--out", "out")
    code, _, err = run(tmp_path, "compress.py", *arguments, *rest)
    assert code == 0, err
    return json.loads((tmp_path / "out" / "metrics.json").read_text())


def test_weights_of_the_zoo(tmp_path):
    found = compressed(tmp_path, "conv_net.mnist", "--fraction", "0.6")
    original, tied, narrow = (row["parameters"] for row in found["rows"])
    assert narrow <= tied <= 0.6 * original
    model = wszoo.load(tmp_path / "out" / "model.keras")
    assert model.count_params() == tied
    assert all(size < 4 * original for size in found["files"].values())
    assert (tmp_path / "out" / "merges.png").stat().st_size > 1000


def test_a_model_of_keras_applications(tmp_path):
    keras.utils.set_random_seed(0)
    net = keras.applications.MobileNet(
        input_shape=(32, 32, 1), alpha=0.25, weights=None, classes=10, classifier_activation=None
    )
    net.save(tmp_path / "net.keras")
    found = compressed(
        tmp_path, "net.keras", "--sites", "conv_pw_[89]", "--fraction", "0.95", "--seed", "1"
    )
    original, tied, *_ = (row["parameters"] for row in found["rows"])
    assert tied <= 0.95 * original
    assert wszoo.load(tmp_path / "out" / "model.keras").count_params() == tied
