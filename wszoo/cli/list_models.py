"""`wszoo list`: the registered models."""

import json
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from wszoo.cli.shared import Json, print_table
from wszoo.command_line.options import (
    argument,
    text,
    word,
)

SHOWN = 16  # letters of a plan

if TYPE_CHECKING:
    from wszoo.model_info import ModelInfo


def _known(key: str) -> list[str]:
    """The tasks or families of the registered models."""
    from wszoo import registry

    return sorted({getattr(registry.entry(name), key) for name in registry.list_models()})


def command(
    pattern: Annotated[str, argument(text("A glob over names."))] = "*",
    task: Annotated[str | None, word("Only this task.", valid=partial(_known, "task"))] = None,
    family: Annotated[
        str | None, word("Only this family.", valid=partial(_known, "family"))
    ] = None,
    pretrained: Annotated[
        bool | None, typer.Option(help="Only models with (or without) shipped weights.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List the registered models."""
    import wszoo

    names = wszoo.list_models(pattern, task=task, family=family, pretrained=pretrained)
    rows = [wszoo.info(name) for name in names]
    if as_json:
        print(json.dumps([_short(row) for row in rows], indent=1))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table()
    for title in ("name", "task"):
        table.add_column(title, no_wrap=True)
    for title in ("family", "sharing", "weights (stored parameters)"):
        table.add_column(title, overflow="fold")
    for row in rows:
        tags = [f"{tag} ({card['stored_parameters']:,})" for tag, card in row.weights.items()]
        tags += [escape(f"{tag} ({command})") for tag, command in row.installable.items()]
        plan = row.sharing
        plan = plan if len(plan) <= SHOWN else f"{plan[:SHOWN]}…"
        table.add_row(row.name, row.task, row.family, plan, "\n".join(tags))
    print_table(table)


def _short(row: "ModelInfo") -> dict[str, object]:
    keys = ("name", "summary", "task", "family", "sharing", "default_tag")
    sizes = {tag: card["stored_parameters"] for tag, card in row.weights.items()}
    return {key: getattr(row, key) for key in keys} | {"weights": sizes}
