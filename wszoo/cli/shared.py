"""What several commands print and take."""

from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def start_for(target: str) -> None:
    """Imports Keras, after a model or file that is not there was refused; see `check_target`."""
    from wszoo.command_line import start

    check_target(target)
    start()


def check_target(target: str) -> None:
    """Refuses a model, NAME.TAG or `.keras` file that is not there, before Keras is imported.

    Raises `ValueError` for an unknown name or tag, and `FileNotFoundError` for a missing file.
    """
    from wszoo import registry, weights

    name, _, tag = target.partition(".")
    if target.endswith(".keras"):
        if not Path(target).is_file():
            raise FileNotFoundError(f"no file {target!r}")
    elif registry.entry(name) and tag and tag not in weights.tags(name):
        weights.find(name, tag)


def print_table(table: Any) -> None:
    """Prints a rich table to the terminal."""
    from rich.console import Console

    Console().print(table)
