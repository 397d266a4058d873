"""Wrong command lines, made from the parameters of each command and its right line."""

import inspect
import re
import typing
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import typer

from benchmarks.faults.lines import command_lines

WHOLE = ("x", "", "1.5", "0", "-1", "1000000000000", "nan", "inf")
REAL = ("x", "", "0", "-1", "1e12", "nan", "inf", "-inf")
JSON = ("", "5", "[]", "{", "null", '{"width": "x"}', '{"units": "x"}', '{"width": NaN}',
        '{"widht": 8}', '{"width": 0}', '{"width": -1}')  # fmt: skip
PLANS = {
    "empty.yaml": "",
    "list.yaml": "- {name: head, train: head, epochs: 1}\n",
    "broken.yaml": "phases: [\n",
    "no_phases.yaml": "phases: []\n",
    "number.yaml": "phases: [{name: a, train: 5, epochs: 1}]\n",
    "nothing.yaml": "phases: [{name: a, train: [], epochs: 1}]\n",
    "unknown.yaml": "phases: [{name: a, train: head, epochs: 1, learning_rat: 0.1}]\n",
    "stages.yaml": "stages: 3\nphases: [{name: a, train: head, epochs: 1}]\n",
    "zero.yaml": "phases: [{name: a, train: head, epochs: 0}]\n",
    "part.yaml": "phases: [{name: a, train: head, epochs: 1.5}]\n",
    "true.yaml": "phases: [{name: a, train: head, epochs: true}]\n",
    "twice.yaml": "phases: [{name: a, train: head, epochs: 1}, {name: a, train: all, epochs: 1}]\n",
    "rate.yaml": "phases: [{name: a, train: head, epochs: 1, learning_rate: fast}]\n",
    "rate_nan.yaml": "phases: [{name: a, train: head, epochs: 1, learning_rate: .nan}]\n",
    "rate_0.yaml": "phases: [{name: a, train: head, epochs: 1, learning_rate: 0}]\n",
    "norm.yaml": "phases: [{name: a, train: head, epochs: 1, batch_norm: no}]\n",
    "site.yaml": "phases: [{name: a, train: bloc_1, epochs: 1}]\n",
    "name.yaml": "phases: [{name: 5, train: head, epochs: 1}]\n",
    "pattern.yaml": "pattern: '['\nphases: [{name: a, train: head, epochs: 1}]\n",
    "code.yaml": "phases: !!python/object/apply:os.system ['true']\n",
    "bytes.yaml": "\0\1",
}

# (command, option, value), each a glob: what looks wrong and is right, and why.
LEGAL = {
    ("*", "--seed", "0"): "a seed like any other",
    ("*", "--*examples", "1000000000000"): "at most so many",
    ("*", "--max-per-class", "1000000000000"): "at most so many",
    ("*", "--few", "1000000000000"): "at most so many",
    ("*", "--held", "1000000000000"): "at most so many",
    ("*", "--batch-size", "1000000000000"): "a batch larger than the data is the data",
    ("*", "--noise", "0"): "no noise",
    ("*", "--max-loss", "0"): "nothing may be lost beyond the error",
    ("*", "--temperature", "0"): "takes the likeliest character",
    ("*", "--weight-decay", "0"): "none",
    ("*", "--label-smoothing", "0"): "none",
    ("*", "--l2-sp", "0"): "no pull",
    ("*", "--views", "0"): "no fixed views",
    ("wszoo compare", "--arm", "trhee=*"): "an arm has any label",
    ("*", "--cache", "no_such_thing"): "a folder that is made",
    ("wszoo download", "--data-dir", "no_such_place"): "a folder that is made",
    ("*", "--max-parameters", "1e12"): "at most so many",
    ("*", "--relax", "0"): "no private parts",
    ("*", "--rival-epochs", "0"): "no rival",
    ("*", "--points", "0"): "the plan named may lose nothing",
    ("*", "--target", "*[01]*"): "a validation score is any finite number",
    ("wszoo language-model", "--prompt", "*"): "a text of any words may begin another; "
    "none begins a line",
    ("wszoo list", "pattern", "no_such*"): "a pattern that nothing matches lists nothing",
    ("wszoo list", "pattern", "t*"): "a pattern that nothing matches lists nothing",
    ("*", "--tag", "*_*"): "a new tag has any name",
    ("*", "--tag", "m?*"): "a new tag has any name",
    ("*", "--labels", "*_*"): "names of classes are any words, as many as there are classes",
}


def right(name: str) -> list[str]:
    """The words of the command's right line: no quotes, for its values have no blanks."""
    return command_lines.LINES[name].split()


def wrong_lines(name: str, app: Any, words: list[str]) -> Iterator[tuple[str, str, list[str]]]:
    """`(option, value, whole line)` of each way in which one value of the line is wrong."""
    command = _click(app, words)
    kinds = typing.get_type_hints(inspect.unwrap(command.callback))
    line, places = right(name), _arguments(command)
    yield "--no-such-option", "3", [*words, *line, "--no-such-option", "3"]
    yield "surplus", "surplus", [*words, *line, *["surplus"] * (len(places) + 1)]
    for parameter in command.params:
        option = parameter.opts[0] if parameter.param_type_name == "option" else parameter.name
        if option in ("--help", "--version"):
            continue
        if getattr(parameter, "is_flag", False):
            wrong = [("maybe", f"{option}=maybe")]
            yield from ((option, v, [*words, *line, word]) for v, word in wrong)
            continue
        given = _given(line, option, places)
        for value in _wrong(option, kinds[parameter.name], given):
            if any(all(map(fnmatchcase, (name, option, value), key)) for key in LEGAL):
                continue
            yield option, value, [*words, *_with(line, option, places, value)]


def _wrong(option: str, kind: Any, given: str) -> Iterator[str]:
    """Values that an option of this kind cannot take."""
    kinds = {kind, *typing.get_args(kind)}
    kinds |= {inner for outer in kinds for inner in typing.get_args(outer)}
    if option == "--set":
        yield from JSON
    elif int in kinds:
        yield from WHOLE
    elif float in kinds:
        yield from REAL
    elif Path in kinds:
        yield from ("", "a_file/inside")
        if option in ("out", "--data", "source", "--wav") or given.endswith(".tflite"):
            yield "a_folder" if option != "out" or given.endswith(".tflite") else "a_file"
        else:
            yield "a_file"
        if option in ("--data", "source", "--wav", "--data-dir", "--manual-dir"):
            yield "no_such_place"
    else:
        yield from ("", "no_such_thing")
        if len(given) > 3:
            yield given[0] + given[2] + given[1] + given[3:]  # two letters changed places
        if option == "--freeze":
            yield from PLANS
        if "," in given or option in ("--rates", "--widths", "--labels", "--tune-at", "--samples"):
            yield from (",", f"{given},", f"{given},,{given}")
        if re.fullmatch(r"[\d.,e-]+", given):
            yield from ("0", "-1", "nan", "1e12", "1.5,x")
        if given.endswith((".npz", ".keras")):
            yield from ("a_file", "a_folder", "no_such.npz", "no_such.keras", "book.txt")


def _click(app: Any, words: list[str]) -> Any:
    command = typer.main.get_command(app)
    for word in words:
        command = command.get_command(None, word)
    return command


def _arguments(command: Any) -> list[str]:
    return [p.name for p in command.params if p.param_type_name == "argument"]


def _given(line: list[str], option: str, places: list[str]) -> str:
    """The right value, or nothing where the right line leaves the option out."""
    if option in places:
        before = line[: places.index(option) + 1]
        return before[-1] if len(before) > places.index(option) and before[-1][0] != "-" else ""
    return line[line.index(option) + 1] if option in line else ""


def _with(line: list[str], option: str, places: list[str], value: str) -> list[str]:
    line = list(line)
    if option in places:
        at = places.index(option)
        line[at : at + 1] = [value] if value[:1] != "-" else ["--", value]
        return line
    if option in line:
        at = line.index(option)
        del line[at : at + 2]
    return [*line, f"{option}={value}"]
