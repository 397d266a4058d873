"""docs/fronts.md, docs/fronts/metrics.json and the pictures, from what fronts.py stored.

    python -m benchmarks.fronts.page    # the page anew from docs/fronts/metrics.json

The result of a search is the front of size and held metric that its user would take; it is judged
by the test metric of its models.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student

from benchmarks.fronts.methods import (
    AGAIN,
    BUDGET,
    FINALISTS,
    OURS,
    PEERS,
    PLANS,
    RANDOM,
    SEEDS,
    front_of,
)
from benchmarks.fronts.tasks import EPOCHS, TASKS, Task
from wszoo.files import written_whole
from wszoo.report import mean_sd
from wszoo.tuner.searching.front import hypervolume

DOCS = Path(__file__).resolve().parents[2] / "docs"
LARGEST = 1.1  # of the reference: a little more than the untied model
METHODS = (OURS, *PEERS)
COLUMNS = ("volume", "half", "small_size", "small_test")


def judged(rows: list[dict[str, Any]], task: Task) -> dict[str, float | None]:
    """What a search's front is worth on test examples.

    `volume`: hypervolume of size and test metric. `half`: test metric of the plan that is best on
    held examples under half the parameters. `small_…`: size and test metric of the smallest plan
    that is at most half a point of error, or half a percent of the loss, worse on held examples
    than the best that was seen.
    """
    front = front_of(rows)
    volume = hypervolume([(r["size"], r["test"]) for r in front], (LARGEST, task.reference))
    half = [r for r in front if r["size"] <= 0.5]
    least = front[-1]["held"]
    slack = 0.005 * (1.0 if task.metric == "error" else least)
    small = next(r for r in front if r["held"] <= least + slack)
    return {
        "volume": volume,
        "half": half[-1]["test"] if half else None,
        "small_size": small["size"],
        "small_test": small["test"],
        "points": len(front),
    }


def seconds(run: dict[str, Any], method: str) -> float:
    """Processor seconds of a search; of a peer, its epochs × those of plain trials."""
    if method == OURS:
        return run[OURS]["processor_seconds"]
    return run["plain_seconds"] * run[method]["epochs"] / EPOCHS


def paired(values: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """Mean difference over seeds with half its 95 % t-interval."""
    gap = values - other
    mean, sd = mean_sd(gap.tolist())
    n = len(gap)
    half = float(student.ppf(0.975, n - 1)) * sd / np.sqrt(n) if n > 1 else float("inf")
    return {"mean": mean, "half": half, "ahead": int((gap > 0).sum())}


def collect(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures of each task and method, a value a seed; searches that are all there alone."""
    tasks: dict[str, Any] = {}
    for name, task in TASKS.items():
        runs = [r for r in found if r["task"] == name and all(m in r for m in METHODS)]
        if not runs:
            continue
        methods = {}
        for method in METHODS:
            each = [judged(run[method]["rows"], task) for run in runs]
            methods[method] = {
                "epochs": [run[method]["epochs"] for run in runs],
                "seconds": [round(seconds(run, method), 1) for run in runs],
                **{key: [one[key] for one in each] for key in (*COLUMNS, "points")},
            }
        volumes = {method: np.array(row["volume"]) for method, row in methods.items()}
        tasks[name] = {
            "seeds": [run["seed"] for run in runs],
            "steps_an_epoch": -(-task.examples[0] // task.batch),
            "methods": methods,
            "ahead": {peer: paired(volumes[OURS], volumes[peer]) for peer in PEERS},
        }
    return tasks


def cell(values: list[float | None], digits: int = 3, scale: float = 1.0) -> str:
    """Mean ± standard deviation over the seeds that have a value."""
    known = [scale * v for v in values if v is not None]
    if not known:
        return "none"
    mean, sd = mean_sd(known)
    text = f"{mean:.{digits}f} ± {sd:.{digits}f}"
    return text if len(known) == len(values) else f"{text} ({len(known)} of {len(values)} seeds)"


def table(task: Task, result: dict[str, Any]) -> list[str]:
    """A row a method."""
    lines = [
        f"| search | hypervolume | ours is ahead by | {task.metric} under half the parameters | "
        "smallest within half a point: size | its "
        f"{task.metric} | steps | seconds |",
        "|---" * 8 + "|",
    ]
    for method, row in result["methods"].items():
        gap = result["ahead"].get(method)
        ahead = f"{gap['mean']:+.4f} ± {gap['half']:.4f}" if gap else ""
        ahead = ahead.replace("± inf", "(one seed)")
        steps = np.mean(row["epochs"]) * result["steps_an_epoch"]
        shown = (
            method, cell(row["volume"], 4), ahead, cell(row["half"]),
            cell(row["small_size"], 2), cell(row["small_test"]), f"{steps:,.0f}",
            f"{np.mean(row['seconds']):,.0f}",
        )  # fmt: skip
        lines.append("| " + " | ".join(shown) + " |")
    return lines


def verdict(result: dict[str, Any]) -> str:
    """What the paired differences say of one task."""
    sides: dict[str, list[str]] = {"ahead of": [], "behind": [], "not told apart from": []}
    for peer, gap in result["ahead"].items():
        clear = abs(gap["mean"]) > gap["half"]
        side = "not told apart from" if not clear else "ahead of" if gap["mean"] > 0 else "behind"
        name = peer.removeprefix("KerasTuner ")
        sides[side].append(f"{name} (ahead on {gap['ahead']} of {len(result['seeds'])} seeds)")
    said = [f"{side} {', '.join(peers)}" for side, peers in sides.items() if peers]
    return f"In hypervolume `{OURS}` is " + "; ".join(said) + "."


def picture(path: Path, task: Task, runs: list[dict[str, Any]]) -> None:
    """Test metric of what is best on held examples under each size: seeds faint, mean bold."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.5, 4.8), layout="constrained")
    axis = figure.subplots()
    sizes = np.linspace(0.15, LARGEST, 400)
    for i, method in enumerate(METHODS):
        curves, dashes = [], "-" if method == OURS else ("-", "--", ":", "-.")[i - 1]
        for run in runs:
            front = front_of(run[method]["rows"])
            place = np.searchsorted([r["size"] for r in front], sizes + 1e-9) - 1
            tests = np.array([r["test"] for r in front])
            curves.append(np.where(place >= 0, tests[np.maximum(place, 0)], np.nan))
            axis.plot(sizes, curves[-1], color=f"C{i}", alpha=0.25, lw=1)
        axis.plot(sizes, np.mean(curves, axis=0), color=f"C{i}", ls=dashes, lw=2.5,
                  label=method)  # fmt: skip
    axis.set(title=task.title, xlabel="stored parameters over those of the untied model",
             ylabel=f"test {task.metric}")  # fmt: skip
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    with written_whole(path) as part:
        figure.savefig(part, dpi=110, format="png")


def describe(task: Task) -> str:
    n, held, test = task.examples
    worst = f"{task.reference:g} {task.metric}"
    kind = "windows of 32 characters" if task.by_depth else "images"
    settings = ", ".join(f"{key} {value}" for key, value in task.settings)
    return (
        f"{n:,} {kind} to train on, {held:,} held out, {test:,} to test on; `{task.model}` with "
        f"{settings}, AdamW with a cosine from {task.rate:g}, batches of {task.batch}. Reference "
        f"of the hypervolume: {LARGEST} of the untied parameters and {worst}."
    )


def summary(tasks: dict[str, Any]) -> str:
    """What all tasks together say, and what they do not."""
    gaps = [gap for result in tasks.values() for gap in result["ahead"].values()]
    pairs = sum(len(r["seeds"]) * len(r["ahead"]) for r in tasks.values())
    clear = sum(gap["mean"] > gap["half"] for gap in gaps)
    behind = sum(-gap["mean"] > gap["half"] for gap in gaps)
    ratios = {
        key: np.mean(
            [np.mean(r["methods"][OURS][key]) / np.mean(r["methods"][peer][key])
             for r in tasks.values() for peer in PEERS]
        )
        for key in ("epochs", "seconds")
    }  # fmt: skip
    return (
        f"Beside {len(PEERS)} other searches on {len(tasks)} tasks `{OURS}` has the larger "
        f"hypervolume in {sum(gap['ahead'] for gap in gaps)} of {pairs} pairs of searches; in "
        f"{clear} of {len(gaps)} comparisons the 95 % interval of the paired difference is above "
        f"zero, in {behind} below. It took {ratios['epochs']:.2f} of the others' training steps "
        f"and {ratios['seconds']:.2f} of their processor time, since it traces one graph "
        "instead of one a trial. Trainings here are short, and the models of the others are "
        "trained from scratch in each trial, while those of ours go on from a trained parent: how "
        "much of the lead is that start, and how much the choice of plans, was not measured apart."
    )


def page(tasks: dict[str, Any]) -> str:
    """The page, from the figures."""
    parts = [
        f"""# Searching which layers to tie, on real data

{summary(tasks)}

Made by `python -m benchmarks.fronts`. How small can a network become by tying its blocks, and what
does that cost? A search answers with a front: plans of which no smaller one is as good. Here
`{OURS}` and what one would use without it search the same networks of six blocks, with the same
limit of training epochs ({BUDGET}, or {BUDGET / EPOCHS:.0f} trainings of {EPOCHS} epochs; ours spends
some on its parent, the untied model).

- **{OURS}**: `plans={PLANS}, finalists={FINALISTS}, seeds={SEEDS}`, {EPOCHS} epochs, short trials of one. All
  203 plans can be drawn. Trials start from the trained parent, so that a finalist has been trained
  for up to {2 * EPOCHS} epochs in all where a trial of the others has {EPOCHS}: that is what the method does with
  the same budget.
- **KerasTuner**: its oracles over one boolean a pair of neighbours ("is this block the one before
  it?"), which allows 32 of the plans; each trial is a training from scratch. Hyperband stops when
  it draws nothing new. As these need one number, it is the held metric plus a price of the parameters ({TASKS["digits"].price} of error, {TASKS["tiny_shakespeare"].price} nats for all of them).
- **{RANDOM}**: of the 203 plans, from scratch; the {AGAIN} that are first on the front, then by
  score, are trained on {SEEDS - 1} more seeds, and their means count.

A search sees training and held examples. Its front is judged by the test metric of the models that
it trained for each plan (mean, where there are several). *Hypervolume* is the area between front
and a reference point, in share of parameters × metric: more is better; dominated points add
nothing. The references were set beforehand from trainings with a seed that is not reported. Figures
are means ± standard deviation over seeds, each with its own examples, initial weights and orders;
*ours is ahead by* is the paired difference with its 95 % t-interval. *Smallest within half a
point*: the smallest plan at most 0.5 points of error (0.5 % of the loss) worse on held examples than
the best seen. Seconds are of one processor; for ours of the whole real search, for the others their
epochs × the seconds of plain trials, each built and traced anew as KerasTuner does.
"""  # noqa: E501
    ]
    for name, result in tasks.items():
        task = TASKS[name]
        seeds = "one seed" if len(result["seeds"]) == 1 else f"{len(result['seeds'])} seeds"
        parts += [f"## {task.title}", "", f"{describe(task)} Searched with {seeds}.", ""]
        parts += [*table(task, result), "", verdict(result), ""]
        parts += [f"![fronts of all searches on {name}](fronts/{name}.png)", ""]
    return "\n".join(parts)


def write(docs: Path, found: list[dict[str, Any]]) -> None:
    """Page, pictures and JSON of what was found so far."""
    tasks = collect(found)
    (docs / "fronts").mkdir(parents=True, exist_ok=True)
    for name, result in tasks.items():
        runs = [r for r in found if r["task"] == name and r["seed"] in result["seeds"]]
        picture(docs / "fronts" / f"{name}.png", TASKS[name], runs)
    with written_whole(docs / "fronts" / "metrics.json") as part:
        part.write_text(json.dumps({"figures": tasks, "searches": found}) + "\n")
    with written_whole(docs / "fronts.md") as part:
        part.write_text(page(tasks))


if __name__ == "__main__":
    write(DOCS, json.loads((DOCS / "fronts" / "metrics.json").read_text())["searches"])
