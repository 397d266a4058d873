"""Keras and TensorFlow imported without what they write to the terminal while they start."""

import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


def start() -> None:
    """Imports Keras with its backend; what that writes is shown only if it fails.

    TensorFlow writes lines of its own before a program can ask for less. Raises `ImportError`
    where Keras or its backend is not installed.
    """
    from wszoo.keras_settings import name_backend

    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # for what comes later
    if "keras" in sys.modules:
        return
    with kept_back():
        try:
            importlib.import_module("keras")
        except ImportError as error:
            name_backend(error)
            raise


@contextmanager
def kept_back() -> Iterator[None]:
    """Within it nothing reaches the error stream; after an exception it is written there.

    What libraries write from C goes past `sys.stderr`, so the file descriptor is turned away.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as aside:
        terminal = os.dup(2)
        os.dup2(aside.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            aside.seek(0)
            os.write(terminal, aside.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(terminal, 2)
            os.close(terminal)
