"""Tasks: heads, losses, closed-form starts, and targets that are refused."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo import tasks
from wszoo.data.examples import examples
from wszoo.tasks import heads, targets

CUTS = {"train": slice(0, 90), "validation": slice(90, 110), "test": slice(110, 150)}
RNG = np.random.default_rng(0)
RANK = RNG.integers(0, 3, 150)
X = 0.7 * RNG.normal(size=(150, 6)).astype("float32")
X[:, 0] += 4 * (RANK - 1)  # ranks in a row, and in three directions from the origin
X[:, 1] += 2
TARGETS = {
    "classification": RANK,
    "multi_label": (X[:, 2:4] > 0).astype(int),
    "regression": 1000 + 50 * X[:, 0] - 20 * X[:, 3],
    "ordinal": RANK,
    "embedding": RANK,
}


def split(y, x=X):
    return {name: (x[rows], y[rows]) for name, rows in CUTS.items()}


@pytest.fixture
def net():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    features = keras.layers.Dense(8, name="hidden", activation="tanh")(inputs)
    return keras.Model(inputs, keras.layers.Concatenate(name="all")([inputs, features]))


@pytest.mark.parametrize("task", TARGETS)
def test_each_task_learns_and_its_file_needs_no_more_than_wszoo(net, task, tmp_path):
    y = TARGETS[task]
    result = wszoo.transfer(
        net, task, split(y), epochs=15, learning_rate=0.1, batch_size=16, verbose=0
    )
    scores = result.metrics["test"]
    assert scores["r2"] > 0.9 if task == "regression" else scores["accuracy"] > 0.7, scores
    start = result.history[0]  # in closed form, where there is one
    assert (start["phase"] == "start") == (task != "ordinal")
    assert task == "ordinal" or start["val_r2" if task == "regression" else "val_accuracy"] > 0.7
    predicted = result.predict(X[CUTS["test"]])
    if task != "regression":
        right = np.mean(predicted == y[CUTS["test"]])
        assert right == pytest.approx(scores["accuracy"], abs=1e-6)
    wszoo.save(result.model, tmp_path / "m.keras")
    loaded = wszoo.load(tmp_path / "m.keras")
    np.testing.assert_allclose(loaded.predict(X, verbose=0), result.model.predict(X, verbose=0))
    assert loaded.compiled and all(site.startswith("head") for site in wszoo.sites(loaded)[1:])


def test_one_kernel_serves_all_thresholds_of_an_ordinal_head(net):
    parts = heads.attach(net, lambda f: tasks.find("ordinal").head(f, 5, RANK))
    assert parts.model.output_shape == (None, 4)
    kernel, bias = parts.layers[-3], parts.layers[-1]
    assert [v.shape for v in kernel.weights + bias.weights] == [(14, 1), (4,)]
    assert parts.sites == ("head.kernel", "head.bias")


def test_prototypes_stay_on_the_unit_sphere_and_embeddings_too(net):
    result = wszoo.transfer(
        net, "embedding", split(RANK), epochs=2, learning_rate=0.1, batch_size=8, verbose=0
    )
    (prototypes,) = result.model.get_layer("prototypes").get_weights()
    np.testing.assert_allclose(np.linalg.norm(prototypes, axis=0), 1, rtol=1e-5)
    length = np.linalg.norm(result.embedder.predict(X, verbose=0), axis=1)
    np.testing.assert_allclose(length, 1, rtol=1e-5)


def test_class_weights_move_the_decision(net):
    y = (X[:, 2] > 0.7).astype(int)  # a rare class
    shares = [
        np.mean(
            wszoo.transfer(
                net,
                data=split(y),
                class_weight=weight,
                probe_first=False,
                learning_rate=0.1,
                epochs=5,
                verbose=0,
            ).predict(X)
        )
        for weight in (None, {0: 1.0, 1: 50.0})
    ]
    assert shares[1] > shares[0] + 0.1


def bad(y, part=slice(None), value=0):
    """Splits with one value changed in a part of the test split."""
    y = np.array(y)
    y[CUTS["test"]][part] = value
    return split(y)


@pytest.mark.parametrize(
    ("task", "data", "words"),
    [
        ("classification", split(np.zeros(150, int)), "one class only"),
        ("classification", bad(RANK, 3, 7), r"test has the classes \[7\], which train never"),
        ("classification", bad(RANK, 3, -1), "labels run from -1"),
        ("classification", split(RANK * 2), r"no example of the classes \[1, 3\]"),
        ("classification", split(np.eye(3)[RANK]), "argmax"),
        ("classification", bad(RANK.astype(float), 0, np.nan), "1 of 40 targets are NaN"),
        ("classification", {"train": (X, RANK[:-1])}, "150 examples and 149 targets"),
        ("classification", {"test": (X, RANK)}, "with train"),
        ("classification", {"train": (X * np.nan, RANK)}, "900 values of x are NaN"),
        ("classification", {"train": (X, RANK), "test": (X[:, :5], RANK)}, "differ in the shape"),
        ("classification", 3, "mapping of splits"),
        ("multi_label", split(RANK), r"0 or 1 of shape \(n, labels\)"),
        ("multi_label", split(2 * TARGETS["multi_label"]), "from 0 to 2"),
        ("regression", bad(TARGETS["regression"], 0, np.inf), "1 of 40 targets are NaN"),
        ("regression", split(np.ones(150)), "same value everywhere"),
        ("ordinal", bad(RANK, 3, 7), "which train never shows"),
    ],
)  # fmt: skip
def test_targets_that_nothing_can_be_learnt_from_are_named(net, task, data, words):
    with pytest.raises(ValueError, match=words):
        wszoo.transfer(net, task, data, verbose=0)


def test_a_label_beyond_the_class_names_is_out_of_range():
    with pytest.raises(ValueError, match="test: labels run from 0 to 2; valid are 0 to 1"):
        targets.classes({"train": np.array([0, 1]), "test": np.array([0, 2])}, ("a", "b"))


def test_arrays_in_any_spelling(tmp_path):
    images = RNG.integers(0, 256, (150, 6, 6), dtype=np.uint8)
    carved = examples((images, RANK), image_size=4)
    assert carved.input_shape == (4, 4, 1) and carved.splits["train"][0].max() <= 1
    assert [len(y) for y in carved.targets.values()] == [120, 15, 15]
    pairs = tuple(split(RANK).values())
    assert examples(pairs).fingerprint() == examples(split(RANK)).fingerprint()
    assert len(examples(pairs[:2]).targets["validation"]) == 9  # the second pair is the test split
    values = examples((X, TARGETS["regression"])).splits
    again = examples((X, TARGETS["regression"])).splits
    for name, (x, y) in values.items():
        np.testing.assert_array_equal(y, again[name][1])
        np.testing.assert_allclose(y, 1000 + 50 * x[:, 0] - 20 * x[:, 3], rtol=1e-5)
    np.savez(tmp_path / "a.npz", x=X, y=TARGETS["regression"])
    assert (
        examples(tmp_path / "a.npz").fingerprint()
        == examples((X, TARGETS["regression"])).fingerprint()
    )
