"""Tables and lines of README.md that are read from what stands in docs/."""

import json
from pathlib import Path

from benchmarks.planted import page as planted_page
from benchmarks.tying import compress, suggest
from wszoo import report

REPO = Path(__file__).resolve().parent.parent


def demo_table(results: list[dict]) -> str:
    """Test accuracy of each mode, mean ± standard deviation over seeds, as Markdown."""
    modes, counts = (list(dict.fromkeys(r[k] for r in results)) for k in ("mode", "labels/class"))
    seeds = len({r["seed"] for r in results})
    table = {
        (mode, count): report.mean_sd(
            [r["test"] for r in results if (r["mode"], r["labels/class"]) == (mode, count)]
        )
        for mode in modes
        for count in counts
    }
    lines = [
        "| | " + " | ".join(f"{count} labels a class" for count in counts) + " |",
        "|---|" + "---|" * len(counts),
    ]
    for mode in modes:
        cells = [f"{mean:.3f} ± {sd:.3f}" for mean, sd in (table[mode, c] for c in counts)]
        lines.append(f"| {mode} | " + " | ".join(cells) + " |")
    notes = [
        f"Test accuracy on 800 images, mean ± standard deviation over {seeds} draws of labels."
    ]
    for count in counts:
        best = max(table[mode, count][0] for mode in ("frozen", "finetune"))
        ahead = ", ".join(
            f"{100 * (best - table[mode, count][0]):.1f} points ahead of {mode}"
            for mode in ("pixels", "scratch", "scratch-plain")
        )
        notes.append(f"With {count} labels a class the better of frozen and finetune is {ahead}.")
    return "\n".join([*lines, "", *notes])


def compared(page: str) -> str:
    """A page of recipes/compare.py, its title as a line of text."""
    return page.removeprefix("# ").strip()


def anomaly_table() -> str:
    """AUROC of each score in the kept runs of recipes/anomaly.py, as Markdown."""
    scores = ("distance", "tied", "untied")
    lines = ["| AUROC | " + " | ".join(scores) + " |", "|---|" + "---|" * len(scores)]
    for name, title in (
        ("nyc_taxi", "points of NAB's nyc_taxi"),
        ("digits", "one class of digits against the others, mean over classes"),
        ("fashion_mnist", "the same, fashion_mnist"),
    ):
        run = json.loads((REPO / "docs" / "anomaly" / f"{name}.json").read_text())
        rows = run.get("means", run["results"])
        cells = []
        for score in scores:
            values = [row["AUROC"] for row in rows if row["score"] == score]
            mean, sd = report.mean_sd(values)
            cells.append(f"{mean:.3f}" + (f" ± {sd:.3f}" if len(values) > 1 else ""))
        seeds = len({row["seed"] for row in rows})
        lines.append(f"| {title} ({seeds} seeds) | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def audio_line() -> str:
    run = json.loads((REPO / "docs" / "audio" / "metrics.json").read_text())
    total = sum(map(sum, run["confusion"]))
    return (
        f"`{run['model']}`, which learnt from three speakers, is right on "
        f"{run['accuracy']:.1%} of\n"
        f"the {total} test recordings of a fourth and {run['validation_accuracy']:.1%} of the "
        "validation recordings of a fifth:\nexpect such a spread on a voice it never heard."
    )


def label_curves() -> str:
    """Accuracy over labels a class, a table a data set, as Markdown."""
    parts = []
    for path in sorted((REPO / "docs" / "label_curve").glob("*/metrics.json")):
        run = json.loads(path.read_text())
        rows = run["results"]
        ways, counts = (list(dict.fromkeys(row[key] for row in rows)) for key in ("way", "labels"))
        parts.append(
            f"Test accuracy on {run['data']}, mean ± sd over {run['seeds']} draws of labels"
        )
        parts.append(
            f"([differences and verdicts](docs/label_curve/{path.parent.name}/label_curve.md)):"
        )
        parts += [
            "",
            "| labels a class | " + " | ".join(ways) + " |",
            "|---" * (len(ways) + 1) + "|",
        ]
        for count in sorted(counts):
            cells = []
            for way in ways:
                here = [r["test"] for r in rows if (r["way"], r["labels"]) == (way, count)]
                cells.append("{:.3f} ± {:.3f}".format(*report.mean_sd(here)) if here else "")
            parts.append(f"| {count} | " + " | ".join(cells) + " |")
        parts.append("")
    return "\n".join(parts).rstrip()


def transfer_times() -> str:
    """Seconds of frozen training, plain and with kept features, as Markdown."""
    runs = json.loads((REPO / "docs" / "transfer" / "metrics.json").read_text())
    arms = ("plain", "cached", "again", "probe", "probe again")
    lines = ["| seconds | " + " | ".join(arms) + " |", "|---" * (len(arms) + 1) + "|"]
    for name, run in runs.items():
        first = run["arms"]["plain"]["seconds"]
        each = [run["arms"][arm]["seconds"] for arm in arms]
        cells = " | ".join(f"{s:.1f} ({first / s:.0f} ×)" for s in each)
        lines.append(f"| {name}, {run['examples']:,} images, {run['epochs']} epochs | {cells} |")
    note = (
        "Frozen training in plain Keras, with features kept, the second time, and the closed form\n"
        "([docs/transfer.md](docs/transfer.md))."
    )
    return "\n".join([*lines, "", note])


def compressed() -> str:
    """Half the parameters, tied and narrower, from docs/compress; nothing before it is there."""
    path = REPO / "docs" / "compress" / "metrics.json"
    if not path.is_file():
        return ""
    stored = json.loads(path.read_text())
    about = stored["settings"]
    lines = compress.table(stored)
    note = (
        f"`conv_net` on {about['examples']:,} images of {about['data']}, {about['seeds']} seeds; "
        "points with a 95 % interval ([docs/compress.md](docs/compress.md))."
    )
    return "\n".join([*lines, "", note])


def suggested() -> str:
    """What the methods of suggestion are worth, from docs/suggest; nothing before it is there."""
    path = REPO / "docs" / "suggest" / "metrics.json"
    if not path.is_file():
        return ""
    return (
        "What a suggestion is worth, as rank correlation of price and trained loss among plans of "
        "equal\nsize ([docs/suggest.md](docs/suggest.md)). "
        + suggest.verdict(json.loads(path.read_text()))
    )


def depth_table() -> str:
    """Test nats a character of each plan over depth, as Markdown; nothing before it is measured."""
    path = REPO / "docs" / "depth" / "metrics.json"
    if not path.is_file():
        return ""
    run = json.loads(path.read_text())
    lines = ["| blocks | stored parameters | test nats a character |", "|---|---|---|"]
    for row in run["plans"]:
        spread = f" ± {row['sd']:.3f}" if row["seeds"] > 1 else ""
        figures = f"{row['stored_parameters']:,} | {row['mean']:.3f}{spread} ({row['seeds']} seeds)"
        lines.append(f"| {row['plan']} (`{row['spelling']}`) | {figures} |")
    rates = ", ".join(f"{rate:g}" for rate in sorted({r["learning_rate"] for r in run["runs"]}))
    notes = [
        f"`tied_lm` on {run['data']}, {run['steps']:,} steps of {run['batch']} windows each; of "
        f"the learning rates {rates} each plan has the one that is best on validation.",
        "All tied relaxed is `wszoo.relax` of all tied before it was trained: beside the shared "
        "kernels a low-rank part private to each depth.",
    ]
    row = {row["plan"]: row for row in run["plans"]}
    for name, other in (("sandwich", "untied"), ("all tied relaxed", "all tied")):
        share = row[name]["stored_parameters"] / row[other]["stored_parameters"]
        more = row[name]["mean"] - row[other]["mean"]
        notes.append(
            f"{name.capitalize()} stores {share:.0%} of the parameters of {other} and needs "
            f"{abs(more):.3f} nats {'more' if more > 0 else 'less'}."
        )
    return "\n".join(
        [*lines, "", " ".join(notes), "", "![quality over parameters](docs/depth/depth.png)"]
    )


def sample() -> str:
    """What the language model wrote; nothing before it has."""
    home = REPO / "docs" / "language_model"
    if not (home / "sample.txt").is_file():
        return ""
    run = json.loads((home / "metrics.json").read_text())
    nats = run["metrics"]["test_nats"]["value"]
    text = (home / "sample.txt").read_text().rstrip()
    return (
        f"`{run['weights']}` needs {nats:.3f} nats a character of the test split and writes, at "
        f"temperature {run['temperature']}:\n\n```\n{text}\n```"
    )


def raced() -> str:
    """Searches for a planted partition, from docs/planted; nothing before it is there."""
    path = REPO / "docs" / "planted" / "metrics.json"
    if not path.is_file():
        return ""
    stored = json.loads(path.read_text())
    return (
        f"{planted_page.table(stored, stored['times'])}\n\n"
        "True percentile of the plan that a search names, 0 is best, mean ± standard error "
        "([docs/planted.md](docs/planted.md))."
    )
