"""Pictures of results; spread is over seeds."""

import datetime
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import checks
from wszoo.arguments import (
    array,
    arrays,
    by_name,
    checked,
    each,
    either,
    mapping,
    names,
    of_class,
    one_word,
    whatever,
)
from wszoo.files import written_whole
from wszoo.report import mean_sd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curve = Sequence[tuple[int, float]]  # (step, value)


def _times(name: str, value: object) -> object:
    """Places on an axis: numbers or dates, in one dimension."""
    given = np.asarray(value)
    dates = given.dtype.kind == "O" and all(isinstance(one, datetime.date) for one in given.flat)
    if given.ndim != 1 or not (dates or given.dtype.kind in "Miuf") or not len(given):
        raise ValueError(f"{name} must be numbers or dates; received {checks.shown(value)}")
    return value


@checked(panels=by_name(mapping, least=1), levels=mapping, scale=one_word("linear", "log"))
def curves(
    path: Path,
    panels: Mapping[str, Mapping[str, Sequence[Curve]]],
    *,
    levels: Mapping[str, Mapping[str, Sequence[float]]],
    x: str,
    y: str,
    scale: str = "linear",
) -> None:
    """Writes a picture with a panel a key: curves with a band of one standard deviation.

    `panels[title][label]` holds a curve a seed, `levels[title][label]` a number a seed, which is
    drawn as a dashed line. `scale` is that of the x axis, `"linear"` or `"log"`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(panels), 4), layout="constrained")
    axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axis, (title, lines) in zip(axes, panels.items(), strict=True):
        names = [*lines, *levels.get(title, {})]
        colour = {name: f"C{i}" for i, name in enumerate(names)}
        for name, runs in lines.items():
            steps = [step for step, _ in runs[0]]
            values = np.array([[v for _, v in run] for run in runs])
            mean, sd = values.mean(0), values.std(0, ddof=1) if len(values) > 1 else 0 * values[0]
            axis.plot(steps, mean, marker="o", ms=3, label=name, color=colour[name])
            axis.fill_between(steps, mean - sd, mean + sd, alpha=0.2, color=colour[name], lw=0)
        for name, numbers in levels.get(title, {}).items():
            mean, sd = mean_sd(numbers)
            axis.axhline(mean, ls="--", label=name, color=colour[name])
            axis.axhspan(mean - sd, mean + sd, alpha=0.1, color=colour[name], lw=0)
        axis.set(title=title, xlabel=x, xscale=scale)
        if scale == "log":
            axis.set_xticks(steps, [f"{n:,}" for n in steps])
            axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].set_ylabel(y)
    axes[-1].legend(loc="lower right")
    _save(figure, path)


@checked(rows=arrays)
def images(path: Path, rows: Mapping[str, np.ndarray]) -> None:
    """Writes a picture with a row of images a key: `(n, height, width, 1 or 3)` in [0, 1]."""
    from matplotlib.figure import Figure

    columns = max(len(row) for row in rows.values())
    figure = Figure(figsize=(columns + 1, 1.05 * len(rows)), layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (name, row) in zip(axes, rows.items(), strict=True):
        for axis in line:
            axis.axis("off")
        for axis, image in zip(line, row, strict=False):
            shown = np.clip(image, 0, 1)
            axis.imshow(
                shown[..., 0] if shown.shape[-1] == 1 else shown, cmap="gray", vmin=0, vmax=1
            )
        line[0].text(-0.2, 0.5, name, transform=line[0].transAxes, ha="right", va="center")
    _save(figure, path, dpi=100)


@checked(table=array, names=names)
def confusion(path: Path, table: np.ndarray, names: Sequence[str], *, title: str) -> None:
    """Writes a picture of a confusion matrix: counts (true class, predicted class)."""
    from matplotlib.figure import Figure

    if table.shape != (len(names), len(names)):
        raise ValueError(f"names must be those of a table {table.shape}; received {list(names)}")
    shares = table / np.maximum(1, table.sum(axis=1, keepdims=True))
    side = max(4.0, 1.5 + 0.45 * len(names))
    figure = Figure(figsize=(side + 0.8, side), layout="constrained")
    axis = figure.subplots()
    shown = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) <= 30:  # more would be unreadable
        for (row, column), count in np.ndenumerate(table):
            if count:
                colour = "white" if shares[row, column] > 0.5 else "black"
                axis.text(column, row, str(count), ha="center", va="center", color=colour, size=8)
        axis.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > 2 else 0)
        axis.set_yticks(range(len(names)), names)
    axis.set(title=title, xlabel="predicted", ylabel="true")
    figure.colorbar(shown, label="share of the true class")
    _save(figure, path)


@checked(
    times=_times,
    rows=by_name(array, least=1),
    marked=each(each(whatever, least=2, most=2), least=0),
    until=either(checks.number, of_class("datetime64"), of_class("datetime")),
)
def timeline(
    path: Path,
    times: np.ndarray,
    rows: Mapping[str, np.ndarray],
    *,
    marked: Sequence[tuple[Any, Any]] = (),
    until: Any = None,
    title: str = "",
) -> None:
    """Writes a picture of series over one time axis, a panel a row.

    `marked` are spans to shade in all panels; `until` draws a line there (the end of training).
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 2.2 * len(rows) + 0.6), layout="constrained")
    axes = figure.subplots(len(rows), sharex=True, squeeze=False)[:, 0]
    for i, (axis, (name, values)) in enumerate(zip(axes, rows.items(), strict=True)):
        axis.plot(times, values, lw=0.7, color=f"C{i}")
        for j, (first, last) in enumerate(marked):
            axis.axvspan(
                first, last, color="red", alpha=0.15, lw=0, label=None if j else "labelled anomaly"
            )
        if until is not None:
            axis.axvline(until, color="black", ls="--", lw=0.8, label="end of training")
        axis.set_ylabel(name)
        axis.grid(alpha=0.3)
    axes[0].set_title(title)
    if axes[0].get_legend_handles_labels()[0]:
        axes[0].legend(loc="upper left", fontsize=8)
    _save(figure, path)


@checked(groups=by_name(mapping, least=1))
def bars(
    path: Path, groups: Mapping[str, Mapping[str, Sequence[float]]], *, y: str, title: str
) -> None:
    """Writes a picture of `groups[label][class]`, a number a seed: bars with one sd as a line."""
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for values in groups.values() for name in values))
    figure = Figure(figsize=(max(6.0, 0.9 * len(names)), 4), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / len(groups)
    for i, (label, values) in enumerate(groups.items()):
        stats = [mean_sd(values[name]) if name in values else (np.nan, 0.0) for name in names]
        place = np.arange(len(names)) + (i - (len(groups) - 1) / 2) * width
        mean, sd = zip(*stats, strict=True)
        axis.bar(place, mean, width, yerr=sd, label=label, error_kw={"lw": 1})
    long = max(map(len, names)) > 6
    axis.set_xticks(range(len(names)), names, rotation=30 if long else 0)
    axis.set(title=title, ylabel=y)
    axis.grid(alpha=0.3, axis="y")
    axis.legend(loc="lower right")
    _save(figure, path)


def tradeoff(
    path: Path, points: Mapping[str, tuple[float, float, float]], *, x: str, y: str, title: str
) -> None:
    """Writes a picture of `points[label]`, `(x, mean, sd)`: a dot each, one sd as a line."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.5, 4.5), layout="constrained")
    axis = figure.subplots()
    for i, (label, (place, mean, sd)) in enumerate(points.items()):
        axis.errorbar(place, mean, yerr=sd, fmt="o", capsize=3, color=f"C{i}")
        axis.annotate(label, (place, mean), (6, 6), textcoords="offset points", color=f"C{i}")
    axis.margins(x=0.2, y=0.15)  # room for the last label
    axis.set(title=title, xlabel=x, ylabel=y, xlim=(0, None))
    axis.locator_params(axis="x", nbins=6)  # six numbers of that length fit
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.grid(alpha=0.3)
    _save(figure, path)


def _save(figure: "Figure", path: Path, dpi: int = 120) -> None:
    with written_whole(path) as part:
        figure.savefig(part, dpi=dpi, format="png")
