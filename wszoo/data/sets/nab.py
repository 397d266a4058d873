"""Time series with labelled anomalies: the Numenta Anomaly Benchmark, and CSV files like its own.

    one = nab.series("nyc_taxi", manual_dir=…)      # or nab.read_csv("mine.csv")
    x = nab.windows(nab.standardise(one.values, until=4000), 64)

A. Lavin and S. Ahmad, Evaluating Real-time Anomaly Detection Algorithms, ICMLA 2015: 58 series, in
7 groups, with windows around each anomaly.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from pathlib import Path

import numpy as np

from wszoo import checks
from wszoo.arguments import array, checked, count
from wszoo.data.errors import MissingDataError, check_memory
from wszoo.data.formats.csv_file import parse_table
from wszoo.data.formats.series import COLUMNS, Series, read_csv, read_values
from wszoo.data.formats.timestamps import read_stamps
from wszoo.data.registering import source
from wszoo.data.sets.nab_files import SHA256
from wszoo.data.sets.tfds_prepare import manual_folder
from wszoo.data.source import Source
from wszoo.data.splits import Pair
from wszoo.data.splitting import first_stratified

__all__ = [
    "Series",
    "find_folder",
    "list_series",
    "load",
    "point_scores",
    "read_csv",
    "series",
    "standardise",
    "windows",
]

HOMEPAGE = "https://github.com/numenta/NAB"
LABELS = "labels/combined_windows.json"
STEPS = 64
STRIDE = 8  # points between the windows of `load`
LIMIT = 5.0  # standard deviations: `load` clips there, or a few spikes would be most of the loss
PARTS = {"train": 0.6, "validation": 0.8, "test": 1.0}  # where each split of a series ends


def list_series() -> tuple[str, ...]:
    """Names of NAB's series, `"group/name"`."""
    return tuple(f[5:-4] for f in sorted(SHA256) if f.startswith("data/"))


@checked()
def series(name: str, *, manual_dir: str | os.PathLike[str] | None = None) -> Series:
    """A series of NAB by its name, with or without its group: `"realKnownCause/nyc_taxi"`.

    Args:
        manual_dir: folder with NAB's `data` and `labels`, in it or in `nab/` in it; default
            `WSZOO_MANUAL_DIR`.

    Raises:
        ValueError: an unknown name, with near ones, or a file that is not the published one.
        MissingDataError: the file is not there; says where to get it.
    """
    short = {full.split("/")[1]: full for full in list_series()}
    full = short.get(name, name)
    if full not in short.values():
        near = checks.near(name, [*short, *short.values()])
        raise ValueError(f"NAB has no series {name!r}{near}; see wszoo.data.nab.list_series()")
    folder = find_folder(manual_dir)
    times, values = _parse(f"data/{full}.csv", _read(folder, f"data/{full}.csv"))
    labels = json.loads(_read(folder, LABELS))[f"{full}.csv"]
    anomalies = tuple(map(_window, labels))
    return Series(full, times, values, anomalies)


@checked(values=array, until=count)
def standardise(values: np.ndarray, *, until: int | None = None) -> np.ndarray:
    """Values (n,) minus the mean over the first `until`, over their standard deviation.

    What varies by less than a millionth of its size counts as constant and is left at that mean's
    distance.
    """
    first = np.asarray(values[:until], np.float64)
    spread = first.std()
    flat = spread <= 1e-6 * max(1e-30, np.abs(first).max())
    return ((values - first.mean()) / (1.0 if flat else spread)).astype(np.float32)


@checked(values=array, steps=count)
def windows(values: np.ndarray, steps: int = STEPS, stride: int = 1) -> np.ndarray:
    """All windows (count, steps, 1) of values (n,), `stride` points apart.

    Raises ValueError if there are fewer values than steps, or steps or stride below 1.
    """
    if len(values) < steps:
        raise ValueError(f"{len(values)} values are fewer than the {steps} steps of a window")
    return np.lib.stride_tricks.sliding_window_view(values, steps)[::stride, :, None]


@source("nab")
@checked()
def load(
    *, manual_dir: Path | None = None, max_per_split: int | None = None, max_gb: float = 4.0
) -> Source:
    """Windows without a labelled anomaly, of all series: x (n, 64, 1), y the series' group.

    Every series is standardised by its own first 60 % and clipped to ±5. Its windows there are
    train, those of the next 20 % validation, of the last 20 % test; none reaches over a border.
    What a model of normal behaviour learns from is x; y, one of NAB's 7 groups, says where a
    window comes from.
    """
    names = tuple(sorted({full.split("/")[0] for full in list_series()}))
    parts: dict[str, list[Pair]] = {split: [] for split in PARTS}
    for full in list_series():
        one = series(full, manual_dir=manual_dir)
        for split, x in _normal_windows(one).items():
            parts[split].append((x, np.full(len(x), names.index(full.split("/")[0]), np.int32)))
    splits = {}
    for split, pairs in parts.items():
        y = np.concatenate([labels for _, labels in pairs])
        check_memory("nab", len(y), (STEPS, 1), max_gb)
        kept = first_stratified(y, max_per_split)
        splits[split] = (np.concatenate([x for x, _ in pairs])[kept], y[kept])
    return Source(
        name="nab",
        splits=splits,
        class_names=names,
        licence="MIT (Numenta)",
        origin=f"Lavin & Ahmad (2015), NAB, {HOMEPAGE}, commit ea702d7",
    )


def _normal_windows(one: Series) -> dict[str, np.ndarray]:
    ends = {split: int(share * len(one.values)) for split, share in PARTS.items()}
    values = np.clip(standardise(one.values, until=ends["train"]), -LIMIT, LIMIT)
    start, normal = 0, {}
    for split, end in ends.items():
        x = windows(values[start:end], STEPS, STRIDE)
        bad = windows(one.anomalous[start:end], STEPS, STRIDE)
        normal[split], start = x[~bad.any(axis=(1, 2))], end
    return normal


@checked()
def find_folder(manual_dir: str | os.PathLike[str] | None) -> Path:
    """The folder that has `data/` and `labels/`. Raises MissingDataError, saying what to do."""
    given = manual_dir or os.environ.get("WSZOO_MANUAL_DIR")
    if given:
        folder = manual_folder("nab", Path(given).expanduser())
        if (folder / LABELS).is_file():
            return folder
    raise MissingDataError(
        f"nab needs NAB's folders data and labels in {given or 'a folder'} (or nab/ in it). Get "
        f"them with git clone {HOMEPAGE} (10 MB), and pass manual_dir= or set WSZOO_MANUAL_DIR"
    )


@functools.lru_cache(maxsize=128)
def _read(folder: Path, name: str) -> str:
    path = folder / name
    if not path.is_file():
        raise MissingDataError(f"{path}: no such file; get it from {HOMEPAGE}")
    data = path.read_bytes()
    if (received := hashlib.sha256(data).hexdigest()) != SHA256[name]:
        raise ValueError(
            f"{path} is not the published file:\n  expected sha256 {SHA256[name]}\n"
            f"  received        {received}\nFetch it again from {HOMEPAGE}, commit ea702d7"
        )
    return data.decode()


def _parse(where: str, text: str) -> tuple[np.ndarray, np.ndarray]:
    """Times and values in the order of NAB's file, which the benchmark scores: a few have a time
    twice, one a clock set back."""
    table = parse_table(text, where, required=COLUMNS)
    lines = [f"{where}, line {line}" for line in table.line_numbers]
    stamps = read_stamps(table.column("timestamp"), lines.__getitem__)
    return stamps.times, read_values(table, lines)


def _window(pair: list[str]) -> tuple[np.datetime64, np.datetime64]:
    first, last = read_stamps(pair, lambda i: LABELS).times
    return first, last


@checked(errors=array, count=count, stride=count)
def point_scores(errors: np.ndarray, count: int, stride: int = 1) -> np.ndarray:
    """A score a point from errors (windows, steps): the mean over the windows that hold the point.

    `count` is the number of points; one that no window holds gets NaN.
    """
    total, times = np.zeros(count), np.zeros(count)
    for start, row in zip(range(0, count, stride), errors, strict=False):
        total[start : start + len(row)] += row
        times[start : start + len(row)] += 1
    return np.divide(total, times, out=np.full(count, np.nan), where=times > 0)
