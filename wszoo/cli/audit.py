"""`wszoo audit`: what a model shares and what a file stores."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from wszoo.cli.shared import Json, print_table, start_for
from wszoo.command_line.options import (
    argument,
    number,
    text,
)


def command(
    target: Annotated[
        str,
        argument(
            text("A model, NAME.TAG, a .keras, .weights.h5, .tflite or .onnx file, a SavedModel.")
        ),
    ],
    sharing: Annotated[str | None, text("Another plan, such as ABAB.")] = None,
    max_ratio: Annotated[
        float | None,
        number(
            "Exit code 1 if a file stores more than this × its unique bytes.", least=1, most=1000
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show what a model really shares, and what a file really stores."""
    path = Path(target)
    is_file = path.exists() and (path.suffix or path.is_dir())
    if not is_file and path.suffix in (".keras", ".h5", ".tflite", ".onnx"):
        raise FileNotFoundError(f"no file {target!r}")  # said before Keras is imported
    if sharing is not None and is_file and path.suffix != ".keras":
        raise ValueError(f"--sharing is for models and .keras files; received {target!r}")
    if max_ratio is not None and not is_file:
        raise ValueError(f"--max-ratio is for files; {target!r} is a model that is built anew")
    result: dict[str, Any] = {}
    tables = []
    if not is_file or path.suffix == ".keras":
        import wszoo

        start_for(target)
        model = wszoo.load(target) if is_file else wszoo.get(target, sharing=sharing)
        if is_file and sharing is not None:
            model = wszoo.retie(model, sharing)
        found = wszoo.audit(model)
        result = found.to_dict()
        tables = [
            table
            for table in (found.table(), found.inner_table(), found.opaque_table())
            if table is not None
        ]
    ratio = 1.0
    if is_file:
        from wszoo.exporting.stored import inspect_file

        inside = inspect_file(path)
        ratio, tables = inside.ratio, [*tables, _file_table(inside)]
        result |= {"file": asdict(inside) | {"ratio": ratio}}
    if as_json:
        print(json.dumps(result, indent=1))
    else:
        for table in tables:
            print_table(table)
        if is_file:
            print(target)  # a line of its own: no width breaks it
    if max_ratio is not None and ratio > max_ratio:
        print(f"wszoo: {target} stores {ratio:.3f} × its unique bytes", file=sys.stderr)
        raise typer.Exit(1)


def _file_table(inside: Any) -> Any:
    from rich.table import Table

    table = Table(
        title=f"stored in the file: {inside.stored_bytes:,} bytes of weights, "
        f"{inside.unique_bytes:,} unique, ratio {inside.ratio:.3f}; file {inside.file_bytes:,}",
        title_justify="left",
    )
    table.add_column("stored more than once", overflow="fold")
    table.add_column("how")
    table.add_column("bytes a copy", justify="right")
    for item in inside.repeated:
        table.add_row("\n".join(item.names), item.how, f"{item.bytes:,}")
    if not inside.repeated:
        table.add_row("(nothing)", "", "")
    return table
