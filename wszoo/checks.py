"""What a caller may give, checked in one place and refused in one wording.

Each check takes the argument's name as its caller knows it (`"epochs"`, `"--epochs"`), gives the
value back as plain Python, and raises `ValueError`: what was wrong, what was received, what is
valid. NaN and infinity are no numbers here, and neither are True and False.
"""

import difflib
import json
import math
import numbers
import re
from collections.abc import Iterable
from typing import Any, TypeVar, overload

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.\-]*[A-Za-z0-9_\-])?")
Kind = TypeVar("Kind")
SHOWN = 80  # characters of a value that an error shows


def whole(name: str, value: object, *, least: int | None = None, most: int | None = None) -> int:
    """A whole number, `least` and `most` included. `3.0` is none, and neither is `True`."""
    valid = f"a whole number{_range(least, most)}"
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise _not(name, value, valid)
    given = int(value)
    if (least is not None and given < least) or (most is not None and given > most):
        raise _not(name, value, valid)
    return given


def number(
    name: str,
    value: object,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> float:
    """A finite number; `least` and `most` are included, `above` and `below` are not."""
    valid = f"a finite number{_range(least, most, above, below)}"
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise _not(name, value, valid)
    given = float(value)
    if (
        (least is not None and given < least)
        or (most is not None and given > most)
        or (above is not None and given <= above)
        or (below is not None and given >= below)
    ):
        raise _not(name, value, valid)
    return given


def flag(name: str, value: object) -> bool:
    """True or False themselves; `1`, `"no"` and `None` are neither."""
    if not isinstance(value, bool):
        raise _not(name, value, "True or False")
    return value


def one_of(name: str, value: object, valid: Iterable[str]) -> str:
    """One of some words; a near one is suggested."""
    valid = list(valid)
    if not isinstance(value, str) or value not in valid:
        raise ValueError(
            f"{name} must be one of {', '.join(valid)}; received {shown(value)}{near(value, valid)}"
        )
    return value


def some_of(name: str, values: object, valid: Iterable[str]) -> tuple[str, ...]:
    """One word or several of a list, at least one and none twice."""
    values = (values,) if isinstance(values, str) else values
    valid = list(valid)
    if not isinstance(values, list | tuple) or not values:
        raise _not(name, values, f"some of {', '.join(valid)}")
    chosen = tuple(one_of(name, value, valid) for value in values)
    if len(set(chosen)) < len(chosen):
        raise _not(name, values, "words that differ")
    return chosen


def text(name: str, value: object) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise _not(name, value, "a text that is not empty")
    return value


def file_name(name: str, value: object) -> str:
    """A name that is one file's or folder's in any system and needs no quotes in a shell.

    Letters, digits, `_`, `-` and inner dots: no separators, no `..`, no spaces.
    """
    if not isinstance(value, str) or not _NAME.fullmatch(value) or ".." in value:
        raise _not(name, value, "a name of letters, digits, '_', '-' and single inner dots")
    return value


def json_object(name: str, value: object) -> dict[str, Any]:
    """What a text of JSON says, an object without NaN: `'{"width": 32}'`."""
    valid = 'a JSON object such as {"width": 32}'
    try:
        given = json.loads(value, parse_constant=_no_number)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError) as error:
        raise ValueError(f"{name} must be {valid}; received {value!r} ({error})") from None
    if not isinstance(given, dict):
        raise ValueError(f"{name} must be {valid}; received {value!r}")
    return given


@overload
def kind(name: str, value: object, types: type[Kind], valid: str) -> Kind: ...


@overload
def kind(name: str, value: object, types: tuple[type, ...], valid: str) -> Any: ...


def kind(name: str, value: object, types: type | tuple[type, ...], valid: str) -> object:
    """A value of some class; `valid` says which in words: "a Keras model"."""
    if not isinstance(value, types):
        raise _not(name, value, valid)
    return value


def near(name: object, valid: Iterable[str]) -> str:
    """`"; did you mean 'mnist'?"` for the nearest of `valid`, or nothing if none is near."""
    words = nearest(name, valid)
    return f"; did you mean {' or '.join(map(repr, words))}?" if words else ""


def nearest(name: object, valid: Iterable[str], *, likeness: float = 0.6) -> list[str]:
    """What of `valid` a name may be meant for, at most three: words that are spelled alike (of a
    `likeness` up to 1, that of `difflib`), the nearest first, then those that hold it. Case does
    not count."""
    if not isinstance(name, str):
        return []
    small, by_small = name.casefold(), {word.casefold(): word for word in sorted(set(valid))}
    alike = difflib.get_close_matches(small, by_small, cutoff=likeness)
    holding = [word for word in by_small if len(small) > 2 and small in word]
    return [by_small[word] for word in dict.fromkeys([*alike, *holding])][:3]


def shown(value: object) -> str:
    """A value as errors show it: shortened, with its class where the value alone would mislead."""
    if type(value).__module__ == "numpy" and (shape := getattr(value, "shape", ())):
        return f"an array of shape {shape} and dtype {getattr(value, 'dtype', None)}"
    try:
        said = repr(value)
    except Exception as error:  # a repr of somebody else's
        said = f"<{type(value).__name__} whose repr raises {type(error).__name__}>"
    said = said if len(said) <= SHOWN else f"{said[: SHOWN - 1]}…"
    return f"the text {said}" if isinstance(value, str) and _is_number(value) else said


def _not(name: str, value: object, valid: str) -> ValueError:
    return ValueError(f"{name} must be {valid}; received {shown(value)}")


def _no_number(value: str) -> float:
    raise ValueError(f"{value} is no number")


def _is_number(value: str) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _range(
    least: float | None, most: float | None, above: float | None = None, below: float | None = None
) -> str:
    low = f"of at least {least}" if least is not None else f"above {above}"
    high = f"at most {most}" if most is not None else f"below {below}"
    bounded_below, bounded_above = (least, above) != (None, None), (most, below) != (None, None)
    said = [low] * bounded_below + [high if bounded_below else f"of {high}"] * bounded_above
    return f" {' and '.join(said)}" if said else ""
