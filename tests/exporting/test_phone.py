"""MediaPipe's own library classifies photos from exported files as LiteRT does, with our names."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo.exporting import parity
from wszoo.sharing.about import describe

mediapipe = pytest.importorskip("mediapipe", reason="needs the extra phone: mediapipe")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

NAMES = [f"class {i}" for i in range(9)] + ["t-shirt é"]
SIDE = 64
FILES = [  # precision, whether it takes bytes, batch, range of the model
    ("float32", False, None, [-1, 1]),
    ("float16", True, "free", [0, 1]),
    ("dynamic_int8", False, "free", [0, 1]),
    ("int8", True, None, [0, 1]),
]


@pytest.fixture(scope="module")
def photos():
    """Two photos, in halves and mirrored, as bytes `(8, 64, 64, 3)`."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    images = []
    for photo in load_sample_images().images:
        for half in np.array_split(photo, 2, axis=1):
            small = np.asarray(Image.fromarray(half).resize((SIDE, SIDE)))
            images += [small, small[:, ::-1]]
    return np.stack(images)


@pytest.fixture(scope="module")
def model():
    """A small colour network whose blocks share one kernel, with weights that tell photos apart."""
    keras.utils.set_random_seed(0)
    shape = (SIDE, SIDE, 3)
    made = wszoo.get("conv_net", sharing="tied", input_shape=shape, width=16, depth=3, head=10)
    kernel = made.get_layer("head").kernel
    kernel.assign(4 * kernel)
    describe(made, class_names=NAMES, licence="CC0", resize="stretch")
    return made


def classified(data, photos):
    """What `ImageClassifier` says of each photo: name → score."""
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ImageClassifierOptions(BaseOptions(model_asset_buffer=data))
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for photo in photos:
            image = mediapipe.Image(mediapipe.ImageFormat.SRGB, np.ascontiguousarray(photo))
            (result,) = classifier.classify(image).classifications
            yield {each.category_name: each.score for each in result.categories}


@pytest.mark.parametrize(("precision", "uint8", "batch", "span"), FILES)
def test_mediapipe_gives_our_names_and_scores(
    precision, uint8, batch, span, model, photos, tmp_path
):
    low, high = span
    describe(model, input_range=span)
    floats = {"input": (low + photos / 255 * (high - low)).astype("float32")}
    options = {"calibration": floats} if precision == "int8" else {}
    (made,) = wszoo.export(
        model, tmp_path, "litert", precision, inputs=floats, uint8=uint8, signature_batch=batch,
        **options,
    ).files  # fmt: skip
    data = made.path.read_bytes()
    assert made.file.ratio == 1.0 and not made.float_ops and not made.notes
    wanted = parity.run(data, {"input": photos} if uint8 else floats)["scores"]
    assert len(set(wanted.argmax(1))) > 1 and wanted.max() > 0.2
    for scores, row in zip(classified(data, photos), wanted, strict=True):
        assert set(scores) == set(NAMES)
        np.testing.assert_allclose([scores[name] for name in NAMES], row, atol=1e-4)
    logits = parity.keras_outputs(model, floats)["head"]
    close = 0.1 if "int8" in precision else 0.01
    np.testing.assert_allclose(wanted, keras.ops.softmax(logits), atol=close)
