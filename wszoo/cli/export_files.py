"""What `wszoo export` does."""

import json
from pathlib import Path
from typing import Any

import wszoo
from wszoo import checksums, evaluation
from wszoo.cli.export import Export
from wszoo.cli.shared import print_table
from wszoo.command_line import options as option
from wszoo.exporting.api import export
from wszoo.exporting.report import ExportReport


def main(options: Export) -> None:
    """Write a model for TF Serving, LiteRT or ONNX Runtime, every shared weight once."""
    target, tag = options.target, options.weights
    is_file = target.endswith(".keras")
    model = wszoo.load(target) if is_file else wszoo.get(target, weights=tag)
    name = target if tag is None or "." in target else f"{target}.{tag}"
    real: dict[str, Any] = {}
    if (data := options.data or data_for(name, options)) is not None:
        source = evaluation.data_of(model, name, data, **option.reading(options))
        real = evaluation.for_export(model, *source)
    report = export(
        model,
        options.out,
        option.split(options.formats),
        options.precision,
        signature_batch=options.batch,
        bound=options.bound,
        max_loss=options.max_loss,
        prefer=options.prefer,
        **real,
        labels=None if options.labels is None else option.split(options.labels),
        uint8=options.uint8,
        warmup=options.warmup,
        **json.loads(options.others),
    )
    show(report, as_json=options.as_json)


def data_for(name: str, options: Export) -> str | None:
    """Real data for int8 where none are named: those of the card, or of the run that made it."""
    if options.precision != "int8":
        return None
    if not name.endswith(".keras"):
        return "card" if "." in name else None
    metrics = Path(name).with_name("metrics.json")
    if not metrics.is_file():
        return None
    data = checksums.json_object(metrics).get("data")
    if not isinstance(data, str):
        return None
    print(f"int8 is calibrated on {data}, from which {metrics} says that it learnt")
    return data


def show(report: ExportReport, *, as_json: bool) -> None:
    """Prints what was written, and how to serve it."""
    if as_json:
        print(json.dumps(report.to_dict(), indent=1))
        return
    print_table(report.table())
    print(report.paths, end="")
    for item in report.files:
        if item.precision == "int8":
            ops = ", ".join(f"{n} {op}" for op, n in item.float_ops.items())
            print(f"operators that work on floats: {ops or 'none'}")
    print(report.serving, end="")
