"""What several commands print and take."""

from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def preferences() -> tuple[str, ...]:
    """What `--prefer` may be."""
    from wszoo.exporting.tflite.share import PREFER

    return PREFER


def print_table(table: Any) -> None:
    """Prints a rich table to the terminal."""
    from rich.console import Console

    Console().print(table)
