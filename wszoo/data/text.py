"""Texts as token ids: windows of characters to predict the next one, and words with a label.

Language models read characters: x (n, length) are windows of a text without overlap, y (n, length)
the same moved by one, so every character is predicted once, but for the first of the text and what
is left after the last whole window. Classifiers read words: id 0 is padding, 1 an unknown word.

`tiny_shakespeare`: Karpathy 2015, char-rnn. `clinc_oos`: Larson et al. 2019, "An Evaluation Dataset
for Intent Classification and Out-of-Scope Prediction".
"""

from __future__ import annotations

import collections
import dataclasses
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import checks
from wszoo.arguments import checked, each, number_of
from wszoo.data import tfds_prepare
from wszoo.data.csv_file import read_text
from wszoo.data.errors import check_memory
from wszoo.data.findings import Notes
from wszoo.data.source import SPLITS, Pair, Source
from wszoo.data.splitting import first_stratified
from wszoo.data.words import words

if TYPE_CHECKING:
    import tensorflow_datasets as tfds

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
PADDING = ""
CHARACTERS = 64  # of a window
WORDS = 24  # of a text; 99.9 % of clinc_oos have fewer
MAX_VOCABULARY = 4000  # words, the commonest of train
SUFFIXES = (".txt",)
NAMES = ("clinc_oos", "tiny_shakespeare")
TOO_MANY = 0.9  # unknown words, or texts that are one input: nothing is learnt from them
FEW = 20  # words of a held-out split, of which chance may make all unknown
CUT = 0.1  # texts longer than the input, from which on it is said


def load(name: str, *, data_dir: Path | None, manual_dir: Path | None, **options: Any) -> Source:
    """One of `NAMES`, from TFDS. `download` and the options of `language` or `labelled`."""
    builder = tfds_prepare.find_builder(name, data_dir)
    download = options.pop("download", False)
    tfds_prepare.prepare(builder, manual_dir=manual_dir, download=download)
    if name == "tiny_shakespeare":
        texts = {s: _rows(builder, s)[0]["text"].decode() for s in SPLITS}
        return language(
            texts,
            name=name,
            licence="public domain",
            origin="Karpathy 2015, https://github.com/karpathy/char-rnn; TFDS tiny_shakespeare",
            **options,
        )
    # The out-of-scope texts are one class more; train has 100 of them and the test 1,000.
    rows = {s: _rows(builder, s) + _rows(builder, f"{s}_oos") for s in SPLITS}
    names = {int(r["intent"]): r["intent_name"].decode() for r in rows["train"]}
    pairs = {
        split: ([r["text"].decode() for r in found], np.array([r["intent"] for r in found]))
        for split, found in rows.items()
    }
    return labelled(
        pairs,
        [names[i] for i in sorted(names)],
        name=name,
        licence="CC BY 3.0",
        origin="Larson et al. 2019, https://github.com/clinc/oos-eval/; TFDS clinc_oos",
        **options,
    )


def load_file(path: Path, **options: Any) -> Source:
    """A `.txt` file as `language`, its first 90 % for training and 5 % each for the others.

    Raises `MissingDataError` without the file and `ValueError` for one that is no UTF-8 text.
    """
    text = _composed(read_text(path).replace("\r\n", "\n").replace("\r", "\n"))
    cuts = [0, round(0.9 * len(text)), round(0.95 * len(text)), len(text)]
    parts = {s: text[cuts[i] : cuts[i + 1]] for i, s in enumerate(SPLITS)}
    return language(parts, name=path.stem, licence="see origin", origin=str(path), **options)


def language(
    texts: Mapping[str, str],
    *,
    name: str,
    licence: str,
    origin: str,
    length: int | None = None,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
) -> Source:
    """A source for a language model of characters; `texts` holds one text a split, taken as NFC.

    The vocabulary is `UNKNOWN` (id 0) and the characters of train in the order of their codes.
    Raises `ValueError` for a text without a whole window and one character more.
    """
    size = length or CHARACTERS
    texts = {split: _composed(text) for split, text in texts.items()}
    vocabulary = (UNKNOWN, *sorted(set(texts["train"]) - {UNKNOWN}))
    splits = {}
    for split, text in texts.items():
        count = (len(text) - 1) // size
        if count < 1:
            raise ValueError(
                f"{name}, {split}: {len(text)} characters are no window of {size} and one more; "
                "give a longer text or a smaller length"
            )
        count = min(count, max_per_split or count)
        check_memory(f"{name}, {split}", 2 * count, (size,), max_gb)
        ids = encode(text[: count * size + 1], vocabulary)
        splits[split] = (ids[:-1].reshape(count, size), ids[1:].reshape(count, size))
    return Source(name, splits, vocabulary, licence, origin, vocabulary)


def labelled(
    pairs: Mapping[str, Pair | tuple[Sequence[str], Any]],
    class_names: Sequence[str],
    *,
    name: str,
    licence: str,
    origin: str,
    length: int | None = None,
    max_per_split: int | None = None,
    max_gb: float = 4.0,
    vocabulary: Sequence[str] | None = None,
) -> Source:
    """A source of labelled texts; `pairs` holds `(texts, labels)` a split.

    The vocabulary is `PADDING` (id 0), `UNKNOWN` (1) and the commonest words of train that occur
    twice, at most `MAX_VOCABULARY` in all; or the one given, such as a pretrained model's. A
    `UserWarning` says where many texts are longer than `length`, 24 words by default.

    Raises `ValueError` for texts of which next to nothing is left as inputs: nearly all words
    unknown, or nearly all texts one input.
    """
    size = length or WORDS
    tokens = tuple(vocabulary or word_vocabulary(pairs["train"][0]))
    if not of_words(tokens):
        raise ValueError(
            f"{name}: a vocabulary of words begins with {PADDING!r} for padding and {UNKNOWN!r} "
            f"for unknown words; received {len(tokens)} tokens that begin with "
            f"{list(tokens[:5])}, such as a model of characters has"
        )
    notes, splits = Notes(name), {}
    for split, (texts, labels) in pairs.items():
        y = np.asarray(labels, np.int32)
        kept = first_stratified(y, max_per_split)
        check_memory(f"{name}, {split}", len(kept), (size,), max_gb)
        chosen = [texts[i] for i in kept]
        ids = encode_words(chosen, tokens, size)
        check_known(f"{name}, {split}", ids, tokens, held_out=split != "train")
        if split == "train":
            _check_distinct(f"{name}, {split}", chosen, ids)
            notes.add(_note_on_cuts(chosen) if length is None else [])
        splits[split] = (ids, y[kept])
    return Source(name, splits, tuple(class_names), licence, origin, tokens, tuple(notes.sentences))


def reworded(source: Source, vocabulary: Sequence[str]) -> Source:
    """A source of texts as ids of another vocabulary, a pretrained model's, words or characters.

    Tokens that the source itself does not know stay unknown. Raises `ValueError` for words where
    there are characters, or the other way round, and where next to nothing is left.
    """
    if tuple(vocabulary) == source.vocabulary:
        return source
    if of_words(vocabulary) != of_words(source.vocabulary):
        kinds = ["words" if of_words(v) else "characters" for v in (source.vocabulary, vocabulary)]
        raise ValueError(
            f"{source.name} holds {kinds[0]}; the vocabulary of {len(vocabulary)} tokens, which "
            f"begins with {list(vocabulary[:5])}, is one of {kinds[1]}"
        )
    place = {token: i for i, token in enumerate(vocabulary)}
    ids_of = np.array([place.get(t, place[UNKNOWN]) for t in source.vocabulary], np.int32)
    modelling = source.splits["train"][1].ndim > 1  # the labels are tokens too
    splits = {s: (ids_of[x], ids_of[y] if modelling else y) for s, (x, y) in source.splits.items()}
    for split, (ids, _) in splits.items():
        check_known(f"{source.name}, {split}", ids, vocabulary, held_out=split != "train")
    names = tuple(vocabulary) if modelling else source.class_names
    return dataclasses.replace(
        source, splits=splits, class_names=names, vocabulary=tuple(vocabulary)
    )


def of_words(vocabulary: Sequence[str]) -> bool:
    """Whether tokens are words, which begin with padding and the unknown word."""
    return tuple(vocabulary[:2]) == (PADDING, UNKNOWN)


@checked()
def encode(text: str, vocabulary: Sequence[str]) -> np.ndarray:
    """Ids (characters,) int32 of a text in NFC; 0 for a character outside the vocabulary."""
    place = {token: i for i, token in enumerate(vocabulary)}
    return np.array([place.get(c, 0) for c in _composed(text)], np.int32)


@checked(ids=each(number_of, least=0))
def decode(ids: Collection[int], vocabulary: Sequence[str]) -> str:
    """The text of character ids. Raises `ValueError` for one that is not of the vocabulary."""
    for i in ids:
        checks.whole("each of ids", i, most=len(vocabulary) - 1)
    return "".join(vocabulary[int(i)] for i in ids)


def word_vocabulary(texts: Iterable[str]) -> tuple[str, ...]:
    """Padding, unknown, then words that occur twice or more, the commonest first."""
    counts = collections.Counter(word for text in texts for word in words(text))
    often = sorted((-n, word) for word, n in counts.items() if n > 1 and word != UNKNOWN)
    return (PADDING, UNKNOWN, *(word for _, word in often[: MAX_VOCABULARY - 2]))


def encode_words(texts: Sequence[str], vocabulary: Sequence[str], length: int) -> np.ndarray:
    """Ids (texts, length) int32: words beyond `length` are cut off, the rest is padding, 0.

    A text without a word is one unknown word.
    """
    place = {token: i for i, token in enumerate(vocabulary)}
    ids = np.zeros((len(texts), length), np.int32)
    for row, text in zip(ids, texts, strict=True):
        found = [place.get(word, 1) for word in words(text)[:length]] or [1]
        row[: len(found)] = found
    return ids


def check_known(where: str, ids: np.ndarray, vocabulary: Sequence[str], *, held_out: bool) -> None:
    """Raises `ValueError` if nearly all tokens of ids (texts, length) are unknown.

    Of a held-out split only where it has more than a few.
    """
    visible = np.array([bool(token.strip()) for token in vocabulary])  # no padding, no spaces
    tokens = ids[visible[ids]]
    count, place = tokens.size, list(vocabulary).index(UNKNOWN)
    unknown = np.count_nonzero(tokens == place) / max(1, count)
    if unknown <= TOO_MANY or (held_out and count < FEW):
        return
    some = ", ".join(map(repr, vocabulary[place + 1 : place + 6])) or "none"
    kind = "words" if of_words(vocabulary) else "characters"
    raise ValueError(
        f"{where}: {unknown:.0%} of its {count} {kind} are outside the vocabulary of "
        f"{len(vocabulary) - place - 1} {kind} ({some}, …), and unknown {kind} say nothing. The "
        "vocabulary holds what the training texts have (words that occur twice), or is the "
        "pretrained model's: give more texts, or texts in its language"
    )


def _check_distinct(where: str, texts: Sequence[str], ids: np.ndarray) -> None:
    """Raises `ValueError` if nearly all texts are one input, and not for being one text."""
    first = list({text: row for row, text in enumerate(texts)}.values())
    counts = [np.unique(rows, axis=0, return_counts=True)[1] for rows in (ids, ids[first])]
    shares = [count.max() / count.sum() for count in counts]
    if min(shares) > TOO_MANY:
        raise ValueError(
            f"{where}: {shares[1]:.0%} of {len(first)} texts that differ, such as "
            f"{texts[first[0]][:40]!r}, are the same input of {ids.shape[1]} words; words that "
            "occur once in train, punctuation and what is beyond the length do not count. Give "
            "more texts, or a larger length"
        )


def _note_on_cuts(texts: Sequence[str]) -> list[str]:
    longer = [n for n in (len(words(text)) for text in texts) if n > WORDS]
    if len(longer) <= CUT * len(texts):
        return []
    return [
        f"{len(longer)} of {len(texts)} training texts have more than {WORDS} words, up to "
        f"{max(longer)}; the rest of them is cut off. Give length= for more (or to confirm it)"
    ]


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _rows(builder: tfds.core.DatasetBuilder, split: str) -> list[dict[str, Any]]:
    import tensorflow_datasets as tfds

    config = tfds.ReadConfig(try_autocache=False)
    data = builder.as_dataset(split, shuffle_files=False, read_config=config)
    return list(tfds.as_numpy(data))
