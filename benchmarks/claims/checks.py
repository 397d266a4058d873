"""What docs/claims.md claims, each as a paired difference that was expected to have a sign.

A check names a study, two arms, a number of samples and a measure, and what was expected of the
first arm: `better`, `worse`, or `no loss` (not worse). The verdict is computed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wszoo.comparison import Conditions, Difference, paired, summarise

REPO = Path(__file__).resolve().parents[2]
SLACK = 0.1  # epochs are counted to within a tenth of the worst arm's score
LOWER_IS_BETTER = {"mse", "epochs to target", "relative distance"}


@dataclass(frozen=True)
class Check:
    claim: str
    study: str
    arm: str
    reference: str
    samples: int
    key: str
    want: str
    headline: bool = False


@dataclass(frozen=True)
class Outcome:
    check: Check
    what: str
    measured: str
    verdict: str

    @property
    def holds(self) -> bool:
        return self.verdict.startswith(("holds", "no loss"))


CHECKS = (
    *(
        Check("a", "autoencoder", "tied", "untied", n, "test", "better", n < 1000)
        for n in (50, 200)
    ),
    Check("a", "autoencoder", "tied", "untied", 1300, "test", "no loss", True),
    *(
        Check("a", "autoencoder", "tied", "untied", n, "epochs_to_target", "better", n == 200)
        for n in (50, 200, 1300)
    ),
    *(Check("a", "denoising", "tied", "untied", n, "test", "no loss", n == 200) for n in (50, 200)),
    Check("a", "denoising", "tied", "untied", 1300, "test", "no loss", True),
    Check("a", "anomaly_digits", "tied", "untied", 0, "AUROC", "no loss", True),
    Check("a", "anomaly_fashion_mnist", "tied", "untied", 0, "AUROC", "no loss"),
    *(
        Check("b", "positions_moved", "conv", other, n, "test", "better", n == 200)
        for other in ("tiled", "local", "dense")
        for n in (50, 200, 797)
    ),
    *(Check("b", "positions_moved", "conv + pool", "conv", n, "test", "better") for n in (50, 797)),
    *(
        Check("b", "positions", arm, "local", 797, "test_moved", "better")
        for arm in ("tiled", "conv", "conv + pool")
    ),
    *(
        Check("b", study, arm, "local", 797, "test_moved", "better", arm != "conv")
        for study in ("positions_stride_1", "positions_circular")
        for arm in ("conv", "conv + pool")
    ),
    Check("b", "positions_wide", "conv", "local", 300, "test", "better", True),
    Check("b", "positions_wide", "conv + pool", "local", 300, "test", "better", True),
    Check("b", "equivariance", "conv", "local", 0, "error", "better", True),
    Check("b", "equivariance", "conv", "tiled, 2 × 2", 0, "error", "better"),
    Check("c", "latch", "one cell", "a cell a step", 300, "test", "better", True),
    Check("c", "latch", "one cell", "a cell a step", 3000, "test", "no loss"),
    Check("c", "latch", "one cell", "a cell a step", 3000, "test_long", "better", True),
    Check("c", "parity", "one cell", "a cell a step", 3000, "test", "no loss"),
    Check("c", "parity", "one cell", "a cell a step", 3000, "test_long", "better", True),
    *(
        Check("e", study, plan, "untied", n, "test", "no loss", study == "depth_fashion")
        for study, n in (("depth", 797), ("depth_fashion", 2000))
        for plan in ("sandwich", "sequence:2", "cycle:2", "tied")
    ),
    Check("i", "varying_rule", "one cell", "a cell a step", 300, "test", "worse", True),
    Check("i", "varying_rule", "one cell", "a cell a step", 3000, "test", "no loss"),
    Check("i", "positions", "conv + pool", "local", 200, "test", "worse", True),
    Check("i", "positions", "conv + pool", "dense", 200, "test", "worse"),
    Check("i", "positions", "conv", "local", 200, "test", "no loss"),
    Check("i", "nyc_taxi", "tied", "untied", 0, "AUROC", "worse", True),
)


def read(home: Path, study: str) -> dict[str, Any] | None:
    """A study's stored results; None where it was not measured."""
    if study.startswith("anomaly_"):
        kept = json.loads((REPO / "docs/anomaly" / f"{study[8:]}.json").read_text())
        rows = [{"label": m.pop("score"), "samples": 0, **m} for m in kept["means"]]
        return {"results": rows}
    path = home / f"{study}.json"
    return json.loads(path.read_text()) if path.is_file() else None


def conditions_of(found: Mapping[str, Any]) -> Conditions:
    kept = found["conditions"]
    return Conditions(**kept | {"rates": tuple(kept["rates"])})


def rows_of(found: Mapping[str, Any], reference: str | None = None) -> list[dict[str, Any]]:
    """A summary's rows, epochs counted to within `SLACK` of the worst arm's score at the end."""
    conditions, rows = conditions_of(found), []
    for samples in dict.fromkeys(r["samples"] for r in found["results"]):
        mine = [r for r in found["results"] if r["samples"] == samples]
        worst = summarise(mine, conditions, reference=reference)[0]["target"]
        target = worst * (1 - SLACK if conditions.higher_is_better else 1 + SLACK)
        rows += summarise(mine, conditions, reference=reference, target=target)
    return rows


def judge(check: Check, home: Path) -> Outcome:
    """The verdict on a check, from the stored results alone."""
    found = read(home, check.study)
    where = f"{check.samples:,} samples" if check.samples else ""
    name = measure_name(check.key, found)
    data = check.study.replace("_", " ")
    parts = [data, where, f"{check.arm} against {check.reference}", name]
    what = ", ".join(part for part in parts if part)
    if found is None:
        return Outcome(check, what, "", "not measured")
    difference = difference_of(check, found)
    if difference is None:
        return Outcome(check, what, "not every training reaches the target", "not shown")
    verdict = difference.verdict(name not in LOWER_IS_BETTER)
    return Outcome(check, what, f"{difference} ({difference.pairs} seeds)", words(check, verdict))


def words(check: Check, verdict: str) -> str:
    """`verdict` of the arm, held against what was expected of it."""
    if check.want == "no loss":
        seen = {"no difference": "no loss seen", "better": "no loss: better"}
        return seen.get(verdict, "does not hold: worse")
    if verdict == check.want:
        return f"holds: {verdict}"
    return "not shown: no difference" if verdict == "no difference" else f"does not hold: {verdict}"


def difference_of(check: Check, found: Mapping[str, Any]) -> Difference | None:
    if check.key == "epochs_to_target":
        rows = [r for r in rows_of(found, check.reference) if r["samples"] == check.samples]
        (row,) = [r for r in rows if r["label"] == check.arm]
        return row["differences"].get("epochs_to_target")
    pairs = [
        values(found["results"], label, check.samples, check.key)
        for label in (check.arm, check.reference)
    ]
    return paired(*pairs)


def values(results: Sequence[Mapping[str, Any]], label: str, samples: int, key: str) -> list[float]:
    """One number a seed, in the order of the seeds."""
    mine = [r for r in results if (r["label"], r["samples"]) == (label, samples)]
    return [r[key] for r in sorted(mine, key=lambda r: r["seed"])]


def measure_name(key: str, found: Mapping[str, Any] | None) -> str:
    if key == "error":
        return "relative distance"
    if key == "epochs_to_target":
        return "epochs to target"
    if not key.startswith("test") or found is None:
        return key
    metric = found["conditions"]["task"] == "classification"
    name = "accuracy" if metric else "mse"
    extra = {"test_moved": " on moved images", "test_long": " on longer sequences"}
    return name + extra.get(key, "")
