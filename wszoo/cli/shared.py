"""What several commands print and take."""

from pathlib import Path
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def start_for(target: str) -> None:
    """Imports Keras, after a model or file that is not there was refused.

    `target` is a model, NAME.TAG or a `.keras` file. Raises `ValueError` for an unknown name or
    tag, and `FileNotFoundError` for a missing file.
    """
    from wszoo import registry, weights
    from wszoo.command_line import start

    name, _, tag = target.partition(".")
    if target.endswith(".keras"):
        if not Path(target).is_file():
            raise FileNotFoundError(f"no file {target!r}")
    elif registry.entry(name) and tag and tag not in weights.tags(name):
        weights.find(name, tag)
    start()


def preferences() -> tuple[str, ...]:
    """What `--prefer` may be."""
    from wszoo.exporting.tflite.share import PREFER

    return PREFER


def print_table(table: Any) -> None:
    """Prints a rich table to the terminal."""
    from rich.console import Console

    Console().print(table)
