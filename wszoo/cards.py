"""Cards: what stands beside a set of weights, and that a card holds what it must."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wszoo import checks, checksums

FILE = "card.json"
_SHA256 = re.compile(r"[0-9a-f]{64}")
# What a card must hold; metrics carry their spread, or say that they are of one run.
_MUST: dict[str, tuple[type | tuple[type, ...], str]] = {
    "model": (str, "a name"),
    "tag": (str, "a name"),
    "plan": (dict, "an object"),
    "config": (dict, "an object"),
    "data": (str, "a text"),
    "licence": (str, "a text"),
    "command": (str, "a text"),
    "seed": (int, "a whole number"),
    "metrics": (dict, "an object"),
    "stored_parameters": (int, "a whole number"),
    "sha256": (str, "64 hex digits"),
    "versions": (dict, "an object"),
}
KEYS = tuple(_MUST)
# What a card may hold besides that is read.
_MAY: dict[str, tuple[type | tuple[type, ...], str]] = {
    "source": (dict, "an object"),
    "noise": ((int, float), "a number"),
    "vocabulary": (list, "a list of texts"),
    "class_names": (list, "a list of texts"),
    "task": (str, "a name"),
    "input_range": (list, "two numbers"),
    "image_size": ((int, list), "pixels a side"),
    "resize": (str, "a name"),
    "notes": (str, "a text"),
}
SOURCE_KEYS = ("name", "image_size", "length", "resize")


Card = dict[str, Any]


def plain(value: object) -> Any:
    """A value as JSON knows it: tuples as lists, keys as strings."""
    return json.loads(json.dumps(value))


def as_json(card: Mapping[str, object], folder: Path) -> str:
    """The text of a card's file, with its checksum. Raises `ValueError` for NaN."""
    try:
        return checksums.json_with_sum(plain(card), indent=1, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise ValueError(
            f"the card of {str(folder)!r} holds NaN or infinity, which JSON does not know: a "
            f"training that diverged has no metrics. Nothing was written"
        ) from error


def read(folder: Path) -> Card:
    """The card in a folder. Raises `ValueError` where it is missing, damaged or incomplete."""
    path = folder / FILE
    if not path.is_file():
        raise ValueError(f"{str(folder)!r} has no {FILE}: it is not a folder of wszoo weights")
    try:
        card = checksums.json_object(path)
    except ValueError as error:
        raise ValueError(f"{str(path)!r} cannot be read: {error}") from error
    check(card, folder)
    try:
        if checksums.MEMBER in card:  # older cards have none
            checksums.check_sum(card)
        elif misspelt := checks.nearest(checksums.MEMBER, card, likeness=0.9):
            raise ValueError(f"it has a member {misspelt[0]!r}: it is changed")
    except ValueError as error:
        raise ValueError(
            f"{str(path)!r}: {error}. Who changes a card by hand takes the line "
            f"{checksums.MEMBER!r} out"
        ) from error
    return {key: value for key, value in card.items() if key != checksums.MEMBER}


def check(card: Card, folder: Path) -> None:
    """The one place where what a card says is checked: a card may come from anybody."""
    whose = f"the card of {str(folder)!r}"
    if missing := [key for key in KEYS if key not in card]:
        raise ValueError(f"{whose} lacks {', '.join(missing)}")
    for key, (types, valid) in (_MUST | _MAY).items():
        if key in card:
            value = checks.kind(f"{key!r} in {whose}", card[key], types, valid)
            if isinstance(value, bool):
                raise ValueError(f"{key!r} in {whose} must be {valid}; received {value}")
    for key in ("model", "tag"):
        checks.file_name(f"{key!r} in {whose}", card[key])
    if not _SHA256.fullmatch(card["sha256"]):
        raise ValueError(
            f"'sha256' in {whose} must be 64 hex digits; received {checks.shown(card['sha256'])}"
        )
    _check_words(whose, card)


def _check_words(whose: str, card: Card) -> None:
    if wrong := sorted(set(card.get("source", {})) - set(SOURCE_KEYS)):
        raise ValueError(f"'source' in {whose} has {wrong[0]!r}; it may have {SOURCE_KEYS}")
    for key in ("vocabulary", "class_names"):
        if not all(isinstance(word, str) for word in card.get(key, [])):
            raise ValueError(f"{key!r} in {whose} must be a list of texts")
    for key, metric in card["metrics"].items():
        if isinstance(metric, dict) and not {"value", "mean", "sd", "seeds"} <= set(metric):
            raise ValueError(f"the metric {key!r} in {whose} lacks value, mean, sd or seeds")
        value = metric["value"] if isinstance(metric, dict) else metric
        checks.number(f"the metric {key!r} in {whose}", value)
