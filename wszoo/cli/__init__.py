"""The command `wszoo`: a command a file, imported when it is called.

`COMMANDS` maps a command to its module, which has `command`: a function, or an app of several.
"""

import importlib
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from wszoo.command_line import app_of, run
from wszoo.command_line.running import HELP

OWN = {
    "list": "wszoo.cli.list_models",
    "info": "wszoo.cli.info",
    "audit": "wszoo.cli.audit",
    "evaluate": "wszoo.cli.evaluate",
    "predict": "wszoo.cli.predict",
    "download": "wszoo.cli.download",
    "export": "wszoo.cli.export",
    "share-constants": "wszoo.cli.share_constants",
}
RECIPES = {
    name: f"wszoo.recipes.{name.replace('-', '_')}"
    for name in (
        "finetune",
        "pretrain",
        "compare",
        "compress",
        "search-ties",
        "label-curve",
        "multitask",
        "anomaly",
        "denoise",
        "language-model",
        "classify-audio",
        "export-all",
    )
}
COMMANDS = OWN | RECIPES


class Commands(TyperGroup):
    """The commands of `COMMANDS`."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Their names, in the order in which help shows them."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, made of its module's; `None` for an unknown name."""
        return command(cmd_name) if cmd_name in COMMANDS else None


def command(name: str) -> Any:
    """The click command of that name."""
    made = importlib.import_module(COMMANDS[name]).command
    app = made if isinstance(made, typer.Typer) else app_of(made, name)
    click_command = typer.main.get_command(app)
    click_command.name = name
    vars(click_command)["rich_help_panel"] = "Recipes" if name in RECIPES else "Models and files"
    return click_command


app = typer.Typer(
    cls=Commands,
    help="A Keras model zoo whose subject is weight sharing.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=HELP,
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
    run(app)
