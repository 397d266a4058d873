"""What a command says of an error instead of a traceback, where the error is not ours."""

import os
import sys

VARIABLE = "WSZOO_TRACEBACK"  # set to anything, commands end with the traceback of every error
SHOWN = 400  # characters of a message: TensorFlow's go on for pages
CALLERS = (ValueError, OSError, ImportError)  # what a caller may have given, and disks
OURS = (NotImplementedError, RecursionError)  # of Python's RuntimeErrors: mistakes in a program


def sentence(error: BaseException) -> str | None:
    """An error in one sentence, or `None` for one that needs its traceback: a mistake of ours.

    A caller's mistake and a disk's are said as they are. Memory that ran out, and what TensorFlow,
    JAX or another library could not do (`tf.errors.OpError`, `RuntimeError`), end in the first line
    of their message and in how to see more.
    """
    if os.environ.get(VARIABLE):
        return None
    if isinstance(error, CALLERS):
        return str(error) or type(error).__name__
    if isinstance(error, MemoryError):
        return f"there is not enough memory{_first_line(error, before=': ')}"
    if _is_tensorflows(error) or (isinstance(error, RuntimeError) and not isinstance(error, OURS)):
        return f"{type(error).__name__}{_first_line(error, before=': ')} ({VARIABLE}=1 shows where)"
    return None


def _is_tensorflows(error: BaseException) -> bool:
    tensorflow = sys.modules.get("tensorflow")  # if it raised this, it was imported
    return tensorflow is not None and isinstance(error, tensorflow.errors.OpError)


def _first_line(error: BaseException, *, before: str) -> str:
    """The first line that says something, if one does."""
    lines = [line.strip() for line in str(error).splitlines()]
    said = [line for line in lines if len(line) > 2 and line != "Graph execution error:"]
    return f"{before}{said[0][:SHOWN]}" if said else ""
