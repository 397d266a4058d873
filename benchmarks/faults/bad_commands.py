"""Wrong command lines: each option and argument of every command gets what it cannot take.

`wrong_lines.py` makes the lines from the parameters. A line is answered well ("clear") if it ends
with exit code 2 and one short error that names the option or shows the value, before anything is
written; a line that has begun to work, or ended well, was "accepted".
"""

import contextlib
import io
import os
import random
import re
import shlex
import shutil
import signal
import sys
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.faults import result
from benchmarks.faults.lines import command_lines
from benchmarks.faults.lines.wrong_lines import PLANS, right, wrong_lines

PATIENCE = 5.0  # seconds of computing after which a command is taken to have begun its work
RIGHT = 2.0  # the same for a line that is right
HUNG = 120.0  # seconds of a clock
SHORT = 36  # wrong lines of the short form
LINES_OF_AN_ERROR = 12
WROTE = "refused after it had written"


def run(folder: Path, *, seed: int, short: bool) -> dict[str, Any]:
    """The campaign's part; `rows` has a row a command, and each line that was not clear."""
    folder = Path(folder)
    command_lines.prepare(folder, converted=True)
    for name, text in PLANS.items():
        (folder / name).write_text(text)
    apps = {name: (app, words) for name, app, words in command_lines.commands()}
    if lacking := set(apps) ^ set(command_lines.LINES):
        raise ValueError(f"commands without a right line, or lines without a command: {lacking}")
    wrong = [(name, *case) for name in apps for case in wrong_lines(name, *apps[name])]
    if short:
        wrong = random.Random(seed).sample(wrong, SHORT)
    counts: dict[str, Counter] = {name: Counter() for name in apps}
    failures = []
    for name, option, value, line in wrong:
        verdict, said = judge(folder, name, *apps[name], line, option, value)
        counts[name][verdict] += 1
        if verdict != "clear":
            failures.append({"line": shlex.join([name, *line]), "verdict": verdict, "said": said})
    if not short:
        for name, (app, words) in apps.items():
            code, error = attempt(folder, name, app, [*words, *right(name)], RIGHT)
            counts[name]["right"] += code in (None, 0)
            if code not in (None, 0):
                failures.append({"line": name, "verdict": "refused", "said": error})
    total = sum(counts.values(), Counter())
    rows = [{"what": n, "tried": c.total() - c["right"], **c} for n, c in counts.items()]
    ways = {"crashed": total["deep"], "vague": total["vague"], "accepted": total["accepted"]}
    return result(len(wrong), [*rows, *failures], **ways)


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
    sys.argv = ["wszoo", *line]
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
    written = set(folder.iterdir()) - before
    for path in written:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    late = f"\n{WROTE}: {', '.join(path.name for path in written)}" if code == 2 and written else ""
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
