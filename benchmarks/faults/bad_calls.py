"""Wrong calls of every public function and class, made from their signatures, and what comes back.

Each argument of a valid call is replaced in turn by values that it cannot take: of another type,
out of range, empty, NaN, an unknown word; and each function is called with a misspelt argument.
Right is a `ValueError` or `OSError` that wszoo raises itself, before any work, in one paragraph
that names the argument or shows the value.
"""

import inspect
import random
import re
import shutil
import signal
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults.calls.exempt import EXEMPT
from benchmarks.faults.calls.legal_values import LEGAL
from benchmarks.faults.calls.public_names import public
from benchmarks.faults.calls.valid import OWNERS, VALID
from benchmarks.faults.calls.world import World
from wszoo.arguments import parameters
from wszoo.data import MissingDataError

SECONDS = 3.0  # a call that runs longer was accepted
SHORT = 25  # functions of the short form
NAN, INF = float("nan"), float("inf")


@dataclass(frozen=True)
class Wrong:
    """A call with one wrong argument: `label` says what is wrong with it."""

    function: str
    argument: str
    label: str
    value: Any


class _Late(BaseException):
    """Raised by the alarm; no `except Exception` catches it."""


def run(folder: Path, *, seed: int, short: bool) -> dict[str, Any]:
    """Makes the calls; see `benchmarks/faults` for what comes back."""
    elsewhere = folder.resolve() / "here"  # what is accepted may write beside itself
    elsewhere.mkdir()
    with chdir(elsewhere):
        return _tried(World(folder.resolve(), seed), seed=seed, short=short)


def _tried(world: World, *, seed: int, short: bool) -> dict[str, Any]:
    functions = public()
    uncovered = sorted(set(functions) - set(VALID) - set(EXEMPT))
    names = sorted(set(VALID) & set(functions))
    if short:
        names = sorted(random.Random(seed).sample(names, SHORT))
    outcomes: Counter[str] = Counter()
    rows, bad = [], []
    for name in names:
        counts: Counter[str] = Counter()
        for wrong in wrong_calls(name, functions[name], VALID[name](world)):
            outcome, said = outcome_of(wrong, target(name, functions[name], world), world)
            counts[outcome] += 1
            if outcome != "clear":
                about = {"argument": wrong.argument, "wrong": wrong.label, "outcome": outcome}
                bad.append({"what": name, **about, "said": said})
        if not short and (said := refusal(name, target(name, functions[name], world), world)):
            bad.append({"what": name, "outcome": "vague", "said": f"the valid call: {said}"})
            counts["vague"] += 1
        outcomes += counts
        failed = counts.total() - counts["clear"]
        rows.append({"what": name, "tried": counts.total(), "failures": failed})
    for name in uncovered:
        bad.append({"what": name, "outcome": "vague", "said": "no valid call is known"})
    return {
        "tried": outcomes.total(),
        "lost": 0,
        "different": 0,
        "crashed": 0,
        "vague": outcomes["vague"] + outcomes["deep"] + len(uncovered),
        "accepted": outcomes["accepted"],
        "rows": rows + bad,
    }


def refusal(name: str, called: Callable[..., Any], world: World) -> str:
    """Why the valid call is refused, if it is: then the wrong ones were for that reason too."""
    args, named = valid_arguments(VALID[name](world))
    try:
        with _alarm():
            called(*args, **named)
    except _Late:
        pass
    except MissingDataError:
        pass  # it came as far as the data
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""


def target(name: str, item: Any, world: World) -> Callable[..., Any]:
    """What is called: a function, or a method bound to an object of the world."""
    owner, _, method = name.rpartition(".")
    if owner in OWNERS and not isinstance(item, type) and inspect.isfunction(item):
        return getattr(OWNERS[owner](world), method)
    if not isinstance(item, type) and owner.rpartition(".")[2][:1].isupper():
        return getattr(public()[owner], method)  # a class method
    return item


def valid_arguments(arguments: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    starred = [value for name, value in arguments.items() if name.startswith("*")]
    named = {name: value for name, value in arguments.items() if not name.startswith("*")}
    return tuple(starred[0]) if starred else (), named


def wrong_calls(name: str, item: Any, arguments: dict[str, Any]) -> Iterator[Wrong]:
    """The wrong calls of a function: for each argument what it cannot be, and one misspelt."""
    takes = parameters(item)
    for argument, valid in arguments.items():
        if argument.lstrip("*") not in takes:  # of **kwargs, for another function
            continue
        parameter = takes[argument.lstrip("*")]
        if argument.startswith("*"):
            kind = "key" if isinstance(valid[0], int) else "star"
        else:
            kind = kind_of(parameter, valid)
        for label, value in wrong_values(kind, valid).items():
            if label == "None" and may_be_none(parameter):
                continue
            if label not in legal(name, argument.lstrip("*")):
                yield Wrong(name, argument, label, value)
    spelt = max((n for n in arguments if len(n) > 3 and n[0] != "*"), key=len, default=None)
    if spelt is not None:
        yield Wrong(name, spelt, "misspelt", arguments[spelt])


def legal(function: str, argument: str) -> set[str]:
    """Labels of values that the argument may have after all."""
    return {
        label
        for (where, name), (labels, _) in LEGAL.items()
        if re.fullmatch(where, function) and re.fullmatch(name, argument)
        for label in labels
    }


def may_be_none(parameter: inspect.Parameter) -> bool:
    said = str(parameter.annotation)
    return parameter.default is None or "None" in said or "Optional" in said


def kind_of(parameter: inspect.Parameter, valid: Any) -> str:
    """What sort of value an argument has: by a valid one, else by its annotation."""
    said = str(parameter.annotation)
    if callable(valid) and not isinstance(valid, type) and "Callable" in said:
        return "function"
    by_value: tuple[tuple[Any, str], ...] = (
        (bool, "flag"),
        (int, "whole"),
        (float, "number"),
        (Path, "path"),
        (str, "word"),
        (np.ndarray, "array"),
        (dict, "mapping"),
    )
    for types, kind in by_value:
        if isinstance(valid, types):
            return kind
    if isinstance(valid, list | tuple):
        if len(valid) == 2 and all(isinstance(part, np.ndarray) for part in valid):
            return "pair"
        return "names" if valid and all(isinstance(n, str) for n in valid) else "list"
    if valid is not None:
        return "function" if inspect.isfunction(valid) else "thing"
    said = said.replace("wszoo.sharing.plan.", "")
    by_text = (
        ("Callable", "function"), ("Mapping", "mapping"), ("dict", "mapping"), ("Pair", "pair"),
        ("tuple[numpy", "pair"), ("Sequence[str]", "names"), ("Sequence", "list"),
        ("Path", "path"), ("bool", "flag"), ("int", "whole"), ("float", "number"),
        ("str", "word"),
    )  # fmt: skip
    return next((kind for text, kind in by_text if text in said), "thing")


def wrong_values(kind: str, valid: Any) -> dict[str, Any]:
    """Label → a value that an argument of this kind cannot have."""
    strange = {"None": None, "object": object()}
    if kind == "whole":
        return strange | {"text": "three", "list": [1, "x"], "True": True, "0": 0, "-1": -1,
                          "10**12": 10**12, "1.5": 1.5, "nan": NAN, "inf": INF}  # fmt: skip
    if kind == "number":
        return strange | {"text": "1e-3", "list": [1.0], "True": True, "0": 0, "-1": -1.0,
                          "1.5": 1.5, "nan": NAN, "inf": INF}  # fmt: skip
    if kind == "flag":
        return strange | {"text": "no", "1": 1, "nan": NAN, "list": []}
    if kind == "word":
        return strange | {"number": 5, "empty": "", "list": ["x"], "unknown": "dynamc", "nan": NAN}
    if kind == "path":
        return strange | {"number": 5, "empty": "", "list": ["x"], "nan": NAN, "True": True}
    if kind == "mapping":
        return strange | {"number": 5, "text": "x", "list": [1], "empty": {}}
    if kind == "names":
        return strange | {"number": 5, "empty": [], "numbers": [5], "unknown": ["dynamc"],
                          "empty text": [""]}  # fmt: skip
    if kind == "list":
        return strange | {"number": 5, "text": "dynamc", "empty": [], "objects": [object()],
                          "nan": [NAN, NAN]}  # fmt: skip
    if kind == "key":
        return {"text": ("x",), "nan": (NAN,), "-1": (-1,), "True": (True,), "object": (object(),)}
    if kind == "star":
        return {"number": (5,), "unknown": ("dynamc",), "empty text": ("",), "object": (object(),)}
    if kind in ("array", "pair"):
        return strange | {"number": 5, "text": "x"} | _wrong_arrays(kind, valid)
    return strange | {"number": 5, "text": "dynamc", "list": [1], "nan": NAN}


def _wrong_arrays(kind: str, valid: Any) -> dict[str, Any]:
    array = valid if isinstance(valid, np.ndarray) else np.zeros((4, 2), "float32")
    if kind == "pair":
        x, y = valid or (np.zeros((4, 2), "float32"), np.zeros(4, "int32"))
        wrong = {label: (one, y) for label, one in _wrong_arrays("array", x).items()}
        return wrong | {"one": (x,), "uneven": (x, y[:-1]), "three": (x, y, y)}
    broken = {"nan": NAN, "inf": INF} if array.dtype.kind == "f" else {}
    spoilt = {"empty": array[:0], "objects": array.astype(object), "texts": array.astype(str)}
    for label, value in broken.items():
        spoilt[label] = array.copy()
        spoilt[label].flat[-1] = value
    return spoilt


def outcome_of(wrong: Wrong, called: Callable[..., Any], world: World) -> tuple[str, str]:
    """`"clear"`, `"accepted"`, `"vague"` or `"deep"`, and what was said."""
    arguments = dict(VALID[wrong.function](world))
    if wrong.label == "misspelt":
        del arguments[wrong.argument]
        arguments[wrong.argument[:-2] + wrong.argument[-1]] = wrong.value
    else:
        arguments[wrong.argument] = wrong.value
    args, named = valid_arguments(arguments)
    try:
        with _alarm():
            result = called(*args, **named)
            if inspect.isgenerator(result):
                list(result)
    except _Late:
        return "accepted", f"ran for {SECONDS} s"
    except Exception as error:
        return _judged(wrong, error)
    finally:
        shutil.rmtree(world.folder / "search", ignore_errors=True)
    return "accepted", ""


def _judged(wrong: Wrong, error: Exception) -> tuple[str, str]:
    said = str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{type(error).__name__} in {'/'.join(Path(last.filename).parts[-2:])}:{last.lineno}"
    if wrong.label == "misspelt" and isinstance(error, TypeError) and wrong.argument[:-2] in said:
        return "clear", said
    ours = "/wszoo/" in last.filename.replace("\\", "/") and "-packages" not in last.filename
    if not ours or not isinstance(error, ValueError | OSError):
        return "deep", f"{place}: {said[:200]}"
    name = wrong.argument.lstrip("*")
    names = (name, name.replace("_", " "), name.rstrip("s"))
    shown = [repr(wrong.value)[:30], str(wrong.value)[:30]]
    if isinstance(wrong.value, list | tuple) and wrong.value:
        shown.append(repr(wrong.value[0])[:30])
    if wrong.label == "misspelt":
        shown = [wrong.argument[:-2]]
    named = any(re.search(rf"\b{re.escape(part)}\b", said) for part in names)
    told = named or any(part in said for part in filter(None, shown))
    return ("clear" if told and "\n\n" not in said else "vague"), f"{place}: {said[:200]}"


@contextmanager
def _alarm() -> Iterator[None]:
    """Ends the block by `_Late` after some seconds."""

    def ring(number: int, frame: Any) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
