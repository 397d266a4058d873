"""Texts for a pretrained model are ids of its own words, or they are refused."""

import keras
import numpy as np
import pytest

import wszoo
from wszoo import weights
from wszoo.data import load, tokens
from wszoo.data.examples import examples
from wszoo.evaluation import data_of
from wszoo.transferring import backbones

TAG = "shared_encoder.clinc_oos"
TEXTS = ["how much money is in my account", "please book a table for q{} people tonight"]


@pytest.fixture(scope="module")
def vocabulary():
    return tuple(weights.find("shared_encoder", "clinc_oos").card["vocabulary"])


@pytest.fixture
def table(tmp_path):
    rows = [f"{TEXTS[i % 2].format(i)},{['bank', 'food'][i % 2]}" for i in range(40)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["text,label", *rows]))
    return path


def test_a_table_is_read_in_the_words_of_the_backbone(table, vocabulary):
    assert backbones.find(TAG).vocabulary == vocabulary
    found = examples(table, vocabulary=vocabulary)
    known = set(tokens.words(" ".join(TEXTS))) & set(vocabulary)
    assert len(known) > 10 and found.vocabulary == vocabulary
    own = load(table)
    for split, (x, y) in found.splits.items():
        for row, label in zip(x, y, strict=True):
            said = [vocabulary[i] for i in row if i > 1]
            assert said == [word for word in tokens.words(TEXTS[label]) if word in known]
        np.testing.assert_array_equal(examples(own, vocabulary=vocabulary).splits[split][0], x)
    assert examples(own).vocabulary == own.vocabulary != vocabulary


def test_a_pretrained_model_learns_texts_and_keeps_their_words(table, vocabulary, tmp_path):
    result = wszoo.transfer(TAG, data=table, epochs=1, verbose=0)
    assert result.metrics["test"]["accuracy"] == 1
    wszoo.save(result.model, tmp_path / "m.keras")
    assert backbones.find(wszoo.load(tmp_path / "m.keras")).vocabulary == vocabulary


def test_texts_to_measure_a_model_by_are_in_its_own_tokens(table, vocabulary, tmp_path):
    settings = weights.find("shared_encoder", "clinc_oos").card["config"] | {"head": 2}
    source, task = data_of(wszoo.get("shared_encoder", **settings), TAG, str(table))
    assert source.vocabulary == vocabulary and task == "classification"
    with pytest.raises(ValueError, match="tells 151 classes apart; t has 2: bank, food"):
        data_of(wszoo.get(TAG), TAG, str(table))
    book = tmp_path / "a.txt"
    book.write_text("What light through yonder window breaks? ℵ\n" * 60, encoding="utf-8")
    name = "tied_lm.tiny_shakespeare"
    source, task = data_of(wszoo.get(name), name, str(book))
    characters = tuple(weights.find("tied_lm", "tiny_shakespeare").card["vocabulary"])
    assert source.vocabulary == source.class_names == characters and task == "language_modelling"
    x, y = source.arrays("train")
    assert tokens.decode(x[0], characters).startswith(
        "What light through yonder window breaks? \ufffd"
    )
    np.testing.assert_array_equal(x[:, 1:], y[:, :-1])
    book.write_text("ещё одна строка\n" * 200, encoding="utf-8")
    with pytest.raises(ValueError, match=r"% of its \d+ characters are outside"):
        data_of(wszoo.get(name), name, str(book))


def test_texts_in_another_language_are_refused(tmp_path):
    lines = [f"แย่มาก{i % 3}ครับ,a\nดีมาก{i % 3}ครับ,b" for i in range(20)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(["text,label", *lines]), encoding="utf-8")
    for data in (path, load(path)):
        with pytest.raises(ValueError, match="outside the vocabulary of 2843 words"):
            wszoo.transfer(TAG, data=data, verbose=0)


def test_a_model_of_characters_has_no_words(table):
    keras.utils.set_random_seed(0)
    for data in (table, load(table)):
        with pytest.raises(ValueError, match=r"begins with ''|is one of characters"):
            wszoo.transfer("tied_lm.tiny_shakespeare", data=data, verbose=0)
