"""The command `wszoo`: a command a file, imported when it is called.

`COMMANDS` maps a command to its file here, which has a function `command`.
"""

import importlib
import os
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from wszoo.command_line import run

COMMANDS = {
    "list": "list_models",
    "info": "info",
    "audit": "audit",
    "evaluate": "evaluate",
    "export": "export",
    "share-constants": "share_constants",
}


class Commands(TyperGroup):
    """The commands of `COMMANDS`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order in which help shows them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, made of its file's function; `None` for an unknown name."""
        return command(cmd_name) if cmd_name in COMMANDS else None


def command(name: str) -> Any:
    """The click command of that name."""
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    module = importlib.import_module(f"wszoo.cli.{COMMANDS[name]}")
    alone.command(name)(module.command)
    return typer.main.get_command(alone)


app = typer.Typer(
    cls=Commands,
    help="A Keras model zoo whose subject is weight sharing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        from wszoo import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print it and leave.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    pass


def main() -> None:
    """The command `wszoo`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter
    run(app)
