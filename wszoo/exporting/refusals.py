"""What a converter says when it cannot convert a model: one sentence, and the rest in a log.

The TFLite converter writes to the process's standard error, past Python, and its exceptions have
thousands of characters. Here both are caught, and the operators and layers at fault are read off.
"""

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from wszoo import private

if TYPE_CHECKING:
    import keras

# … error: loc(…fused["Svd:", "model_1/layer_1/Svd@__inference_serve_85"]…): 'tf.Svd' op is …
_PLACE = re.compile(r'fused\["[^"]*", "(?P<place>[^"@]*)')
_OPERATOR = re.compile(r"'tfl?\.(?P<name>\w+)'")
_TYPES = re.compile(r"^\ttf\.(?P<name>\w+)\(.*?(?P<kind>bf16|f16|f64)>", re.MULTILINE)
_INSTEAD = "Replace the layer, or compute it outside the model; a SavedModel holds any operator"
_DTYPES = {"bf16": "bfloat16", "f16": "float16", "f64": "float64"}


@contextmanager
def standard_error_caught() -> Iterator[Callable[[], str]]:
    """Keeps from the terminal what the process writes to standard error, C++ libraries included.

    Gives a function that reads what was caught. A process without a standard error stays so.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as caught:

        def read() -> str:
            caught.seek(0)
            return caught.read().decode(errors="replace")

        try:
            kept = os.dup(2)
        except OSError:
            yield read
            return
        os.dup2(caught.fileno(), 2)
        try:
            yield read
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)


def unconvertible(model: "keras.Model", kind: str, error: Exception, caught: str) -> ValueError:
    """The error to raise for a converter's own, given what it wrote to standard error."""
    log = f"{error}\n\n{caught}"
    places = _places(log)
    if places:
        return lacking(model, kind, places, log)
    return _with_log(
        f"{model.name!r} cannot be converted to {kind} ({type(error).__name__}: "
        f"{_first_line(error)[:200]}). {_fixed_lengths(model)}{_INSTEAD}",
        log,
    )


def lacking(
    model: "keras.Model", kind: str, places: Mapping[str, list[str]], log: str
) -> ValueError:
    """The error for operators that files of a kind lack, with the places in the graph of each."""
    names = {operation.name for operation in model.operations}
    of_layers: dict[tuple[str, ...], list[str]] = {}  # layers → operators
    for operator, where in sorted(places.items()):
        layers = dict.fromkeys(filter(None, (_layer_at(place, names) for place in where)))
        of_layers.setdefault(tuple(layers), []).append(operator)
    named = "; ".join(
        ", ".join(operators) + (f" (in {', '.join(map(repr, layers))})" if layers else "")
        for layers, operators in of_layers.items()
    )
    quantised = [
        layer.name
        for layer in private.parts_of(model)
        if getattr(layer, "quantization_mode", None) is not None
    ]
    advice = (
        f"Keras quantised layers such as {quantised[0]!r}: export the model as it was before, in "
        "the precision dynamic_int8 or int8"
        if quantised
        else _fixed_lengths(model) + _INSTEAD
    )
    return _with_log(f"{kind} lacks operators that {model.name!r} needs: {named}. {advice}", log)


def does_not_run(
    model: "keras.Model", runtime: str, converter: str, error: Exception, caught: str
) -> ValueError:
    """The error for a file that the converter made without one, and that its runtime refuses."""
    return _with_log(
        f"{runtime} does not run what {converter} made of {model.name!r} "
        f"({type(error).__name__}: {_first_line(error)[:200]}), so no file of it is kept. "
        f"{_fixed_lengths(model)}{_INSTEAD}",
        f"{error}\n\n{caught}",
    )


def _fixed_lengths(model: "keras.Model") -> str:
    """What helps some converters, for a model with axes of unknown length."""
    free = [tensor.name for tensor in model.inputs if None in tensor.shape[1:]]
    if not free:
        return ""
    return (
        f"Fixed lengths may help, as axes of {', '.join(map(repr, free))} are free: export "
        "keras.Model(inputs, model(inputs)), where inputs are keras.Input of full shapes. "
    )


def _first_line(error: Exception) -> str:
    lines = (line.strip() for line in str(error).splitlines())
    return next(filter(None, lines), "no message")


def _places(log: str) -> dict[str, list[str]]:
    """Operator → its places in the graph, from the lines of a log that complain of it.

    An operator that is refused for its number format has that beside its name.
    """
    formats = {match["name"]: _DTYPES[match["kind"]] for match in _TYPES.finditer(log)}
    places: dict[str, list[str]] = {}
    for line in log.splitlines():
        operator, place = _OPERATOR.search(line), _PLACE.search(line)
        if operator is None or "error:" not in line:
            continue
        name = operator["name"]
        label = f"{name} of {formats[name]}" if name in formats else name
        places.setdefault(label, []).append(place["place"] if place else "")
    return places


def _layer_at(place: str, names: set[str]) -> str | None:
    """The layer in a place such as `model_1/conv_1/Conv2D`; calls of layers bear numbers there."""
    for part in place.split("/"):
        plain = re.sub(r"_\d+$", "", part)
        if plain in names or part in names:
            return plain if plain in names else part
    return None


def _with_log(sentence: str, log: str) -> ValueError:
    """The error of a sentence that ends with where the log is, a file in the temporary folder."""
    with tempfile.NamedTemporaryFile(
        "w", prefix="wszoo_converter_", suffix=".log", delete=False
    ) as file:
        file.write(log)
    return ValueError(f"{sentence}. All that the converter said is in {file.name!r}")
