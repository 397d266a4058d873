"""Wrong command lines: each option and argument of every command gets what it cannot take.

The wrong values come from the parameters themselves (their types and their right values in
`command_lines.LINES`). One that is right after all stands in `LEGAL`, with the reason. A line is
answered well ("clear") if it ends with exit code 2 and one short error that names the option or
shows the value; a line that has begun to work, or ended well, was "accepted".
"""

import contextlib
import inspect
import io
import os
import random
import re
import shlex
import shutil
import signal
import sys
import traceback
import typing
import warnings
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import typer

from benchmarks.faults import command_lines, result

PATIENCE = 5.0  # seconds of computing after which a command is taken to have begun its work
RIGHT = 2.0  # the same for a line that is right
HUNG = 120.0  # seconds of a clock
SHORT = 36  # wrong lines of the short form
LINES_OF_AN_ERROR = 12
WROTE = "refused after it had written"

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
    ("compare.py", "--arm", "trhee=*"): "an arm has any label",
    ("*", "--cache", "no_such_thing"): "a folder that is made",
    ("*", "--max-parameters", "1e12"): "at most so many",
    ("*", "--relax", "0"): "no private parts",
    ("*", "--rival-epochs", "0"): "no rival",
    ("*", "--points", "0"): "the plan named may lose nothing",
    ("*", "--target", "*[01]*"): "a validation score is any finite number",
    ("language_model.py", "--prompt", "*"): "a text of any words may begin another; "
    "none begins a line",
    ("wszoo list", "pattern", "no_such*"): "a pattern that nothing matches lists nothing",
    ("wszoo list", "pattern", "t*"): "a pattern that nothing matches lists nothing",
    ("*", "--tag", "*_*"): "a new tag has any name",
    ("*", "--tag", "m?*"): "a new tag has any name",
    ("*", "--labels", "*_*"): "names of classes are any words, as many as there are classes",
}


def run(folder: Path, *, seed: int, short: bool) -> dict[str, Any]:
    """The campaign's part; `rows` has a row a command, and each line that was not clear."""
    folder = Path(folder)
    command_lines.prepare(folder, converted=True)
    for name, text in PLANS.items():
        (folder / name).write_text(text)
    known = {name: (app, words) for name, app, words in command_lines.commands()}
    if lacking := set(known) ^ set(command_lines.LINES):
        raise ValueError(f"commands without a right line, or lines without a command: {lacking}")
    wrong = [(name, *case) for name in known for case in wrong_lines(name, *known[name])]
    if short:
        wrong = random.Random(seed).sample(wrong, SHORT)
    counts: dict[str, Counter] = {name: Counter() for name in known}
    failures = []
    for name, option, value, line in wrong:
        verdict, said = judge(folder, name, *known[name], line, option, value)
        counts[name][verdict] += 1
        if verdict != "clear":
            failures.append({"line": shlex.join([name, *line]), "verdict": verdict, "said": said})
    if not short:
        for name, (app, words) in known.items():
            code, error = attempt(folder, name, app, [*words, *right(name)], RIGHT)
            counts[name]["right"] += code in (None, 0)
            if code not in (None, 0):
                failures.append({"line": name, "verdict": "refused", "said": error})
    total = sum(counts.values(), Counter())
    rows = [{"what": n, "tried": c.total() - c["right"], **c} for n, c in counts.items()]
    ways = {"crashed": total["deep"], "vague": total["vague"], "accepted": total["accepted"]}
    return result(len(wrong), [*rows, *failures], **ways)


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
    if not isinstance(app, typer.Typer):
        app, function = typer.Typer(add_completion=False), app
        app.command()(function)
    command = typer.main.get_command(app)
    return command.get_command(None, words[0]) if words else command


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


ALARMS = (signal.SIGPROF, signal.SIGALRM)


class _Began(BaseException):
    """The time is up: the command is at work."""


def attempt(
    folder: Path, name: str, app: Any, line: list[str], patience: float = PATIENCE
) -> tuple[Any, str]:
    """`(exit code, what stands on stderr)`; the code is `None` for a command that began to work
    and the text a traceback for an exception that came through."""
    from wszoo.command_line import run as as_a_user

    def stop(*_: Any) -> None:
        raise _Began

    before, argv, here = set(folder.iterdir()), sys.argv, Path.cwd()
    error, code = io.StringIO(), 0
    old = [signal.signal(number, stop) for number in ALARMS]
    os.chdir(folder)
    sys.argv = [name.split()[0], *line]
    signal.setitimer(signal.ITIMER_PROF, patience)  # of all threads; the machine may be busy
    signal.setitimer(signal.ITIMER_REAL, HUNG if patience else 0)
    try:
        with (
            contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()),
            warnings.catch_warnings(),
        ):  # fmt: skip
            warnings.simplefilter("ignore")
            as_a_user(app)
    except _Began:
        code = None
    except SystemExit as end:
        code = end.code or 0
    except BaseException:
        code = 1
        error.write(traceback.format_exc())
    finally:
        for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
            signal.setitimer(timer, 0)
        for number, handler in zip(ALARMS, old, strict=True):
            signal.signal(number, handler)
        sys.argv = argv
        os.chdir(here)
    made = set(folder.iterdir()) - before
    for path in made:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    late = f"\n{WROTE}: {', '.join(path.name for path in made)}" if code == 2 and made else ""
    return code, error.getvalue() + late


def judge(
    folder: Path, name: str, app: Any, words: list[str], line: list[str], option: str, value: str
) -> tuple[str, str]:
    """clear, vague, deep or accepted, and the end of what was said."""
    code, said = attempt(folder, name, app, line)
    if code in (0, None):
        return "accepted", "ended well" if code == 0 else "began to work"
    if "Traceback" in said:
        return "deep", said[-600:]
    if WROTE in said:
        return "accepted", said[-600:]
    one = [text for text in said.strip().splitlines() if text.strip()]
    short = 0 < len(one) <= LINES_OF_AN_ERROR
    return ("clear" if code == 2 and short and _named(said, option, value) else "vague"), said[
        -600:
    ]


def _named(said: str, option: str, value: str) -> bool:
    """Whether the error names the option, or shows a value that is more than a number."""
    said = " ".join(re.sub(r"[│╭╮╰╯─]", " ", said).split())
    word = option.lstrip("-").replace("-", "[-_ ]")
    if re.search(rf"(?<![a-z]){word}(?![a-z])", said, re.IGNORECASE):
        return True
    words = re.findall(r"[A-Za-z_]{5,}", value)  # of a JSON object, a path or a list
    if any(word in said for word in words):
        return True
    shown = value.partition(".")[0] if value[:1] != "." else value  # of NAME.TAG the name
    return len(shown) > 3 and shown in said
