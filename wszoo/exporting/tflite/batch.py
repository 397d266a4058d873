"""The batch dimension of a `.tflite` file: fixed, or free as in the model."""

from typing import TYPE_CHECKING

from wszoo import checks
from wszoo.exporting import parity
from wszoo.sharing.about import image_size

if TYPE_CHECKING:
    import keras

FREE = "free"
MOST = 65536  # examples in a batch


def batch_size(name: str, value: object) -> int | str:
    """A whole number of examples, or `"free"`; digits are read. Raises `ValueError` otherwise."""
    if value == FREE:
        return FREE
    try:
        number = int(value) if isinstance(value, str) and value.isdecimal() else value
        return checks.whole(name, number, least=1, most=MOST)
    except ValueError as error:
        raise ValueError(f"{error}; or {FREE!r}") from None


def batch_of(model: "keras.Model", asked: int | str | None, *, named: bool) -> int | None:
    """The batch that a file fixes, `None` for a free one.

    It is the one asked for, else the model's own, else 1 for images whose classes are `named`: what
    classifies photos one by one, in browsers (LiteRT.js 2.5 takes no free batch) and on a phone's
    GPU, wants shapes that stand. Raises `ValueError` where the model's own is another.
    """
    if asked == FREE:
        return parity.fixed_batch(model)
    if asked is None and named and image_size(model) is not None:
        return parity.fixed_batch(model) or 1
    return parity.fixed_batch(model, asked if isinstance(asked, int) else None)
