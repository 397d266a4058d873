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


def short(row: dict[str, Any]) -> dict[str, Any]:
    """A model in a line of `wszoo list --json`."""
    keys = ("name", "summary", "task", "family", "sharing", "default_tag")
    sizes = {tag: card["stored_parameters"] for tag, card in row["weights"].items()}
    return {key: row[key] for key in keys} | {"weights": sizes}


def card_lines(card: dict[str, Any]) -> str:
    """A card as `wszoo info` shows it."""
    metrics = ", ".join(f"{key} {_metric(value)}" for key, value in card["metrics"].items())
    plan = f"plan {card['plan']['pattern']}, {card['stored_parameters']:,} stored parameters"
    notes = f"\n{card['notes']}" if "notes" in card else ""
    trained = f"trained on {card['data']} ({card['licence']})"
    return f"{plan}\n{trained}\n{metrics}\n{card['command']}{notes}"


def _metric(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['value']} ({value['mean']} ± {value['sd']} over {value['seeds']} seeds)"
    return str(value)


def print_table(table: Any) -> None:
    """Prints a rich table to the terminal."""
    from rich.console import Console

    Console().print(table)
