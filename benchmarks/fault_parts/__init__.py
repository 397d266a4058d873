"""The parts of `benchmarks/faults.py`: a kind of fault each, with `run(folder, seed=, short=)`.

`run` returns how much was tried, how often it failed in each way (`WAYS`), and `rows` for a table.
"""

# How a try may fail, as a key of a part's result and as the page says it.
WAYS = {
    "lost": "lost",
    "different": "silently different",
    "crashed": "crash or hang",
    "vague": "vague or deep error",
    "accepted": "wrongly accepted",
}


def result(tried: int, rows: list[dict], **failures: int) -> dict:
    """A part's result, in which every way to fail is counted."""
    if unknown := set(failures) - set(WAYS):
        raise ValueError(f"failures are counted as {', '.join(WAYS)}; received {sorted(unknown)}")
    return {"tried": tried, **{way: failures.get(way, 0) for way in WAYS}, "rows": rows}
