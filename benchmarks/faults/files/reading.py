"""The process that reads files as a user's call does, and says what numbers came of them.

A line on its input asks: `{"kind": …, "path": …}`, or `{"make": folder}` for samples of all kinds.
The answer holds `numbers`, a digest of what was read, or `error`: the classes and the words.
"""

import dataclasses
import hashlib
import json
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

ROOM = 3 * 2**30  # bytes that reading one file may add to the process


def main() -> None:
    """Answers until its input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.path.insert(0, str(Path(__file__).resolve().parents[3]))
    from benchmarks.faults.files import readers, samples

    warnings.simplefilter("ignore")
    bound_memory()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            if "make" in request:
                answer: dict[str, Any] = {"samples": samples.make(Path(request["make"]))}
            else:
                read = readers.READERS[request["kind"]]
                answer = {"numbers": digest(read(Path(request["path"])))}
        except Exception as error:
            kinds = [kind.__name__ for kind in type(error).__mro__]
            answer = {"error": [kinds, str(error)]}
        answer["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def bound_memory() -> None:
    """Address space beyond what the libraries have is bounded, so that a bomb is no one else's."""
    import tensorflow  # noqa: F401

    pages = int(Path("/proc/self/statm").read_text().split()[0])
    most = pages * resource.getpagesize() + ROOM
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def digest(value: Any) -> str:
    """One text for all numbers and words in a value."""
    whole = hashlib.sha256()
    _add(whole, value)
    return whole.hexdigest()[:16]


def _add(whole: Any, value: Any) -> None:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        for name in sorted(value, key=str):
            whole.update(str(name).encode())
            _add(whole, value[name])
    elif isinstance(value, list | tuple):
        for item in value:
            _add(whole, item)
    elif hasattr(value, "shape"):
        array = np.asarray(value)
        whole.update(f"{array.dtype}{array.shape}".encode() + array.tobytes())
    else:
        whole.update(repr(value).encode())


if __name__ == "__main__":
    main()
