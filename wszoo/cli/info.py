"""`wszoo info`: what is known of a model."""

import json
from typing import Annotated

from wszoo.cli.shared import Json, print_table
from wszoo.command_line.options import argument, text


def command(
    name: Annotated[str, argument(text("A registered model, or NAME.TAG."))], as_json: Json = False
) -> None:
    """Show what is known of a model: settings, sites, default plan, cards of its weights."""
    import wszoo

    known = wszoo.info(name)
    if as_json:
        print(json.dumps(known.to_dict(), indent=1))
    else:
        print_table(known.table())
