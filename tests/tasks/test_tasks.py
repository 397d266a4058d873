"""Tasks: each file registers one, and everything that a task says can be asked of it."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo import tasks
from wszoo.tasks import task as registry
from wszoo.tasks.task import Task, likely

WITH_HEAD = {"classification", "embedding", "multi_label", "ordinal", "regression"}
WITH_SCORE = {"classification", "language_modelling", "reconstruction"}
# Examples of every task with a head: labels, flags, values, ranks.
TARGETS = {
    "classification": np.arange(12) % 3,
    "embedding": np.arange(12) % 3,
    "multi_label": np.stack([np.arange(12) % 2, np.arange(12) % 3 > 0], 1).astype("float32"),
    "ordinal": np.arange(12) % 4,
    "regression": np.linspace(-1, 2, 12),
}


@pytest.fixture
def forgotten():
    """Tasks that a test registers are forgotten after it."""
    before = dict(registry._makers)
    yield
    registry._makers.clear()
    registry._makers.update(before)
    registry._made.cache_clear()


def test_the_expected_tasks_are_there():
    assert set(tasks.names()) == WITH_HEAD | WITH_SCORE
    assert set(tasks.names(head=True)) == WITH_HEAD
    assert set(tasks.names(score=True)) == WITH_SCORE
    assert {wszoo.info(name).task for name in wszoo.list_models()} <= WITH_SCORE


def test_a_new_task_is_one_function(forgotten):
    @tasks.register
    def counting() -> Task:
        return Task("counting", loss=keras.losses.Poisson, metric="deviance")

    assert "counting" in tasks.names()
    assert tasks.find("counting").metric == "deviance"
    with pytest.raises(ValueError, match="a task named 'counting' is already registered"):
        tasks.register(counting)


@pytest.mark.parametrize(
    ("name", "asked", "words"),
    [
        ("clasification", {}, "unknown task 'clasification'; did you mean 'classification'"),
        ("reconstruction", {"head": True}, "unknown task 'reconstruction'; valid are classif"),
        ("ordinal", {"score": True}, "unknown task 'ordinal'; valid are classification, lang"),
        (3, {}, "unknown task 3"),
    ],
)
def test_a_task_that_lacks_what_is_asked_for_is_named(name, asked, words):
    with pytest.raises(ValueError, match=words):
        tasks.find(name, **asked)


def test_what_has_no_head_or_no_score_says_so():
    with pytest.raises(ValueError, match="a new head cannot be put on"):
        tasks.find("reconstruction").head(None, 3, np.zeros(3))
    with pytest.raises(ValueError, match="no score of single examples"):
        tasks.find("ordinal").score(np.zeros(3), np.zeros(3), np.zeros(3))


def test_scores_are_one_number_an_example():
    rng = np.random.default_rng(0)
    x = rng.random((5, 4, 4, 1), dtype="float32")
    each = tasks.find("reconstruction").score(x + 0.5, x, x)
    np.testing.assert_allclose(each, np.full(5, 0.25), rtol=1e-5)
    right = tasks.find("classification").score(np.eye(3)[[0, 1, 2, 0]], x, np.array([0, 1, 0, 0]))
    np.testing.assert_array_equal(right, [1, 1, 0, 1])
    nats = tasks.find("language_modelling").score(np.zeros((2, 6, 7)), x, np.zeros((2, 6), int))
    np.testing.assert_allclose(nats, np.full(2, np.log(7)))


def test_a_share_of_the_whole_is_one_for_a_perfect_model_and_nothing_for_a_blind_one():
    x = np.random.default_rng(0).random((50, 4))
    for name, perfect, blind in (
        ("classification", 1.0, 0.0),
        ("reconstruction", 0.0, x.var()),
        ("language_modelling", 0.0, np.log(7)),
    ):
        share = tasks.find(name).share
        np.testing.assert_allclose(share(np.array([perfect, blind]), x, 7), [1, 0], atol=1e-12)


@pytest.mark.parametrize("name", sorted(WITH_HEAD))
def test_a_head_gives_what_its_loss_takes(name):
    task, y = tasks.find(name, head=True), TARGETS[name]
    units = task.units({"train": y}, ())
    features = keras.Input((5,))
    model = keras.Model(features, task.head(features, units, y))
    x = np.random.default_rng(0).random((12, 5), dtype="float32")
    outputs = model(x)
    loss = task.loss()(task.encode(y, units), outputs)
    assert np.isfinite(float(loss))
    assert len(task.decode(np.asarray(outputs))) == 12


@pytest.mark.parametrize("tag, name", [
    ("tied_ae.digits", "reconstruction"), ("conv_net.mnist", "classification"),
    ("tied_lm.tiny_shakespeare", "language_modelling"),
])  # fmt: skip
def test_a_model_shows_its_likely_task(tag, name):
    assert likely(wszoo.get(tag)).name == name
