"""The command line: `wszoo list | info | audit | evaluate | export | share-constants`."""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from wszoo.options import (
    DataDir,
    ManualDir,
    argument,
    file,
    folder,
    new_file,
    number,
    split,
    text,
    whole,
    word,
    words,
)

app = typer.Typer(
    help="A Keras model zoo whose subject is weight sharing.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def _known(key: str) -> list[str]:
    """The tasks or families of the registered models."""
    from wszoo import registry

    return sorted({getattr(registry.entry(name), key) for name in registry.list_models()})


def _formats() -> tuple[str, ...]:
    from wszoo.exporting.api import FORMATS

    return FORMATS


def _precisions() -> list[str]:
    from wszoo.exporting.tflite.write import BYTES

    return list(BYTES)


def _preferences() -> tuple[str, ...]:
    from wszoo.exporting.tflite.share import PREFER

    return PREFER


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
    from wszoo import registry

    names = registry.list_models(pattern, task=task, family=family, pretrained=pretrained)
    rows = [registry.info(name) for name in names]
    if as_json:
        print(json.dumps([_short(row) for row in rows], indent=1))
        return
    from rich.table import Table

    table = Table()
    for title in ("name", "task"):
        table.add_column(title, no_wrap=True)
    for title in ("family", "sharing", "weights (stored parameters)"):
        table.add_column(title, overflow="fold")
    for row in rows:
        tags = [f"{tag} ({card['stored_parameters']:,})" for tag, card in row["weights"].items()]
        cells = (row["name"], row["task"], row["family"], row["sharing"], "\n".join(tags))
        table.add_row(*cells)
    _print(table)


@app.command()
def info(
    name: Annotated[str, argument(text("A registered model."))], as_json: Json = False
) -> None:
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
        ratio, tables = inside.ratio, [*tables, _file_table(target, inside)]
        result |= {"file": asdict(inside) | {"ratio": ratio}}
    if as_json:
        print(json.dumps(result, indent=1))
    else:
        for table in tables:
            _print(table)
    if max_ratio is not None and ratio > max_ratio:
        print(f"wszoo: {target} stores {ratio:.3f} × its unique bytes", file=sys.stderr)
        raise typer.Exit(1)


@app.command()
def export(
    target: Annotated[str, argument(text("A model, NAME.TAG, or a .keras file."))],
    out: Annotated[Path, argument(folder("The folder to write to."))],
    weights: Annotated[str | None, text("A tag of the model.")] = None,
    formats: Annotated[
        str, words("Of saved_model, litert, onnx; by commas.", valid=_formats)
    ] = "saved_model,litert",
    precision: Annotated[
        str, word("Of LiteRT weights: float32, float16, dynamic_int8, int8.", valid=_precisions)
    ] = "float32",
    data: Annotated[
        str | None,
        text(
            "A source on which the LiteRT file is compared with Keras and int8 is calibrated; "
            "card: that of the weights."
        ),
    ] = None,
    data_dir: DataDir = None,
    manual_dir: ManualDir = None,
    batch: Annotated[
        int | None,
        whole("A fixed batch size for LiteRT.", "--batch", "--signature-batch", most=65536),
    ] = None,
    bound: Annotated[
        float | None,
        number("The largest difference to Keras ÷ the largest output.", above=0, most=1),
    ] = None,
    max_loss: Annotated[
        float,
        number("What LiteRT may lose of the data's metric beyond its error.", least=0, most=1),
    ] = 0.01,  # wszoo.exporting.gate.MAX_LOSS, without its imports
    prefer: Annotated[str, word("speed, load, size or integer.", valid=_preferences)] = "speed",
    labels: Annotated[
        str | None, words("Class names by commas: a signature with names and scores.")
    ] = None,
    uint8: Annotated[bool, typer.Option(help="Inputs are uint8 images.")] = False,
    warmup: Annotated[bool, typer.Option(help="Give TF Serving a warm-up request.")] = False,
    as_json: Json = False,
) -> None:
    """Write a model for TF Serving, LiteRT or ONNX Runtime, every shared weight once."""
    import wszoo
    from wszoo.exporting.api import export as write

    is_file = target.endswith(".keras")
    if is_file and weights is not None:
        raise ValueError(f"--weights is a tag of a registered model; {target!r} has its own")
    model = wszoo.load(target) if is_file else wszoo.get(target, weights=weights)
    name = target if weights is None or "." in target else f"{target}.{weights}"
    if data is None and precision == "int8" and not is_file and "." in name:
        data = "card"
    real: dict[str, Any] = {}
    if data is not None:
        from wszoo import evaluation

        places = {"data_dir": data_dir, "manual_dir": manual_dir}
        real = evaluation.for_export(model, *evaluation.data_of(model, name, data, **places))
    report = write(
        model,
        out,
        split(formats),
        precision,
        signature_batch=batch,
        bound=bound,
        max_loss=max_loss,
        prefer=prefer,
        **real,
        labels=None if labels is None else split(labels),
        uint8=uint8,
        warmup=warmup,
    )
    if as_json:
        print(json.dumps(report.to_dict(), indent=1))
    else:
        _print(report.table())
        for item in report.files:
            if item.precision == "int8" and item.format == "litert":
                ops = ", ".join(f"{n} {op}" for op, n in item.float_ops.items())
                print(f"operators that work on floats: {ops or 'none'}")
        print(report.serving, end="")


@app.command()
def evaluate(
    name: Annotated[str, argument(text("NAME.TAG, or a name for its default tag."))],
    data_dir: DataDir = None,
    manual_dir: ManualDir = None,
    as_json: Json = False,
) -> None:
    """Measure pretrained weights on the test split of their card's data; exit code 1 if the figures
    are not the card's."""
    from wszoo import evaluation

    scores = evaluation.evaluate(name, data_dir=data_dir, manual_dir=manual_dir)
    if as_json:
        print(json.dumps({k: {"measured": m, "card": c} for k, (m, c) in scores.items()}, indent=1))
    else:
        for key, (measured, carded) in scores.items():
            print(f"{key} {measured} (card: {carded})")
    if any(measured != carded for measured, carded in scores.values()):
        raise typer.Exit(1)


@app.command("share-constants")
def share_constants_command(
    source: Annotated[Path, argument(file("A .tflite file.", suffix=".tflite"))],
    out: Annotated[Path, argument(new_file("The file to write."))],
    prefer: Annotated[str, word("speed, load, size or integer.", valid=_preferences)] = "speed",
) -> None:
    """Store equal and transposed constants of any .tflite file once."""
    from wszoo.exporting.tflite.share import share_constants
    from wszoo.files import written_whole

    data, report = share_constants(source.read_bytes(), prefer=prefer)
    with written_whole(out) as part:
        part.write_bytes(data)
    print(f"{report.bytes_before:,} → {report.bytes_after:,} bytes")
    for item in report.shared:
        print(f"  shared {item.name} with {item.owner} ({item.bytes:,} bytes, {item.way})")
    for item in report.left:
        print(f"  left   {item.name} beside {item.owner} ({item.bytes:,} bytes)")


def main() -> None:
    """The command `wszoo`."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter
    run(app)


def run(command: Callable[..., Any]) -> None:
    """Runs a command and ends the process; its errors end in one line on stderr and code 2.

    `command` is a typer app, or a function whose annotated arguments become its options. A mistake
    of ours ends in a traceback (see `wszoo.errors`), a signal in code 128 + its number, after what
    the command has written is in order, and in a line that says how to go on.
    """
    from wszoo.errors import sentence
    from wszoo.stopping import farewell, stopped_by_signals

    if not isinstance(command, typer.Typer):
        function, command = (
            command,
            typer.Typer(add_completion=False, pretty_exceptions_enable=False),
        )
        command.command()(function)
    name = Path(sys.argv[0]).name
    code: Any = 0
    with stopped_by_signals() as received:
        try:
            command()
        except SystemExit as end:
            code = end.code
        except KeyboardInterrupt:
            received = received or [signal.SIGINT]
        except Exception as error:
            if not received:  # else a library made an error of its own of the signal
                said, code = sentence(error), 2
                if said is None:
                    raise
                print(f"{name}: {said}", file=sys.stderr)
    if received:
        print(f"{name}: {farewell(received[0])}", file=sys.stderr)
        code = 128 + received[0]
    sys.exit(code)


def _file_table(name: str, inside: Any) -> Any:
    from rich.table import Table

    table = Table(
        title=f"stored in {name}: {inside.stored_bytes:,} bytes of weights, "
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


def _short(row: dict[str, Any]) -> dict[str, Any]:
    keys = ("name", "summary", "task", "family", "sharing", "default_tag")
    sizes = {tag: card["stored_parameters"] for tag, card in row["weights"].items()}
    return {key: row[key] for key in keys} | {"weights": sizes}


def _card(card: dict[str, Any]) -> str:
    metrics = ", ".join(f"{key} {_metric(value)}" for key, value in card["metrics"].items())
    plan = f"plan {card['plan']['pattern']}, {card['stored_parameters']:,} stored parameters"
    notes = f"\n{card['notes']}" if "notes" in card else ""
    trained = f"trained on {card['data']} ({card['licence']})"
    return f"{plan}\n{trained}\n{metrics}\n{card['command']}{notes}"


def _metric(value: Any) -> str:
    if isinstance(value, dict):
        return f"{value['value']} ({value['mean']} ± {value['sd']} over {value['seeds']} seeds)"
    return str(value)


def _print(table: Any) -> None:
    from rich.console import Console

    Console().print(table)
