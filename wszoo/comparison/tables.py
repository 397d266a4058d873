"""How a comparison is shown: a table for the terminal, one for Markdown, a picture."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo.arguments import checked, each, mapping
from wszoo.comparison.conditions import Conditions
from wszoo.comparison.summary import MEASURES
from wszoo.files import written_whole
from wszoo.report import mean_sd

if TYPE_CHECKING:
    from rich.table import Table

Row = Mapping[str, Any]
HEADS = {
    "test": "test {metric}",
    "stored": "stored parameters",
    "seconds_per_epoch": "seconds per epoch",
    "epochs_to_target": "epochs to target",
    "gap": "gap (test − train)",
}


def cells(row: Row, conditions: Conditions) -> dict[str, str]:
    """One row as text, by the heads of its columns: mean ± standard deviation over seeds."""
    difference = row["differences"].get("test")
    tried = conditions.rates
    edge = len(tried) > 2 and row["rate"] in (min(tried), max(tried))
    measured = {HEADS[m].format(metric=conditions.metric): _cell(m, row[m]) for m in MEASURES}
    return {
        "samples": f"{row['samples']:,}",
        "arm": row["label"],
        **measured,
        "rate": f"{row['rate']:g}" + ("*" if edge else ""),
        "difference [95 %]": str(difference) if difference else "",
        "verdict": difference.verdict(conditions.higher_is_better) if difference else "reference",
    }


def _cell(measure: str, values: Sequence[float | None]) -> str:
    if measure == "stored":
        return f"{values[0]:,}"
    reached = [v for v in values if v is not None]
    if not reached:
        return f"0 of {len(values)} reach it"
    mean, sd = mean_sd(reached)
    digits = 4 if measure in ("test", "gap", "seconds_per_epoch") else 1
    text = f"{mean:.{digits}f} ± {sd:.{digits}f}"
    return text if len(reached) == len(values) else f"{text} ({len(reached)} of {len(values)})"


@checked(rows=each(mapping))
def tables(rows: Sequence[Row], conditions: Conditions, *, title: str) -> "Iterator[Table]":
    """Two rich tables, which fit a narrow terminal: quality, then time and generalisation."""
    from rich.table import Table

    text = [cells(row, conditions) for row in rows]
    timing = {HEADS[m] for m in ("seconds_per_epoch", "epochs_to_target", "gap")}
    quality = {name for name in text[0] if name not in {"samples", "arm", *timing}}
    for head in (title, ""):
        table = Table(title=head or None, title_justify="left")
        left = timing | {"difference [95 %]"} if head else quality
        columns = [name for name in text[0] if name not in left]
        for name in columns:
            table.add_column(name, justify="left" if name in ("arm", "verdict") else "right")
        for i, line in enumerate(text):
            last = i + 1 == len(text) or text[i + 1]["samples"] != line["samples"]
            table.add_row(*(line[name] for name in columns), end_section=last)
        yield table


@checked(rows=each(mapping))
def markdown(rows: Sequence[Row], conditions: Conditions) -> str:
    """The rows as a table of a Markdown page."""
    text = [cells(row, conditions) for row in rows]
    lines = ["| " + " | ".join(text[0]) + " |", "|---" * len(text[0]) + "|"]
    return "\n".join(lines + [f"| {' | '.join(line.values())} |" for line in text])


@checked(rows=each(mapping))
def picture(path: Path, rows: Sequence[Row], conditions: Conditions, *, title: str) -> None:
    """Writes a PNG: each measure over the number of samples, bands of one standard deviation, and
    the test metric over stored parameters."""
    from matplotlib.figure import Figure

    labels = list(dict.fromkeys(row["label"] for row in rows))
    figure = Figure(figsize=(12, 7), layout="constrained")
    axes = figure.subplots(2, 3).ravel()
    alone = len({row["samples"] for row in rows}) == 1
    for axis, measure in zip(axes[:5], MEASURES, strict=True):
        for i, label in enumerate(labels):
            mine = [r for r in rows if r["label"] == label]
            _line(axis, mine, measure, label, f"C{i}", at=i if alone else None)
        axis.set(ylabel=HEADS[measure].format(metric=conditions.metric))
        if alone:
            axis.set_xticks(range(len(labels)), labels, rotation=15)
        else:
            axis.set(xlabel="training samples")
    for i, label in enumerate(labels):
        mine = [r for r in rows if r["label"] == label]
        mean, sd = zip(*(mean_sd(r["test"]) for r in mine), strict=True)
        stored = [r["stored"][0] for r in mine]
        axes[5].errorbar(stored, mean, yerr=sd, fmt="o", color=f"C{i}", label=label)
    axes[5].set(xlabel="stored parameters", ylabel=f"test {conditions.metric}")
    for axis in axes:
        axis.grid(alpha=0.3)
    axes[5].legend()
    figure.suptitle(title)
    with written_whole(path) as part:
        figure.savefig(part, dpi=90, format="png")


def _line(
    axis: Any, rows: Sequence[Row], measure: str, label: str, colour: str, *, at: int | None
) -> None:
    """One arm's line, or its point at the place `at`; numbers of samples at which it never reached
    the target are left out."""
    reached = [(row["samples"], [v for v in row[measure] if v is not None]) for row in rows]
    points = [(samples, *mean_sd(values)) for samples, values in reached if values]
    if not points:
        return
    samples, mean, sd = map(np.array, zip(*points, strict=True))
    x = samples if at is None else np.array([at])
    axis.errorbar(x, mean, yerr=sd, marker="o", ms=3, color=colour, label=label, capsize=2)
    if at is None:
        axis.fill_between(x, mean - sd, mean + sd, color=colour, alpha=0.15, lw=0)
        axis.set_xscale("log")
        axis.set_xticks(samples, [f"{n:,}" for n in samples], minor=False)
        axis.minorticks_off()
