"""docs/claims.md, its pictures and the README's table, from stored results alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.claims.checks import (
    CHECKS,
    SLACK,
    Outcome,
    conditions_of,
    judge,
    measure_name,
    read,
    rows_of,
)
from wszoo.comparison import tables
from wszoo.files import written_whole
from wszoo.report import mean_sd

INTRO = f"""# Tied models beside their untied twins

Made by `python -m benchmarks.claims`, which trains what is missing and takes every figure and
verdict below from the results stored in [claims/](claims/).

**The rule.** Arms get the same draws of samples, the same order of examples, the same number of
steps (Adam; the rate falls by a cosine) and the same few learning rates, of which each chooses the
best on validation for each number of samples, with seeds that are not scored. The metric is that
of the whole test split. A difference counts where the 95 % t-interval of the paired differences
over seeds leaves out 0; else it is "no difference", which says that these runs show none, not that
there is none: the interval says how large it could be. Each interval stands alone; of twenty that
mean nothing, one leaves out 0 by chance. Cells are mean ± standard deviation over seeds. `*` marks
a learning rate at the end of those tried. Epochs are counted to within {SLACK:.0%} of the worst
arm's mean validation score at the end. Seconds were taken on two CPU cores that had other work.
"""

CLAIMS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "a": (
        "Tying halves an autoencoder's kernels and costs nothing",
        "`tied_ae` of 64-32-8 units on digits (8 × 8; split anew into 1,300 for training, 147 for "
        "validation, 350 for testing), 2,000 steps. Denoising: noise of standard deviation 0.4 on "
        "the inputs, fresh at every step. Anomalies: one class is normal, AUROC of the others by "
        "reconstruction error, by `recipes/anomaly.py` (one learning rate; "
        "[digits](anomaly/digits.json), [fashion_mnist](anomaly/fashion_mnist.json)).",
        ("autoencoder", "denoising", "anomaly_digits", "anomaly_fashion_mnist"),
    ),
    "b": (
        "Sharing over positions: dense, local, tiled, convolution",
        "Two layers of 8 and 16 filters (3 × 3, stride 2) under a linear head on digits of 14 × 14 "
        "pixels: a kernel a position (local), one for each of 2 × 2 tiles (tiled), one in all "
        "(conv), conv with global average pooling, and a dense net of 64 and 32 units. Widths are "
        "equal, so what shares more also stores less. "
        "`positions` learns from centred digits and is tested on centred ones and on moved ones (2 "
        "pixels at most); `positions_moved` learns from and is tested on moved ones. Strides skip "
        "positions, so that a move by a pixel changes what a strided net sees (Zhang 2019, Making "
        "Convolutional Networks Shift-Invariant Again): `positions_stride_1` has none. Its borders "
        "still tell the place, since windows that would reach over the border are missing: in "
        "`positions_circular` the ends of the image meet. `positions_wide` has twice the filters, "
        "neither strides nor borders, global max pooling, and learns from moved images. "
        "Equivariance: relative L2 distance between the features of a moved image and the moved "
        "features, one 3 × 3 layer with random kernels and circular padding.",
        (
            "positions",
            "positions_stride_1",
            "positions_circular",
            "positions_moved",
            "positions_wide",
            "equivariance",
        ),
    ),
    "c": (
        "Sharing over time reaches longer sequences",
        "A GRU of 12 units, one cell for all steps against a cell a step, on sequences of 2 to 10 "
        "steps; `longer sequences` are of 15 to 20. Latch: the class is the bit that came with the "
        "last raised flag. Parity: whether the number of positive bits is odd. The cells of steps "
        "11 to 20 of the untied net were never trained: that it fails there is no surprise, and is "
        "what sharing is for.",
        ("latch", "parity"),
    ),
    "e": (
        "Sharing over depth: quality over stored parameters",
        "`conv_net`, six blocks, its kernels under five plans: width 24 on digits, width 16 on "
        "2,000 images of fashion_mnist, made smaller to 14 × 14. Norms are private to each depth. "
        "The blocks of a language model are measured by `benchmarks/tying/depth.py`: "
        "[picture](depth/depth.png), [figures](depth/metrics.json).",
        ("depth", "depth_fashion"),
    ),
    "i": (
        "Where sharing hurts",
        "(1) A rule that varies with time: ten values, the class is the sign of their sum with a "
        "sign of its own for each step; the nets of (c). (2) Global pooling on centred digits, "
        "where the place of a stroke tells the class: the nets of (b), in the table `positions` "
        "above; convolution without pooling is there to say which of the two is to blame. (3) "
        "Anomalies in NAB's nyc_taxi by `recipes/anomaly.py` (one learning rate): AUROC of the "
        "points after training, the tied decoder against the untied one.",
        ("varying_rule", "nyc_taxi"),
    ),
}
BUSY = "Other work ran beside them: a load of 5 to 14 on two cores."
EXTRA = ("test_moved", "test_long", "error", "AUROC")


def write(home: Path) -> None:
    """Writes the page beside `home`, and the pictures into it."""
    outcomes = [judge(check, home) for check in CHECKS]
    text = [INTRO, "## Summary", table([o for o in outcomes if o.check.headline]), tally(outcomes)]
    for claim, (title, setup, studies) in CLAIMS.items():
        text += [f"## ({claim}) {title}", setup]
        for name in studies:
            found = read(home, name)
            if found is None:
                text += [f"### {name}", "Not measured."]
            else:
                text += [f"### {name.replace('_', ' ')}", *shown(name, found, home)]
        mine = [o for o in outcomes if o.check.claim == claim]
        text += ["### verdicts", table(mine), tally(mine)]
    minutes = [
        found.get("minutes", 0)
        for _, _, s in CLAIMS.values()
        for n in s
        if (found := read(home, n))
    ]
    text.append(f"The studies measured took {sum(minutes):.0f} minutes together. {BUSY}")
    with written_whole(home.parent / "claims.md") as part:
        part.write_text("\n\n".join(piece.strip() for piece in text) + "\n")


def summary(home: Path) -> str:
    """The headline verdicts as Markdown, and how many there are in all, for the README."""
    outcomes = [judge(check, home) for check in CHECKS]
    met = tally(outcomes).partition(" Not met: ")[0]
    left = "those that were not are listed in [docs/claims.md](docs/claims.md)"
    return f"{table([o for o in outcomes if o.check.headline])}\n\n{met.rstrip('.')}; {left}."


def tally(outcomes: Sequence[Outcome]) -> str:
    """How many of the expectations were met, in words, and which were not."""
    measured = [o for o in outcomes if o.verdict != "not measured"]
    failed = [f"{o.what} ({o.verdict})" for o in measured if not o.holds]
    if not measured:
        return "None of this was measured."
    text = f"Of {len(measured)} expectations measured {len(measured) - len(failed)} were met."
    if failed:
        text += " Not met: " + "; ".join(failed) + "."
    left = len(outcomes) - len(measured)
    return text + (f" Not measured: {left}." if left else "")


def table(outcomes: Sequence[Outcome]) -> str:
    lines = ["| | measured | expected | difference [95 %] | verdict |", "|---|---|---|---|---|"]
    for o in outcomes:
        cells = (f"({o.check.claim})", o.what, o.check.want, o.measured, f"**{o.verdict}**")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def shown(name: str, found: Mapping[str, Any], home: Path) -> list[str]:
    """A study's tables and picture as Markdown."""
    text = []
    if "conditions" in found:
        conditions = conditions_of(found)
        labels = dict.fromkeys(r["label"] for r in found["results"])
        reference = "local" if name.startswith("positions") else None
        rows = rows_of(found, reference or ("untied" if "untied" in labels else [*labels][-1]))
        seeds = len({r["seed"] for r in found["results"]})
        text.append(
            f"{seeds} seeds, {conditions.steps:,} steps of {conditions.batch_size}, validation "
            f"scored at {conditions.points} points; rates "
            f"{', '.join(f'{rate:g}' for rate in conditions.rates)}, "
            f"tuning seeds: {conditions.tune_seeds}."
        )
        text.append(tables.markdown(rows, conditions))
        tables.picture(home / f"{name}.png", rows, conditions, title=name.replace("_", " "))
        text.append(f"![{name}](claims/{name}.png)")
    for key in EXTRA:
        if key in found["results"][0]:
            text.append(extra_table(found, key))
            if len({r["samples"] for r in found["results"]}) > 1:
                lines(home / f"{name}.{key}.png", found, ("test", key))
                text.append(f"![{name}, {measure_name(key, found)}](claims/{name}.{key}.png)")
    return text


def extra_table(found: Mapping[str, Any], key: str) -> str:
    """Arms × numbers of samples of one measure: mean ± standard deviation."""
    results = found["results"]
    labels, counts = (list(dict.fromkeys(r[k] for r in results)) for k in ("label", "samples"))
    heads = [f"{n:,} samples" if n else "" for n in counts]
    head = f"| {measure_name(key, found)} | " + " | ".join(heads) + " |"
    rows = [head, "|---" * (len(counts) + 1) + "|"]
    for label in labels:
        cells = []
        for count in counts:
            mine = [r[key] for r in results if (r["label"], r["samples"]) == (label, count)]
            mean, sd = mean_sd(mine)
            text = f"{mean:.2g} ± {sd:.1g}" if key == "error" else f"{mean:.4f} ± {sd:.4f}"
            cells.append(text if len(mine) > 1 else f"{mean:.4f}")
        rows.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def lines(path: Path, found: Mapping[str, Any], keys: Sequence[str]) -> None:
    """Writes a PNG: a panel a measure, over the number of samples, bands of one sd."""
    from matplotlib.figure import Figure

    results = found["results"]
    counts = sorted({r["samples"] for r in results})
    figure = Figure(figsize=(5 * len(keys), 4), layout="constrained")
    axes = figure.subplots(1, len(keys), sharey=True, squeeze=False)[0]
    for axis, key in zip(axes, keys, strict=True):
        for label in dict.fromkeys(r["label"] for r in results):
            runs = [
                mean_sd([r[key] for r in results if (r["label"], r["samples"]) == (label, n)])
                for n in counts
            ]
            mean, sd = map(np.array, zip(*runs, strict=True))
            axis.plot(counts, mean, marker="o", ms=3, label=label)
            axis.fill_between(counts, mean - sd, mean + sd, alpha=0.2, lw=0)
        axis.set(xscale="log", xlabel="training samples", title=measure_name(key, found))
        axis.set_xticks(counts, [f"{n:,}" for n in counts])
        axis.minorticks_off()
        axis.grid(alpha=0.3)
    axes[0].legend()
    with written_whole(path) as part:
        figure.savefig(part, dpi=90, format="png")
