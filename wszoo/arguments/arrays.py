"""Checks of arrays: numbers, all finite, of one length; and texts where a model looks them up."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from wszoo import checks

if TYPE_CHECKING:
    import keras
    import numpy as np

Given = TypeVar("Given")


def array(name: str, value: object) -> "np.ndarray":
    """Numbers, at least one, all finite: an array, or what numpy makes one of."""
    return finite(name, any_array(name, value))


def any_array(name: str, value: object) -> "np.ndarray":
    """The same, NaN and infinity with it: what a training that diverged gives."""
    import numpy as np

    try:
        given = np.asarray(value)
    except Exception as error:  # of whatever the value is
        raise ValueError(f"{name} must be an array; received {checks.shown(value)}") from error
    if (given.dtype.kind not in "biuf" and given.dtype.name != "bfloat16") or given.ndim == 0:
        raise ValueError(f"{name} must be an array of numbers; received {checks.shown(value)}")
    if not given.size:
        raise ValueError(f"{name} has no examples; received an array of shape {given.shape}")
    return given


def array_or_texts(name: str, value: object) -> object:
    """The same, or an array of texts, for a model that looks them up."""
    return value if are_texts(value) else array(name, value)


def are_texts(value: object) -> bool:
    """Whether a value is an array of texts. A list of texts is rather a slip."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if not getattr(value, "size", 0):
        return False
    return kind in ("U", "S") or (
        kind == "O" and all(isinstance(one, str | bytes) for one in getattr(value, "flat", ()))
    )


def texts_fit(name: str, value: object, tensor: "keras.KerasTensor") -> None:
    """Raises `ValueError` for texts where a model's input takes numbers, and the reverse."""
    wanted = "string" in str(tensor.dtype)
    if hasattr(value, "dtype") and are_texts(value) != wanted:
        takes = "texts" if wanted else f"numbers ({tensor.dtype})"
        raise ValueError(f"{name} must be an array of {takes}; received {checks.shown(value)}")


def finite(name: str, given: "np.ndarray") -> "np.ndarray":
    """An array without NaN and infinity. It is looked at in parts, which take little memory."""
    import numpy as np

    if given.dtype.kind == "f":
        rows = max(1, 2**24 // max(1, given[0].size)) if given.ndim else 1
        for start in range(0, len(given) if given.ndim else 0, rows):
            good = np.isfinite(given[start : start + rows])
            if not good.all():
                count, row = int((~good).sum()), start + int(np.argwhere(~good)[0][0])
                raise ValueError(
                    f"{name} must be finite; received an array of shape {given.shape} whose row "
                    f"{row} holds NaN or infinity ({count} in all of the rows looked at)"
                )
    return given


def pair(name: str, value: Given) -> Given:
    """Examples `(x, y)`: two arrays of one length."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError(f"{name} must be a pair of arrays (x, y); received {checks.shown(value)}")
    x, y = array(f"x of {name}", value[0]), array(f"y of {name}", value[1])
    if len(x) != len(y):
        raise ValueError(f"{name} must be as many x as y; received {len(x)} and {len(y)}")
    return value


def data(name: str, value: object) -> object:
    """An array, or several in a list or by name, as `fit` takes them."""
    if isinstance(value, Mapping):
        return arrays(name, value)
    if isinstance(value, list | tuple) and value and hasattr(value[0], "shape"):
        for place, one in enumerate(value):
            array_or_texts(f"{name}[{place}]", one)
        return value
    return array_or_texts(name, value)


def arrays(name: str, value: Given) -> Given:
    """Arrays by name."""
    if not isinstance(value, Mapping) or not value:
        raise ValueError(f"{name} must be arrays by name; received {checks.shown(value)}")
    for key, one in value.items():
        array_or_texts(f"{name}[{key!r}]", one)
    return value
