"""`wszoo info`: what is known of a model."""

import json
from typing import Annotated

from wszoo.cli.shared import Json, card_lines, print_table
from wszoo.command_line.options import (
    argument,
    text,
)


def command(
    name: Annotated[str, argument(text("A registered model."))], as_json: Json = False
) -> None:
    """Show what is known of a model: settings, sites, default plan, cards of its weights."""
    from wszoo import registry

    row = registry.info(name)
    if as_json:
        print(json.dumps(row, indent=1))
        return
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(overflow="fold")
    table.add_row("name", row["name"])
    table.add_row("summary", row["summary"])
    table.add_row("task, family", f"{row['task']}, {row['family']}")
    table.add_row("settings", ", ".join(f"{k}={v!r}" for k, v in row["config"].items()))
    table.add_row("sites", ", ".join(row["sites"]))
    table.add_row("default plan", row["sharing"])
    for tag, card in row["weights"].items():
        mark = " (default)" if tag == row["default_tag"] else ""
        table.add_row(f"weights {tag}{mark}", escape(card_lines(card)))
    for tag, command in row["installable"].items():
        table.add_row(f"weights {tag}", escape(f"not installed: {command}"))
    print_table(table)
