"""docs/planted.md, docs/planted/metrics.json and the pictures, from what planted.py stored.

python -m benchmarks.planted.page
"""

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.planted.methods import AGAIN, ORACLES, OURS, PEERS, SEEDS, TRIALS
from benchmarks.planted.stored import EIGHT_SEEDS, OUT, read, write
from benchmarks.planted.tasks import DRAWS, EXAMPLES, NOISE, PRICE, TASKS, TEST, TRAINING
from wszoo.files import written_whole
from wszoo.report import mean_sd

PAGE = Path("docs/planted.md")
RANDOM = next(name for name in PEERS if not name.startswith("KerasTuner"))


def percentiles(errors: dict[str, float]) -> dict[str, float]:
    """Pattern → share, in percent, of the other plans that are truly better, price included."""
    values = {p: e + PRICE * len(set(p)) / len(p) for p, e in errors.items()}
    ordered = np.sort(list(values.values()))
    return {p: 100 * int((ordered < v).sum()) / (len(ordered) - 1) for p, v in values.items()}


def truth_of(stored: dict[str, Any], key: str) -> dict[str, float]:
    return dict(zip(stored["patterns"], np.mean(stored[key], axis=0), strict=True))


def collect() -> dict[str, Any]:
    """For each task and method the percentiles of the named plans over searches, and curves."""
    stored, replays = read("truth.json"), read("replays.json")
    result: dict[str, Any] = {"tasks": {}, "truth_seeds": {}}
    for pattern in TASKS[6]:
        places = {
            key: percentiles(truth_of(stored, key))
            for key in stored
            if key.startswith(pattern + " ")
        }
        runs = [  # each beside the truth of its teacher
            (run, places[key.rpartition(" ")[0]])
            for key, run in replays.items()
            if key.startswith(pattern + " ") and all(name in run for name in OURS)
        ]
        rows = {}
        for name in [*OURS, *PEERS]:
            curves = [[(work, place[plan]) for work, plan in run[name]] for run, place in runs]
            ends = [curve[-1][1] for curve in curves]
            mean, sd = mean_sd(ends)
            rows[name] = {
                "mean": round(mean, 2),
                "sd": round(sd, 2),
                "se": round(sd / np.sqrt(len(ends)), 2),
                "median": float(np.median(ends)),
                "ends": [round(e, 2) for e in ends],
                "work": round(float(np.mean([curve[-1][0] for curve in curves])), 1),
                "curves": curves,
            }
        result["tasks"][pattern] = {
            "methods": rows,
            "best": {
                key: sorted(place, key=place.__getitem__)[:5] for key, place in places.items()
            },
            "fixed": {
                name: [place[plan] for place in places.values()]
                for name, plan in (
                    ("the teacher's own plan", pattern),
                    ("always tied", "AAAAAA"),
                    ("always untied", "ABCDEF"),
                )
            },
        }
        result["truth_seeds"][pattern] = min(len(stored[key]) for key in places)
    return result


def seconds(times: dict[str, Any], name: str, work: float) -> float:
    """Wall time of so much work of a method, from its real run."""
    if name in OURS:
        return float(np.interp(work, *zip(*times[name]["rounds"], strict=True)))
    row = times["KerasTuner RandomSearch" if name == RANDOM else name]
    return work * row["seconds"] / row["work"]


def step_curves(curves: list, at: np.ndarray) -> np.ndarray:
    """Mean over searches of what was named by each moment; nan before the first."""
    rows = []
    for curve in curves:
        moments, values = np.array(curve, float).T
        index = np.searchsorted(moments, at, side="right") - 1
        rows.append(np.where(index >= 0, values[np.maximum(index, 0)], np.nan))
    return np.mean(rows, axis=0)


def picture(result: dict[str, Any], times: dict[str, Any]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(14, 7.5), layout="constrained")
    axes = figure.subplots(2, len(TASKS[6]), sharey=True)
    for column, (pattern, task) in enumerate(result["tasks"].items()):
        for i, (name, row) in enumerate(task["methods"].items()):
            for axis, scale in zip(axes[:, column], ("s", "steps"), strict=True):
                scaled = [
                    [(seconds(times, name, w) if scale == "s" else w * TRAINING.steps, v)
                     for w, v in curve]
                    for curve in row["curves"]
                ]  # fmt: skip
                ends = [curve[-1][0] for curve in scaled]
                at = np.geomspace(min(c[0][0] for c in scaled), max(ends), 200)
                axis.plot(at, step_curves(scaled, at), label=name, color=f"C{i}")
                axis.plot(np.mean(ends), row["mean"], "o", color=f"C{i}")
        axes[0, column].set(title=f"teacher {pattern}", xlabel="seconds", xscale="log")
        axes[1, column].set(xlabel="training steps", xscale="log")
    for axis in axes.flat:
        axis.grid(alpha=0.3)
        axis.axhline(5, color="black", ls=":", lw=0.8)
    for axis in axes[:, 0]:
        axis.set_ylabel("true percentile of the plan named (0 is best)")
    axes[0, -1].legend(fontsize=8)
    with written_whole(OUT / "quality.png") as part:
        figure.savefig(part, dpi=110, format="png")


def table(result: dict[str, Any], times: dict[str, Any]) -> str:
    tasks = result["tasks"]
    head = " | ".join(f"teacher {pattern}" for pattern in tasks)
    lines = [f"| search | {head} | trainings | seconds |", "|---|" + "---|" * (len(tasks) + 2)]
    for name in [*OURS, *PEERS]:
        rows = [task["methods"][name] for task in tasks.values()]
        cells = " | ".join(f"{row['mean']:.1f} ± {row['se']:.1f}" for row in rows)
        work = float(np.mean([row["work"] for row in rows]))
        lines.append(
            f"| {name} | {cells} | {work:,.{1 if work < 10 else 0}f} | "
            f"{seconds(times, name, work):.0f} |"
        )
    for name in next(iter(tasks.values()))["fixed"]:
        values = [mean_sd(task["fixed"][name]) for task in tasks.values()]
        cells = " | ".join(f"{m:.1f} ± {sd / np.sqrt(len(DRAWS)):.1f}" for m, sd in values)
        lines.append(f"| {name} | {cells} | 0 | 0 |")
    return "\n".join(lines)


def eight_lines(stored: dict[str, Any]) -> str:
    lines = ["| teacher | plans trained | trainings | named | percentile | teacher's own plan | "
             "tied | untied |", "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for pattern in TASKS[8]:
        entry = stored.get(pattern, {"truth": {}})
        if "AAAAAAAA" not in entry["truth"]:
            continue
        errors = {p: float(np.mean(e)) for p, e in entry["truth"].items()}
        values = {p: e + PRICE * len(set(p)) / len(p) for p, e in errors.items()}
        sample = np.array([values[p] for p in stored["sample"]])
        work, named = entry["points"][-1]
        shares = [
            f"{100 * float((sample < values[p]).mean()):.1f}"
            for p in (named, pattern, "AAAAAAAA", "ABCDEFGH")
        ]
        cells = [pattern, str(entry["plans"]), f"{work:,}", named, *shares]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def page(result: dict[str, Any], times: dict[str, Any], eight: dict[str, Any]) -> str:
    sets = len(next(iter(result["tasks"].values()))["methods"][RANDOM]["ends"])
    seeds = min(result["truth_seeds"].values())
    found = "\n".join(
        f"- teacher {key}: truly best are {', '.join(best)}."
        for task in result["tasks"].values()
        for key, best in task["best"].items()
    )
    eight_part = eight_lines(eight)
    more = "" if eight_part.count("\n") < 2 else f"""
## Eight sites

Of 4,140 plans 400 start, and 300 more join that promise most by like plans that have run. The truth
is that of {len(eight.get("sample", []))} plans drawn at random, over {EIGHT_SEEDS} seeds; the
percentile is the share of these that are better.

{eight_part}
"""  # fmt: skip
    return f"""# Searching for a planted partition

Teachers of six residual tanh layers, tied by a partition, label inputs; students are the same net
under one of 203 plans. A teacher gives {EXAMPLES} examples with noise of {NOISE} standard
deviations; there are {len(DRAWS)} draws of weights and examples for each partition. The truth
about a plan is its mean squared error on {TEST:,} new, clean examples (1 is the variance), trained
on all {EXAMPLES}, over {seeds} seeds of weights and order, plus {PRICE} × stored / untied
parameters: the price is the same for every search. Width, noise and gain of the teachers were
chosen on another draw, so that neither of the two constant answers, all tied or none, is good. The
longer race was added when the results of the shorter one were known: it spends part of the time
that the other searches take on more replicates, and nothing else is changed.

A search sees the examples of one teacher, and is scored by the true percentile of the plan that it
names: the share of all plans that are truly better. The mean over {sets} searches, ± one standard
error:

{table(result, times)}

![what each search would name, over time and steps](planted/quality.png)

{found}

The races win by repetition: they train far more than the other searches, and in less time, because
nothing is built or traced anew and the lanes share each step.

Which plans are good depends little on the teacher's own partition: much the same few are best for
all of them. What a search must find is what trains well.

- **{", ".join(OURS)}**: all plans race, on folds of the {EXAMPLES} examples and fresh initial
  weights; the better go on to more folds, and like plans tell of each other
  (`wszoo.tuner.race_through`, `wszoo.tuner.racing.pooling`). All candidates train side by side
  in one compiled call (`wszoo.tuner.SideBySide`). Its seconds are those of a real run from nothing,
  compilation included. The first round trains each plan
  {" or ".join(map(str, OURS.values()))} times.
- **{", ".join(f"KerasTuner {kind}" for kind in ORACLES)}**: KerasTuner's
  own oracles over one boolean a pair of neighbours, {TRIALS} trials (Hyperband: two iterations; it
  stops early, as it draws no plan twice). They can express the 32 contiguous plans alone. A trial's
  score is its best epoch on 50 held examples, plus the price. Trials were looked up in a table of
  trainings that equal Keras' own; seconds are a real run's seconds a training × the trainings.
- **{RANDOM}**: {TRIALS} of the 203 plans at random, then the best {AGAIN} on {SEEDS} more seeds;
  seconds as RandomSearch's.

Figures: `benchmarks/planted/page.py`, from what `benchmarks/planted` and
`benchmarks/planted/times.py` stored in `docs/planted/`.
{more}"""


def main() -> None:
    result, times = collect(), read("times.json")
    picture(result, times)
    kept = {
        pattern: task | {"methods": {
            name: {k: v for k, v in row.items() if k != "curves"}
            for name, row in task["methods"].items()
        }}
        for pattern, task in result["tasks"].items()
    }  # fmt: skip
    write("metrics.json", {"price": PRICE, "truth_seeds": result["truth_seeds"], "tasks": kept,
                           "times": times})  # fmt: skip
    PAGE.write_text(page(result, times, read("eight.json")))
    print(table(result, times))


if __name__ == "__main__":
    main()
