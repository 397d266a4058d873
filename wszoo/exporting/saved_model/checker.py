"""Asks a process that is not this one, and knows neither Keras nor wszoo, what a SavedModel gives.

Importing TensorFlow takes seconds, so one process serves a whole session. It runs on the CPU.
"""

import atexit
import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SECONDS = 600.0  # for loading a SavedModel twice and running it on a few examples
PROGRAM = "wszoo.exporting.saved_model.reader"


class Refused(Exception):
    """A SavedModel could not be loaded or run; says by what and why."""


def outputs(
    folder: str | os.PathLike,
    signature: str,
    calls: Sequence[Mapping[str, np.ndarray]],
    *,
    seconds: float = SECONDS,
) -> dict[str, list[dict[str, np.ndarray]]]:
    """Outputs by name of each call of a SavedModel's signature, by loader.

    Each loader (`tf.saved_model.load`, and a graph session, as TF Serving has it) loads the folder
    anew and makes the calls, arrays by input name, one after the other. Raises `Refused` where it
    cannot, where the process dies, and where it has not answered after `seconds`.
    """
    with tempfile.TemporaryDirectory() as exchange:
        names, paths = list(calls[0]), []
        for number, call in enumerate(calls):
            paths.append(str(Path(exchange) / f"call.{number}.npz"))
            np.savez(paths[-1], *(_storable(call[name]) for name in names))
        answer = start().ask(
            {
                "folder": os.fspath(folder),
                "signature": signature,
                "names": names,
                "inputs": paths,
                "out": exchange,
            },
            seconds,
        )
        if "error" in answer:
            raise Refused(f"{answer.get('loader', 'another process')} says: {answer['error']}")
        return {
            loader: [_arrays(*result) for result in results]
            for loader, results in answer["results"].items()
        }


def start() -> "_Process":
    """The process of this session, started where there is none: the sooner, the less one waits."""
    global _process
    with _lock:
        if _process is None or not _process.is_ours():
            _process = _Process()
        return _process


class _Process:
    """`python -m wszoo.exporting.saved_model.reader`, which ends when its input does."""

    def __init__(self) -> None:
        self.owner = os.getpid()
        self.log = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the process
        self.running = subprocess.Popen(
            [sys.executable, "-P", "-m", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=_environment(),
            text=True,
        )
        self.lines: queue.Queue[str | None] = queue.Queue()
        self.turn = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()
        atexit.register(self.end)

    def is_ours(self) -> bool:
        """Whether it runs, and this process started it, not one that this was forked from."""
        return self.owner == os.getpid() and self.running.poll() is None

    def ask(self, request: Mapping[str, object], seconds: float) -> dict[str, Any]:
        """One answer. Raises `Refused` without one, and ends the process then."""
        with self.turn:
            try:
                self._input.write(json.dumps(request) + "\n")
                self._input.flush()
                line = self.lines.get(timeout=seconds)
            except (queue.Empty, OSError) as error:
                line = None if isinstance(error, OSError) else "late"
            except BaseException:  # interrupted: the answer to come would be taken for the next one
                self.end()
                raise
            if line is None or line == "late":
                last = self.end()
                why = f"had no answer after {seconds:g} s" if line else f"died ({last})"
                raise Refused(f"the process that loads it {why}")
            return json.loads(line)

    def end(self) -> str:
        """Ends the process, if this one started it, and tells how it went."""
        atexit.unregister(self.end)
        if self.owner != os.getpid():
            return "it is another process's"
        self.running.kill()
        code = self.running.wait()
        with contextlib.suppress(OSError):
            self._input.close()
        with self.log:
            self.log.seek(0)
            lines = self.log.read().decode(errors="replace").strip().splitlines()
        return f"exit code {code}: {' '.join(lines[-3:])[-500:]}"

    @property
    def _input(self) -> Any:
        return self.running.stdin

    def _listen(self) -> None:
        assert self.running.stdout is not None
        with self.running.stdout as answers:
            for line in answers:
                self.lines.put(line)
        self.lines.put(None)


_process: _Process | None = None
_lock = threading.Lock()


def _environment() -> dict[str, str]:
    """This process's, with its import path; without a GPU, of which it may hold all memory."""
    paths = os.pathsep.join(path for path in sys.path if path)
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    return {**os.environ, **quiet, "PYTHONPATH": paths}


def _storable(values: np.ndarray) -> np.ndarray:
    """Without objects and dtypes that NumPy lacks, which it could store as pickles alone."""
    array = np.asarray(values)
    if array.dtype.kind == "U":
        return np.char.encode(array, "utf-8")
    if array.dtype.kind == "O":  # bytes, or str
        texts = [v.encode() if isinstance(v, str) else bytes(v) for v in array.ravel()]
        return np.array(texts, "S").reshape(array.shape)
    return array if array.dtype.kind in "biufcS" else array.astype("float32")


def _arrays(names: Sequence[str], path: str) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {name: file[f"arr_{i}"] for i, name in enumerate(names)}
