"""What was found in data and what was left out: said once, and kept with the source."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterable

from wszoo.data import duplicates, images, labels
from wszoo.data.source import Source


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


def examined(source: Source, notes: Notes, *, published: bool = False) -> Source:
    """The source with notes: those given, and on the range of its images, examples that are equal
    and classes that are spelled alike.

    Of data that are published, and can only be taken as they are, nothing is a warning.
    """
    are_images = source.resize is not None
    if are_images:
        ranges = images.range_notes(x for x, _ in source.splits.values())
        notes.add(ranges, warn=not published)
    equal = duplicates.notes_on(source.splits, source.class_names)
    notes.add(equal, warn=are_images and not published)  # vectors of few values repeat by nature
    notes.add(labels.notes_on(source.class_names), warn=not published)
    return dataclasses.replace(source, notes=(*source.notes, *notes.sentences))
