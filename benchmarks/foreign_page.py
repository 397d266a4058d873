"""docs/foreign.md, from what foreign.py stored.

python benchmarks/foreign_page.py
"""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

from foreign_names import COLLECTIONS, NAMES, STEPS

from wszoo.files import written_whole

DOCS = Path(__file__).resolve().parent.parent / "docs"
MARKS = {"works": "✓", "none": "·", "wrong": "**wrong**"}
INTRO = """\
# Graphs that are not ours

Written by `python benchmarks/foreign.py`, which takes models that were not built by wszoo through
everything that wszoo does with a model. Weights are random; KerasHub's models are small
configurations. Each cell is checked against something that wszoo does not compute:

- **sites**: they cover the weights of the model, and have unique names;
- **audit**: stored parameters are the sum over unique weights, unrolled ones those of the twin;
- **twin**: `untied_twin(model)(x) == model(x)` to the last digit, and no weight has two holders;
- **identity**: untied and tied again, equal to the last digit; a copy keeps its trainable flags;
- **tie**: two sites are tied; equal, to the last digit, to the model itself after the first one's
  values (or their mean) were copied into both by hand;
- **save**: some layers and some single variables are frozen; in a process of its own `wszoo.load`
  gives equal outputs, flags by variable, sites, plan, and compile state;
- **SavedModel**: written by `wszoo.export`; in a process of its own, by `tf.saved_model.load` and
  in a session, the outputs of `predict` under Keras' names, for two batch sizes, and each weight
  stored once;
- **stock**: the same of Keras' own `model.export`, to be compared with;
- **LiteRT**: in three precisions, run in a process of its own; constants take no more bytes than
  the weights, each once, in the precision that the model has;
- **ONNX**: for some, by ONNX Runtime;
- **suggest**: by weights, and by gradients and loss where there are one input, one output and
  up to 60 sites; the most tied plan has the size that is said;
- **transfer**: one epoch under a new head; the backbone's weights are in the result as they were.

✓ works, · does not apply (no two sites are alike, or not tried), fails: stock Keras, r1, r2, …
refused, with the sentence below, **wrong**: anything else, errors of deeper libraries among them.
"""


def rows() -> list[dict[str, Any]]:
    """Stored results, in the order of the names."""
    paths = [DOCS / "foreign" / f"{name}.json" for name in NAMES]
    return [json.loads(path.read_text()) for path in paths if path.is_file()]


def pattern(sentence: str) -> str:
    """A refusal without the names and numbers in it."""
    return re.sub(r"'[^']*'|\{[^}]*\}|\[[^\]]*\]|\([^)]*\)|-?\d[\d.,e-]*", "…", sentence)


def write() -> None:
    with written_whole(DOCS / "foreign.md") as part:
        part.write_text(page(rows()))


def page(found: list[dict[str, Any]]) -> str:
    refusals: dict[str, list[tuple[str, str, str]]] = {}
    wrong = []
    for row in found:
        for step, (outcome, said) in row["cells"].items():
            if outcome == "refused":
                refusals.setdefault(pattern(said), []).append((row["graph"], step, said))
            elif outcome == "wrong":
                wrong.append(f"- {row['graph']}, {step}: {said}")
    number = {kind: f"r{i}" for i, kind in enumerate(refusals, 1)}
    lines = [INTRO, *counts(found), "", *missing(found)]
    lines += ["## Wrong", "", *(wrong or ["None."]), ""]
    for title, names in COLLECTIONS.items():
        lines += [f"## {title}", "", *table([r for r in found if r["graph"] in names], number), ""]
    lines += ["## Refusals", ""]
    for kind, places in refusals.items():
        first = f"{places[0][0]}, {places[0][1]}"
        more = f" and {len(places) - 1} more" if len(places) > 1 else ""
        lines.append(f"- **{number[kind]}** ({first}{more}): {places[0][2]}")
    return "\n".join(lines) + "\n"


def counts(found: list[dict[str, Any]]) -> list[str]:
    ours = Counter(
        outcome for row in found for step, (outcome, _) in row["cells"].items() if step != "stock"
    )
    graphs = [sum(row["graph"] in names for row in found) for names in COLLECTIONS.values()]
    parts = ", ".join(f"{n} {title}" for n, title in zip(graphs, COLLECTIONS, strict=True))
    better, worse = compared(found)
    return [
        f"**{len(found)} graphs** ({parts}). **{ours['works']:,} cells work, {ours['refused']} are "
        f"refused, {ours['wrong']} are wrong**; {ours['none']} do not apply. Where Keras' own "
        f"SavedModel export works, that of wszoo does too but for {worse or 'none'} of them; where "
        f"Keras' own does not, it does in {better}.",
    ]


def missing(found: list[dict[str, Any]]) -> list[str]:
    """A line that names the graphs of the collection that have no result yet."""
    stored = {row["graph"] for row in found}
    names = [name for name in NAMES if name not in stored]
    if not names:
        return []
    return [f"{len(names)} more have not been taken yet: {', '.join(names)}.", ""]


def compared(found: list[dict[str, Any]]) -> tuple[int, int]:
    """Graphs whose SavedModel is right where stock's is not, and the other way round."""
    pairs = [(row["cells"]["SavedModel"][0], row["cells"]["stock"][0]) for row in found]
    works = [(a == "works", b == "works") for a, b in pairs]
    return works.count((True, False)), works.count((False, True))


def table(found: list[dict[str, Any]], number: dict[str, str]) -> list[str]:
    lines = [f"| graph | parameters | {' | '.join(STEPS)} |", "|---|---|" + "---|" * len(STEPS)]
    for row in found:
        cells = [mark(*row["cells"][step], number) for step in STEPS]
        size = "" if row["parameters"] is None else f"{row['parameters']:,}"
        name = row["graph"].rpartition(".")[2]
        lines.append(f"| {name} | {size} | {' | '.join(cells)} |")
    return lines


def mark(outcome: str, said: str, number: dict[str, str]) -> str:
    if said.startswith("fails"):  # stock
        return "fails"
    return number[pattern(said)] if outcome == "refused" else MARKS[outcome]


if __name__ == "__main__":
    write()
