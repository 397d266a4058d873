"""What was found in data and what was left out: said once, and kept with the source."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable, Mapping

from wszoo.data import duplicates, images, labels
from wszoo.data.source import Pair, Source


class Notes:
    """Sentences about the data of `origin`, for `Source.notes`."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.sentences: list[str] = []

    def add(self, sentences: Iterable[str], *, warn: bool = True) -> None:
        """Keeps sentences; those that someone should act on are a `UserWarning` too."""
        for sentence in sentences:
            self.sentences.append(sentence)
            if warn:
                warnings.warn(f"{self.origin}: {sentence}", stacklevel=3)


def examine(
    notes: Notes,
    splits: Mapping[str, Pair],
    class_names: tuple[str, ...],
    *,
    are_images: bool,
    published: bool = False,
) -> None:
    """Adds to notes: on the range of images, examples that are equal, classes spelled alike.

    Of data that are published, and can only be taken as they are, nothing is a warning.
    """
    if are_images:
        low, high = images.value_range(x for x, _ in splits.values())
        doubtful = images.is_doubtful(low, high) and not published
        notes.add(images.range_notes(low, high), warn=doubtful)
    equal = duplicates.notes_on(splits, class_names)
    notes.add(equal, warn=are_images and not published)  # vectors of few values repeat by nature
    notes.add(labels.notes_on(class_names), warn=not published)


def examined(source: Source, notes: Notes, *, published: bool = False) -> Source:
    """The source with the notes given and those of `examine`."""
    are_images = source.resize is not None
    examine(notes, source.splits, source.class_names, are_images=are_images, published=published)
    return dataclasses.replace(source, notes=(*source.notes, *notes.sentences))
