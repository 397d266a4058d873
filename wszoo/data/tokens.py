"""Texts as token ids: characters, or words; and a vocabulary of one's own or of a model.

Of characters, id 0 is `UNKNOWN`; of words, 0 is `PADDING` and 1 `UNKNOWN`.
"""

from __future__ import annotations

import collections
import dataclasses
import unicodedata
from collections.abc import Collection, Iterable, Sequence

import numpy as np

from wszoo import checks
from wszoo.arguments import checked, each, number_of
from wszoo.data.source import Source
from wszoo.data.splits import SPLITS
from wszoo.data.words import words

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
PADDING = ""
MAX_VOCABULARY = 4000  # words, the commonest of train
TOO_MANY = 0.9  # unknown words, or texts that are one input: nothing is learnt from them
FEW = 20  # words of a held-out split, of which chance may make all unknown


def of_words(vocabulary: Sequence[str]) -> bool:
    """Whether tokens are words, which begin with padding and the unknown word."""
    return tuple(vocabulary[:2]) == (PADDING, UNKNOWN)


@checked()
def encode(text: str, vocabulary: Sequence[str]) -> np.ndarray:
    """Ids (characters,) int32 of a text in NFC; 0 for a character outside the vocabulary."""
    place = {token: i for i, token in enumerate(vocabulary)}
    return np.array([place.get(c, 0) for c in composed(text)], np.int32)


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
        places = [place.get(word, 1) for word in words(text)[:length]] or [1]
        row[: len(places)] = places
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
    modelling = source.targets.name == "tokens"
    splits = {}
    for split in SPLITS:
        x, y = source.arrays(split)
        splits[split] = (ids_of[x], ids_of[y] if modelling else y)
        check_known(f"{source.name}, {split}", ids_of[x], vocabulary, held_out=split != "train")
    names = tuple(vocabulary) if modelling else source.class_names
    return dataclasses.replace(
        source, splits=splits, class_names=names, vocabulary=tuple(vocabulary)
    )


def composed(text: str) -> str:
    """A text in the composed form (NFC), in which its characters are counted."""
    return unicodedata.normalize("NFC", text)
