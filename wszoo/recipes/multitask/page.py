"""What the comparison is shown as."""

from collections.abc import Callable

import numpy as np

from wszoo import report
from wszoo.recipes.multitask.study import ARMS, METRIC


def groups(rows: list[dict], value: Callable[[dict, str], float]) -> dict[str, list[float]]:
    """What the page and the picture compare: the three tasks, once for each number of labels."""
    found: dict[str, list[float]] = {}
    for row in rows:
        for task in METRIC:
            found.setdefault(f"{task}, {row['labels']} labels", []).append(value(row, task))
    return found


def relative(rows: list[dict], arm: str) -> dict[str, list[float]]:
    """Errors of an arm ÷ the mean of those of the separate models."""

    def own(row: dict, task: str) -> float:
        same = [r for r in rows if (r["arm"], r["labels"]) == ("separate", row["labels"])]
        return row[task] / np.mean([r[task] for r in same])

    return groups([row for row in rows if row["arm"] == arm], own)


def page(rows: list[dict], settings: dict, seeds: int) -> list[str]:
    """Markdown: a row an arm and number of labels, mean ± sd of the errors over the seeds."""
    columns = [f"{task}: {unit}" for task, unit in METRIC.items()]
    lines = [
        "# Several tasks on one backbone",
        "",
        f"`recipes/multitask.py` on {settings['data']}: conv_net (width {settings['width']}), "
        f"{settings['examples']} training images, {settings['steps']} steps; mean ± sd over "
        f"{seeds} seeds. `labels` is how many images have a class; all have slant and thickness.",
        "",
        "| labels | arm | stored | " + " | ".join(columns) + " |",
        "|" + " --- |" * (3 + len(columns)),
    ]
    for labels in dict.fromkeys(row["labels"] for row in rows):
        for arm in ARMS:
            mine = [r for r in rows if (r["labels"], r["arm"]) == (labels, arm)]
            cells = [
                "{:.2f} ± {:.2f}".format(*report.mean_sd([r[t] for r in mine])) for t in METRIC
            ]
            lines.append(
                f"| {labels} | {arm} | {mine[0]['stored']:,} | " + " | ".join(cells) + " |"
            )
    return [*lines, "", "![errors relative to separate models](multitask.png)"]
