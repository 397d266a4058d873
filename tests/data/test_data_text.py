"""Texts: windows of characters, words with labels, files of one's own, the two sets of TFDS."""

import unicodedata

import numpy as np
import pytest

from wszoo.data import MissingDataError, Source, load, tokens
from wszoo.data.formats.texts import CHARACTERS, WORDS
from wszoo.data.splits import SPLITS

TEXT = "".join(chr(97 + i % 26) + " ,\n"[i % 3] for i in range(2000))


@pytest.fixture
def book(tmp_path):
    path = tmp_path / "book.txt"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mail.csv"
    what = {"post": "parcels", "bank": "cheques"}
    labels = ["bank", "post"] * 30
    rows = [f'"Send {i} {what[label]}, please",{label}' for i, label in enumerate(labels)]
    path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return path


def test_windows_predict_every_character_once_and_decode_to_the_text(book):
    source = load(book, length=16)
    start = 0
    for split, part in zip(SPLITS, (0.9, 0.05, 0.05), strict=True):
        size = round(part * len(TEXT))
        x, y = source.arrays(split)
        assert x.shape == y.shape == ((size - 1) // 16, 16)
        assert tokens.decode(x.ravel(), source.vocabulary) == TEXT[start : start + x.size]
        assert tokens.decode(y.ravel(), source.vocabulary) == TEXT[start + 1 : start + 1 + x.size]
        start += size


def test_a_character_that_train_does_not_have_is_unknown(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("ab" * 900 + "€" * 200, encoding="utf-8")
    source = load(path, length=8)
    assert source.vocabulary == (tokens.UNKNOWN, "a", "b") == source.class_names
    assert set(np.unique(source.arrays("test")[0])) == {0}
    assert tokens.decode(tokens.encode("a€b", source.vocabulary), source.vocabulary) == "a\ufffdb"


def test_batches_spec_and_fingerprint_of_a_text(book):
    source = load(book, length=16)
    x_spec, y_spec = source.element_spec
    assert (x_spec.shape, x_spec.dtype, y_spec.shape) == ((None, 16), "int32", (None, 16))
    for x, y in source.batches("train", 7):
        assert x.dtype == y.dtype == np.int32 and np.array_equal(x[:, 1:], y[:, :-1])
    assert load(book, length=16).fingerprint() == source.fingerprint()
    assert load(book, length=8).fingerprint() != source.fingerprint()
    assert len(load(book, length=16, max_per_split=2).arrays("train")[0]) == 2
    with pytest.raises(ValueError, match="no classes to draw"):
        source.subset(1, seed=0)


def test_a_text_has_one_spelling_of_line_ends_and_accents(tmp_path):
    plain = "l’été passé,\nà peine\n" * 90
    spelled = [plain, plain.replace("\n", "\r\n"), plain.replace("\n", "\r"), "\ufeff" + plain]
    spelled.append(unicodedata.normalize("NFD", plain))
    found = set()
    for i, content in enumerate(spelled):
        path = tmp_path / str(i) / "a.txt"
        path.parent.mkdir()
        path.write_bytes(content.encode())
        found.add(load(path, length=16).fingerprint())
    assert len(found) == 1
    ids = tokens.encode("e\u0301", ("?", "é"))
    assert ids.tolist() == [1]
    (tmp_path / "latin.txt").write_bytes(plain.encode("latin-1", "replace"))
    with pytest.raises(ValueError, match=r"latin\.txt, line 1: no UTF-8 text.*Latin-1"):
        load(tmp_path / "latin.txt")


def test_words_lose_case_and_punctuation():
    wanted = ["don't", "send", "3", "e", "mails", "please"]
    assert tokens.words("Don't send 3 e-mails, PLEASE!") == wanted
    vocabulary = tokens.word_vocabulary(["b a b", "a c a"])
    assert vocabulary == (tokens.PADDING, tokens.UNKNOWN, "a", "b")  # c is there once
    ids = tokens.encode_words(["a B", "!", "c b a a"], vocabulary, 3)
    assert ids.tolist() == [[2, 3, 0], [1, 0, 0], [1, 3, 2]]


def test_a_table_of_ones_own(table):
    source = load(str(table))
    assert source.class_names == ("bank", "post") and source.input_shape == (WORDS,)
    assert [len(source.arrays(s)[1]) for s in SPLITS] == [48, 6, 6]
    assert {"send", "parcels", "please"} <= set(source.vocabulary)
    x, y = source.arrays("train")
    assert x.dtype == np.int32 and y.ndim == 1 and (x[:, 4:] == 0).all() and (x[:, :4] > 0).all()
    tabs = table.with_suffix(".tsv")
    tabs.write_text("label\ttext\n" + "\n".join(f"{'ab'[i % 2]}\t{i} {i % 2}" for i in range(20)))
    assert load(tabs, length=2).input_shape == (2,)
    assert len(source.subset(3, seed=0).arrays("train")[1]) == 6


def write_table(path, texts, labels="ab"):
    rows = [f'"{t}",{labels[i % len(labels)]}' for i, t in enumerate(texts)]
    path.write_text("\n".join(["text,label", *rows]), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("one", "other"), [("😀", "😡"), ("这部电影好看", "这部电影难看"), ("ดีมาก", "แย่มาก")]
)
def test_texts_that_differ_in_any_script_are_different_inputs(tmp_path, one, other):
    table = write_table(tmp_path / "t.csv", [f"{(one, other)[i % 2]}{i}" for i in range(40)])
    source = load(table)
    for split in SPLITS:
        x, y = source.arrays(split)
        assert len(np.unique(x[y == 0], axis=0)) == len(np.unique(x[y == 1], axis=0)) == 1
        assert len(np.unique(x, axis=0)) == 2


def test_texts_that_leave_nothing_to_learn_are_refused(tmp_path):
    once = write_table(tmp_path / "once.csv", [f"{chr(97 + i)}bc{i} {i}xyz" for i in range(26)])
    with pytest.raises(ValueError, match=r"once, train: 100% of its 40 words are outside"):
        load(once)
    same = write_table(
        tmp_path / "same.csv", [f"hello, number {i}{':('[i % 2]}" for i in range(40)]
    )
    with pytest.raises(ValueError, match=r"100% of 32 texts that differ.* are the same input"):
        load(same)
    rare = ["ok"] * 60 + ["bad one", "bad two"] * 4
    assert load(write_table(tmp_path / "rare.csv", rare, "a" * 60 + "b" * 8)).num_classes == 2
    greetings = [("good morning all", "good night all")[i % 2] for i in range(40)]
    rows = [f"{t},{'ab'[i % 2]},train" for i, t in enumerate(greetings)]
    rows += [f"guten Morgen alle zusammen,{'ab'[i % 2]},test" for i in range(20)]
    (tmp_path / "other.csv").write_text("\n".join(["text,label,split", *rows]))
    with pytest.raises(ValueError, match=r"other, test: 100% of its 80 words.*'all', 'good'"):
        load(tmp_path / "other.csv")


def test_texts_that_are_cut_are_counted(tmp_path):
    texts = ["好坏"[i % 2] + "的" * (29 + i % 2) for i in range(40)]
    long = write_table(tmp_path / "t.csv", texts)
    with pytest.warns(UserWarning, match=r"32 of 32 training texts have .* 24 words, up to 31"):
        assert load(long).input_shape == (24,)
    assert load(long, length=31).input_shape == (31,)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "a.csv",
            b"body,label\nhello,x\n",
            r"path and label, or text and label .* it has \['body', 'label'\]",
        ),
        ("a.csv", b"", "must name the columns"),
        ("a.csv", b"text,label\nhello,x\n,y\n", r"without text, 1 of 2, in the lines \[3\]"),
        ("a.txt", b"\xff\xfe\x00", "no UTF-8 text"),
        ("a.txt", b"short", "4 characters are no window of 64 and one more"),
    ],
)
def test_files_that_do_not_fit_are_named(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words):
        load(tmp_path / name)


def test_what_is_missing_or_of_no_use_is_said(tmp_path, book):
    with pytest.raises(MissingDataError, match=r"none\.txt: no such file"):
        load(tmp_path / "none.txt")
    with pytest.raises(MissingDataError, match="download=True"):
        load("tiny_shakespeare", data_dir=tmp_path)
    with pytest.raises(ValueError, match="does not take image_size=28; its options are length"):
        load(book, image_size=28)
    with pytest.raises(ValueError, match="digits does not take length=5"):
        load("digits", length=5)


def test_a_source_refuses_ids_without_their_vocabulary():
    x = np.array([[0, 1], [2, 1]], np.int32)
    y = np.array([0, 1], np.int32)
    splits = dict.fromkeys(SPLITS, (x, y))
    assert Source("s", splits, ("a", "b"), "", "", ("u", "v", "w")).num_classes == 2
    with pytest.raises(ValueError, match="need a vocabulary"):
        Source("s", splits, ("a", "b"), "", "")
    with pytest.raises(ValueError, match="token ids run from 0 to 2; the vocabulary of 2"):
        Source("s", splits, ("a", "b"), "", "", ("u", "v"))
    with pytest.raises(ValueError, match="expected float32"):
        Source("s", dict.fromkeys(SPLITS, (x, x[:, :1])), ("a", "b", "c"), "", "", ("u", "v", "w"))


def test_tiny_shakespeare(text_dirs, label_digests):
    source = load("tiny_shakespeare", **text_dirs)
    digests = ["9d5cbc4e10d689b1", "42af3c8bfcb868fe", "e947c13f603c7b6c"]
    assert label_digests(source) == digests
    assert len(source.vocabulary) == 66 and source.input_shape == (CHARACTERS,)
    sizes = [source.arrays(s)[0].size for s in SPLITS]
    assert [1003854 - sizes[0], 55770 - sizes[1], 55770 - sizes[2]] == [14, 26, 26]
    begin = tokens.decode(source.arrays("train")[0][0], source.vocabulary)
    assert begin.startswith("First Citizen:\nBefore we proceed")


def test_clinc_oos_has_its_intents_and_one_class_out_of_scope(text_dirs, label_digests):
    source = load("clinc_oos", **text_dirs)
    digests = ["7140915e148fbebc", "095b56cea9a13dfd", "b421d8fe0269efa1"]
    assert label_digests(source) == digests
    assert source.num_classes == 151 and source.class_names[-1] == "oos"
    counts = {s: np.bincount(source.arrays(s)[1], minlength=151) for s in SPLITS}
    assert {s: (set(n[:-1]), n[-1]) for s, n in counts.items()} == {
        "train": ({100}, 100),
        "validation": ({20}, 100),
        "test": ({30}, 1000),
    }
