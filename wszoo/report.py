"""Tables of results. A result is a dict of plain values; spread is over seeds."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import checks
from wszoo.arguments import checked, each, mapping, token

if TYPE_CHECKING:
    from rich.table import Table


@checked(values=each(checks.number))
def mean_sd(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard deviation (n - 1; 0 for a single value)."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else 0.0


@checked(results=each(mapping), column=token)
def grid(
    results: Sequence[Mapping[str, Any]],
    *,
    row: str,
    column: str,
    value: str,
    title: str | None = None,
) -> "Table":
    """A rich table: a row and a column for each value of two keys, `mean ± sd` in the cells."""
    from rich.table import Table

    for key in (row, column, value):
        if lacking := [r for r in results if key not in r]:
            raise ValueError(f"results must have {key!r}; received {checks.shown(lacking[0])}")
    rows, columns = (list(dict.fromkeys(r[key] for r in results)) for key in (row, column))
    table = Table(title=title, title_justify="left")
    table.add_column(row)
    for name in columns:
        table.add_column(f"{name} {column}", justify="right")
    for name in rows:
        cells = []
        for other in columns:
            values = [r[value] for r in results if r[row] == name and r[column] == other]
            mean, sd = mean_sd(values) if values else (float("nan"), 0.0)
            cells.append(f"{mean:.3f} ± {sd:.3f}")
        table.add_row(str(name), *cells)
    return table


def untimed(metrics: object) -> object:
    """Plain data without the entries called seconds…: what is the same whenever it is measured."""
    if isinstance(metrics, Mapping):
        return {k: untimed(v) for k, v in metrics.items() if not str(k).startswith("seconds")}
    return [untimed(v) for v in metrics] if isinstance(metrics, list | tuple) else metrics
