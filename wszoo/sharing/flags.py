"""Trainable flags of a layer or model, of every part and every variable."""

from collections.abc import Iterable

import keras

from wszoo.sharing.state import all_variables, parts

Flags = dict[str, str]  # "layers" and "variables": a digit each, 1 where it trains


def flags_of(layer: keras.Layer) -> Flags:
    """The flags of the layer's parts and of their variables, to be given to another like it."""
    return {
        "layers": _digits(part.trainable for part in parts(layer)),
        "variables": _digits(variable.trainable for variable in all_variables(layer)),
    }


def set_flags(layer: keras.Layer, flags: Flags) -> None:
    """Gives a layer the flags of another like it.

    Raises `ValueError` where they are not those of as many parts and variables.
    """
    layers, variables = parts(layer), all_variables(layer)
    for kind, things in (("layers", layers), ("variables", variables)):
        digits = flags.get(kind)
        if not isinstance(digits, str) or set(digits) - set("01") or len(digits) != len(things):
            raise ValueError(
                f"{layer.name!r} has {len(things)} {kind}, and its trainable flags must be a digit "
                f"0 or 1 for each; received {digits!r}"
            )
    # A layer passes its flag on to its parts, of which another layer may hold some, too: so the
    # layers with most parts first, and the variables last.
    pairs = zip(layers, flags["layers"], strict=True)
    for part, digit in sorted(pairs, key=lambda pair: -len(parts(pair[0]))):
        part.trainable = digit == "1"
    for variable, digit in zip(variables, flags["variables"], strict=True):
        variable.trainable = digit == "1"


def _digits(flags: Iterable[bool]) -> str:
    return "".join("01"[bool(flag)] for flag in flags)
