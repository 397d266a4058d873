"""What a model means, kept with it: plain facts, such as its class names and image size.

The facts are JSON and travel in the member `wszoo.json` of a `.keras` file. Words in use:
`task`, `class_names`, `vocabulary`, `input_range`, `image_size`, `resize`, `licence`.
"""

import json
from typing import TYPE_CHECKING, TypedDict

from wszoo import checks

if TYPE_CHECKING:
    import keras


class Facts(TypedDict, total=False):
    """The words in use; a model may know others."""

    task: str
    class_names: list[str]
    vocabulary: list[str]
    input_range: list[float]
    image_size: int
    resize: str
    licence: str


def describe(model: "keras.Model", **facts: object) -> None:
    """Adds facts to what the model knows of itself; `None` takes one out.

    Raises `ValueError` for a fact that JSON cannot hold, and for one of the words in use that has
    another type than its readers expect.
    """
    joined = {**about(model), **facts}
    kept = {name: fact for name, fact in joined.items() if fact is not None}
    try:
        text = json.dumps(kept, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"facts about {model.name!r} are kept as JSON (text, finite numbers, lists, dicts); "
            f"received {facts!r}: {error}"
        ) from error
    _check(json.loads(text))
    model._wszoo_about = text  # as text: Keras would wrap and track a dict


def about(model: "keras.Model") -> Facts:
    """The facts that `describe` gave this model, or that its file held; empty without any."""
    facts: Facts = json.loads(getattr(model, "_wszoo_about", "{}"))
    return facts


def _check(facts: Facts) -> None:
    for name in ("task", "resize", "licence"):
        checks.kind(f"the fact {name}", facts.get(name, ""), str, "a text")
    for name in ("class_names", "vocabulary"):
        check_texts(f"the fact {name}", facts.get(name, []))
    for number in checks.kind("the fact input_range", facts.get("input_range", []), list, "a list"):
        checks.number("each of the fact input_range", number)


def check_texts(name: str, value: object) -> None:
    """Raises `ValueError` for what is no list of texts."""
    for text in checks.kind(name, value, list, "a list of texts"):
        checks.kind(f"each of {name}", text, str, "a text")
