"""Names of classes, as they stand in folder names and tables."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable


def clean(label: str) -> str:
    """A label without white space around it, accents composed (NFC): one spelling, one class."""
    return unicodedata.normalize("NFC", label).strip()


def near_twins(names: Iterable[str]) -> list[list[str]]:
    """Classes that are perhaps one: alike but for case, white space, width, or digits' spelling."""
    alike: dict[str, set[str]] = defaultdict(set)
    for name in names:
        alike[_key(name)].add(name)
    return [sorted(group) for _, group in sorted(alike.items()) if len(group) > 1]


def notes_on(names: Iterable[str]) -> list[str]:
    """A sentence on classes that differ so little that they may be meant as one, or none."""
    if not (twins := near_twins(names)):
        return []
    shown = "; ".join(" and ".join(map(repr, group)) for group in twins[:5])
    return [f"classes that differ in spelling only are kept apart: {shown}"]


def _key(name: str) -> str:
    shown = "".join(c for c in unicodedata.normalize("NFKC", name) if not _is_invisible(c))
    folded = " ".join(shown.casefold().split())
    if "_" in folded:  # which Python would read in a number
        return folded
    try:
        return str(float(folded))  # "1", "01" and "1.0"
    except ValueError:
        return folded


def _is_invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf"  # marks of order and width zero
