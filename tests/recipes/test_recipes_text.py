"""Language models and classifiers of texts, from a user's file to weights that are read again."""

import json

import numpy as np
import pytest
from programs import recipe as run

import wszoo
from wszoo import evaluation, registry, training, weights
from wszoo.data import load

TINY = '{"width": 8, "depth": 2, "heads": 2}'


@pytest.fixture
def book(tmp_path):
    (tmp_path / "book.txt").write_text("the cat sat on the mat. " * 200, encoding="utf-8")
    return tmp_path / "book.txt"


def test_nats_are_the_cross_entropy_of_all_positions():
    rng = np.random.default_rng(0)
    logits, y = rng.normal(size=(3, 4, 5)) * 3, rng.integers(0, 5, (3, 4))
    chances = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    wanted = -np.log([[chances[i, j, y[i, j]] for j in range(4)] for i in range(3)]).mean()
    name, value = training.score(logits, y, y, "language_modelling")
    assert name == "nats" and value == pytest.approx(wanted)
    assert training.score(0 * logits, y, y, "language_modelling")[1] == pytest.approx(np.log(5))


def test_real_data_for_an_export_of_a_language_model(book):
    source = load(book, length=8)
    model = wszoo.get("tied_lm", input_shape=(8,), vocabulary=len(source.vocabulary), width=8)
    real = evaluation.for_export(model, source, "language_modelling")
    assert real["inputs"]["input"].dtype == np.int32
    blind = np.zeros((*source.arrays("test")[1].shape, source.num_classes))
    assert real["metric"]({"out": blind}) == pytest.approx(0)
    sure = 100 * np.eye(source.num_classes)[source.arrays("test")[1]]
    assert real["metric"]({"out": sure}) == pytest.approx(1)


@pytest.mark.slow
def test_language_model_learns_from_a_file_and_its_weights_write_again(book, tmp_path):
    first = ("--data", book.name, "--set", TINY, "--smoke", "--prompt", "the ")
    code, out, err = run(tmp_path, "language_model.py", *first, "--out", "r")
    assert code == 0, err
    metrics = json.loads((tmp_path / "r" / "metrics.json").read_text())
    assert metrics["test_nats"] > 0 and 0 < metrics["blind"] < np.log(20)
    sample = (tmp_path / "r" / "sample.txt").read_text()
    assert sample.startswith("the ") and len(sample) == 4 + 20 + 1 and sample in out
    again = ("--weights", "r/weights", "--prompt", "the ", "--smoke", "--out", "s")
    code, _, err = run(tmp_path, "language_model.py", *again)
    assert code == 0, err
    assert (tmp_path / "s" / "sample.txt").read_text() == sample
    code, _, err = run(tmp_path, "language_model.py", "--data", "none.txt", "--out", "t")
    assert code == 2 and "no file 'none.txt'" in err and not (tmp_path / "t").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["language", "labels"])
def test_pretraining_on_texts_keeps_the_vocabulary_and_is_evaluated_again(book, tmp_path, kind):
    name, data = "tied_lm", "book.txt"
    if kind == "labels":
        name, data = "shared_encoder", "mail.csv"
        rows = [f"send parcel {i},post\npay bill {i},bank" for i in range(40)]
        (tmp_path / data).write_text("\n".join(["text,label", *rows]))
    arguments = ("--data", data, "--length", 8, "--tag", "mine", "--set", TINY, "--smoke")
    code, _, err = run(
        tmp_path, "pretrain.py", name, *arguments, "--batch-size", 16, "--out", tmp_path / "w"
    )
    assert code == 0, err
    card = weights.find(name, str(tmp_path / "w" / f"{name}.mine")).card
    source = load(tmp_path / data, length=8)
    assert card["vocabulary"] == list(source.vocabulary)
    assert card["source"] == {"name": data, "image_size": None, "length": 8}
    model = wszoo.get(name, weights=tmp_path / "w" / f"{name}.mine")
    found = training.evaluate(model, source, registry.entry(name).task)
    assert {k: round(v, training.DIGITS) for k, v in found.items()} == {
        k: v["value"] for k, v in card["metrics"].items()
    }
    other = "shared_encoder" if kind == "language" else "tied_lm"
    code, _, err = run(tmp_path, "pretrain.py", other, *arguments, "--out", "x")
    assert code == 2 and f"{other} is for" in err
