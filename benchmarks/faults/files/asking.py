"""A process that reads files for the campaign: asked a line at a time, begun anew when it dies."""

import json
import select
import subprocess
import sys
from pathlib import Path
from typing import Any

HANGS = 120  # seconds without an answer
SENTENCE = 1500  # characters; longer ones bury what was wrong
REFUSALS = ("ValueError", "OSError")  # and classes of them


class Asked:
    """Asks a script of this folder: a JSON line in, a JSON line out. Ends with the block."""

    def __init__(self, script: str):
        self.script = Path(__file__).with_name(script)
        self.process: Any = None

    def __enter__(self) -> "Asked":
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer; `{"crash": why}` where the process died or was silent for too long."""
        if self.process is None:
            self.process = subprocess.Popen(
                [sys.executable, str(self.script)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        ready, _, _ = select.select([self.process.stdout], [], [], HANGS)
        line = self.process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        why = f"exit {self.process.wait()}" if ready else f"no answer in {HANGS} s"
        self._end()
        return {"crash": why}

    def _end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def outcome(answer: dict[str, Any], right: Any, names: tuple[str, ...]) -> str:
    """`crashed`, `vague`, `refused`, `same` or `different`. A refusal names one of `names`."""
    if "crash" in answer:
        return "crashed"
    if "error" in answer:
        kinds, said = answer["error"]
        named = any(name in said for name in names)
        good = set(kinds) & set(REFUSALS) and named and len(said) < SENTENCE
        return "refused" if good else "vague"
    return "same" if answer["numbers"] == right else "different"
