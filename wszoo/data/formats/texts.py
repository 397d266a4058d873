"""Sources of texts: windows of characters to predict the next one, and words with a label.

Language models read characters: x (n, length) are windows of a text without overlap, y (n, length)
the same moved by one, so every character is predicted once, but for the first of the text and what
is left after the last whole window. Classifiers read words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

from wszoo.data.errors import check_memory
from wszoo.data.findings import Notes
from wszoo.data.formats.csv_file import read_text
from wszoo.data.registering import source
from wszoo.data.source import Source
from wszoo.data.splits import SPLITS, Pair
from wszoo.data.splitting import first_stratified
from wszoo.data.tokens import (
    PADDING,
    TOO_MANY,
    UNKNOWN,
    check_known,
    composed,
    encode,
    encode_words,
    of_words,
    word_vocabulary,
)
from wszoo.data.words import words

CHARACTERS = 64  # of a window
WORDS = 24  # of a text; 99.9 % of clinc_oos have fewer
CUT = 0.1  # texts longer than the input, from which on it is said


class TextOptions(TypedDict, total=False):
    """Options of all texts."""

    length: int
    max_per_split: int
    max_gb: float


@source("txt", suffixes=(".txt",))
def load(path: Path, **options: Unpack[TextOptions]) -> Source:
    """A `.txt` file as `language`, its first 90 % for training and 5 % each for the others.

    Raises `MissingDataError` without the file and `ValueError` for one that is no UTF-8 text.
    """
    text = composed(read_text(path).replace("\r\n", "\n").replace("\r", "\n"))
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
    texts = {split: composed(text) for split, text in texts.items()}
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
    pairs: Mapping[str, Pair | tuple[Sequence[str], np.ndarray]],
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
