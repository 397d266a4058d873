"""Programs that tests run: in this process, which has imported what takes one of its own six
seconds, and on JAX, which needs another."""

import contextlib
import io
import os
import runpy
import sys
import warnings
from pathlib import Path
from unittest import mock

from wszoo import cli

RECIPES = Path(__file__).resolve().parents[1] / "recipes"

# What the laws say holds of any machine code: that of XLA is made faster if it need not be fast.
QUICK = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
JOINED_ON_JAX = os.environ | {"KERAS_BACKEND": "jax"}  # sums over processes are NaN in quick code
ON_JAX = JOINED_ON_JAX | {"XLA_FLAGS": QUICK}


def recipe(folder, name, *arguments):
    """The exit code, the output and the errors of a recipe that is run from `folder`."""
    path = str(RECIPES / name)
    return _ended(folder, lambda: runpy.run_path(path, run_name="__main__"), path, *arguments)


def command(folder, *arguments):
    """The exit code, the output and the errors of the command `wszoo`, run from `folder`."""
    return _ended(folder, cli.main, "wszoo", *arguments)


def _ended(folder, program, *line):
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.chdir(folder),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        mock.patch.object(sys, "argv", [str(word) for word in line]),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("default")  # as in a process of its own, where nothing raises them
        try:
            program()
        except SystemExit as end:
            return end.code or 0, out.getvalue(), err.getvalue()
    raise AssertionError("a program ends by an exit")
