"""What a label curve is shown as: a page of tables, a picture, and metrics."""

from collections.abc import Callable
from pathlib import Path

from wszoo import pictures, report
from wszoo.comparison import paired
from wszoo.files import write_json, write_text

REFERENCE = "scratch"


def write(out: Path, about: dict, results: list[dict]) -> None:
    """What has been run so far, as metrics, page and picture."""
    write_json(out / "metrics.json", about | {"results": results})
    write_text(out / "label_curve.md", page(about, results))
    panels: dict = {}
    title = f"{about['backbone']} → {about['data']}"
    for name in dict.fromkeys(r["way"] for r in results):
        mine = [r for r in results if r["way"] == name]
        panels[name] = [
            [(r["labels"], r["test"]) for r in mine if r["seed"] == seed]
            for seed in range(about["seeds"])
        ]
    axes = {"x": "labels a class", "y": "test accuracy", "scale": "log"}
    pictures.curves(out / "label_curve.png", {title: panels}, levels={}, **axes)


def page(about: dict, results: list[dict]) -> str:
    """Markdown: accuracies, and their differences from the reference."""
    names = list(dict.fromkeys(r["way"] for r in results))
    counts = list(dict.fromkeys(r["labels"] for r in results))
    head = f"# {about['backbone']} → {about['data']}: accuracy over labels a class"
    note = (
        f"Test accuracy, mean ± standard deviation over {about['seeds']} draws of labels. (*) the "
        "best learning rate or strength stood at the edge of those tried."
    )

    def scores(name: str, count: int) -> list[dict]:
        return [r for r in results if r["way"] == name and r["labels"] == count]

    def cell(name: str, count: int) -> str:
        if not (found := scores(name, count)):
            return ""
        mean, sd = report.mean_sd([r["test"] for r in found])
        return f"{mean:.3f} ± {sd:.3f}" + ("*" if found[0]["edge"] else "")

    def difference(name: str, count: int) -> str:
        mine, other = ([r["test"] for r in scores(n, count)] for n in (name, REFERENCE))
        if not mine or len(mine) != len(other) or len(mine) < 2:
            return ""
        found = paired(mine, other)
        return f"{100 * found.mean:+.1f} [{100 * found.low:+.1f}, {100 * found.high:+.1f}] " + (
            found.verdict(higher_is_better=True)
        )

    rivals = [name for name in names if name != REFERENCE]
    parts = [head, table("labels a class", names, counts, cell), note]
    if REFERENCE in names:
        parts += [
            f"Difference from {REFERENCE} on the same draws, in points, with its 95 % t-interval:",
            table("labels a class", rivals, counts, difference),
        ]
    return "\n\n".join([*parts, "![accuracy over labels a class](label_curve.png)"]) + "\n"


def table(corner: str, names: list, counts: list, cell: Callable[[str, int], str]) -> str:
    """A Markdown table: a row a number of labels, a column a way."""
    lines = [f"| {corner} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    lines += [f"| {n} | {' | '.join(cell(name, n) for name in names)} |" for n in counts]
    return "\n".join(lines)
