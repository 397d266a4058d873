"""What a model means, kept with it: plain facts, such as its class names and image size.

The facts are JSON and travel in the member `wszoo.json` of a `.keras` file, in the card beside
weights, and in exported files (`wszoo.exporting.facts`). Words in use: `FACTS`.
"""

import json
from typing import TYPE_CHECKING, TypedDict

from wszoo import checks
from wszoo.arguments import checked

if TYPE_CHECKING:
    import keras


class Facts(TypedDict, total=False):
    """The words in use; a model may know others."""

    task: str
    class_names: list[str]
    vocabulary: list[str]
    input_range: list[float]
    image_size: int | list[int]  # rows and columns where they differ
    resize: str
    licence: str


FACTS = tuple(Facts.__annotations__)


@checked()
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
    check(json.loads(text))
    model._wszoo_about = text  # as text: Keras would wrap and track a dict


@checked()
def about(model: "keras.Model") -> Facts:
    """The facts that `describe` gave this model, or that its file held; empty without any."""
    facts: Facts = json.loads(getattr(model, "_wszoo_about", "{}"))
    return facts


def image_size(model: "keras.Model") -> tuple[int, int] | None:
    """Rows and columns of the images `(batch, rows, columns, 1 or 3)`, floats, that a model of one
    input takes; `None` where it takes something else, or images of any size."""
    if len(model.inputs) == 1 and "float" in model.inputs[0].dtype:
        shape = model.inputs[0].shape
        if len(shape) == 4 and shape[3] in (1, 3) and None not in shape[1:]:
            return shape[1], shape[2]
    return None


def of_images(model: "keras.Model") -> Facts:
    """The facts `image_size` and `input_range` of a model of images, which takes them in [0, 1]
    unless it says another range; none for other models."""
    size = image_size(model)
    if size is None:
        return {}
    side = size[0] if size[0] == size[1] else list(size)
    return {"image_size": side, "input_range": about(model).get("input_range", [0.0, 1.0])}


def check(facts: Facts) -> None:
    """Raises `ValueError` for one of the words in use that has another type than it should."""
    for name in ("task", "resize", "licence"):
        checks.kind(f"the fact {name}", facts.get(name, ""), str, "a text")
    for name in ("class_names", "vocabulary"):
        check_texts(f"the fact {name}", facts.get(name, []))
    for number in checks.kind("the fact input_range", facts.get("input_range", []), list, "a list"):
        checks.number("each of the fact input_range", number)
    sides = facts.get("image_size", [])
    for side in sides if isinstance(sides, list) else [sides]:
        checks.whole("the fact image_size", side, least=1)


def check_texts(name: str, value: object) -> None:
    """Raises `ValueError` for what is no list of texts."""
    for text in checks.kind(name, value, list, "a list of texts"):
        checks.kind(f"each of {name}", text, str, "a text")
