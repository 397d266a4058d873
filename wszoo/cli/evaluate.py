"""`wszoo evaluate`: weights on the data of their card."""

import json
from typing import Annotated

import typer

from wszoo.cli.shared import Json, start_for
from wszoo.command_line.options import (
    DataDir,
    ManualDir,
    argument,
    text,
)


def command(
    name: Annotated[str, argument(text("NAME.TAG, or a name for its default tag."))],
    data_dir: DataDir = None,
    manual_dir: ManualDir = None,
    as_json: Json = False,
) -> None:
    """Measure pretrained weights on the test split of their card's data; exit code 1 if the figures
    are not the card's."""
    from wszoo import evaluation

    start_for(name)
    scores = evaluation.evaluate(name, data_dir=data_dir, manual_dir=manual_dir)
    if as_json:
        print(json.dumps({k: {"measured": m, "card": c} for k, (m, c) in scores.items()}, indent=1))
    else:
        for key, (measured, carded) in scores.items():
            print(f"{key} {measured} (card: {carded})")
    if any(measured != carded for measured, carded in scores.values()):
        raise typer.Exit(1)
