"""The parts of `benchmarks/faults`: a kind of fault each, with `run(folder, seed=, short=)`.

`run` returns how much was tried, how often it failed in each way (`WAYS`), and `rows` for a table.
"""

from typing import Any

# How a try may fail, as a key of a part's result and as the page says it.
WAYS = {
    "lost": "lost",
    "different": "silently different",
    "crashed": "crash or hang",
    "vague": "vague or deep error",
    "accepted": "wrongly accepted",
}


def card(**more: Any) -> dict[str, Any]:
    """A card with a value of its type under each key, and what else it is to hold."""
    from wszoo import SharingPlan
    from wszoo.cards import KEYS

    plan = SharingPlan.untied(["a"]).to_dict()
    objects = {"plan": plan, "config": {}, "metrics": {}, "seed": 0, "versions": {}}
    return dict.fromkeys(KEYS, "x") | objects | more


def result(tried: int, rows: list[dict], **failures: int) -> dict:
    """A part's result, in which every way to fail is counted."""
    if unknown := set(failures) - set(WAYS):
        raise ValueError(f"failures are counted as {', '.join(WAYS)}; received {sorted(unknown)}")
    return {"tried": tried, **{way: failures.get(way, 0) for way in WAYS}, "rows": rows}
