"""The command line: `wszoo list`, `wszoo info`, `wszoo audit`."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="A Keras model zoo whose subject is weight sharing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


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


@app.command("list")
def list_command(
    pattern: Annotated[str, typer.Argument(help="A glob over names.")] = "*",
    task: Annotated[str | None, typer.Option(help="Only this task.")] = None,
    family: Annotated[str | None, typer.Option(help="Only this family.")] = None,
    pretrained: Annotated[
        bool | None, typer.Option(help="Only models with (or without) shipped weights.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the registered models."""
    from wszoo import registry

    names = registry.list_models(pattern, task=task, family=family, pretrained=pretrained)
    rows = [registry.info(name) for name in names]
    if as_json:
        print(json.dumps([_short(row) for row in rows], indent=1))
        return
    from rich.table import Table

    table = Table("name", "task", "family", "sharing", "weights (stored parameters)")
    for row in rows:
        tags = [f"{tag} ({card['stored_parameters']:,})" for tag, card in row["weights"].items()]
        cells = (row["name"], row["task"], row["family"], row["sharing"], "\n".join(tags))
        table.add_row(*cells)
    _print(table)


@app.command()
def info(name: str, as_json: Json = False) -> None:
    """Show what is known of a model: settings, sites, default plan, cards of its weights."""
    from wszoo import registry

    row = registry.info(name)
    if as_json:
        print(json.dumps(row, indent=1))
        return
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_row("name", row["name"])
    table.add_row("summary", row["summary"])
    table.add_row("task, family", f"{row['task']}, {row['family']}")
    table.add_row("settings", ", ".join(f"{k}={v!r}" for k, v in row["config"].items()))
    table.add_row("sites", ", ".join(row["sites"]))
    table.add_row("default plan", row["sharing"])
    for tag, card in row["weights"].items():
        mark = " (default)" if tag == row["default_tag"] else ""
        table.add_row(f"weights {tag}{mark}", _card(card))
    _print(table)


@app.command()
def audit(
    target: Annotated[str, typer.Argument(help="A model, NAME.TAG, or a .keras file.")],
    sharing: Annotated[str | None, typer.Option(help="Another plan, such as ABAB.")] = None,
    as_json: Json = False,
) -> None:
    """Show what a model or file really shares, and what that saves."""
    is_file = Path(target).is_file()
    if target.endswith(".keras") and not is_file:  # said before Keras is imported
        raise FileNotFoundError(f"no file {target!r}")
    import wszoo

    model = wszoo.load(target) if is_file else wszoo.get(target, sharing=sharing)
    if is_file and sharing is not None:
        model = wszoo.retie(model, sharing)
    found = wszoo.audit(model)
    if as_json:
        print(json.dumps(found.to_dict(), indent=1))
    else:
        _print(found.table())


def main() -> None:
    """The command `wszoo`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter
    run(app)


def run(command: Callable[..., Any]) -> None:
    """Runs a command; a caller's mistake ends in one line on stderr and exit code 2.

    `command` is a typer app, or a function whose annotated arguments become its options.
    """
    if not isinstance(command, typer.Typer):
        function, command = (
            command,
            typer.Typer(add_completion=False, pretty_exceptions_enable=False),
        )
        command.command()(function)
    try:
        command()
    except (ValueError, FileNotFoundError) as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(2)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    keys = ("name", "summary", "task", "family", "sharing", "default_tag")
    sizes = {tag: card["stored_parameters"] for tag, card in row["weights"].items()}
    return {key: row[key] for key in keys} | {"weights": sizes}


def _card(card: dict[str, Any]) -> str:
    metrics = ", ".join(f"{key} {_metric(value)}" for key, value in card["metrics"].items())
    plan = f"plan {card['plan']['pattern']}, {card['stored_parameters']:,} stored parameters"
    return f"{plan}\ntrained on {card['data']} ({card['licence']})\n{metrics}\n{card['command']}"


def _metric(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['value']} ({value['mean']} ± {value['sd']} over {value['seeds']} seeds)"
    return str(value)


def _print(table: Any) -> None:
    from rich.console import Console

    Console().print(table)
