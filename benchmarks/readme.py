"""Put the figures of README.md in place: the demo's table, the list, an audit, the weights.

    make demo && python benchmarks/readme.py

Reads runs/demo/metrics.json (and keeps it, with the picture, in docs/demo/), the cards, and what
the commands print.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from wszoo import registry, report

REPO = Path(__file__).resolve().parent.parent


def main() -> None:
    demo = REPO / "runs" / "demo"
    kept = REPO / "docs" / "demo"
    if demo.is_dir():
        kept.mkdir(parents=True, exist_ok=True)
        for name in ("metrics.json", "curves.png"):
            shutil.copy(demo / name, kept / name)
    page = (REPO / "README.md").read_text()
    for mark, text in (
        ("demo", demo_table(json.loads((kept / "metrics.json").read_text()))),
        ("list", command("list")),
        ("audit", command("audit", "tied_ae")),
        ("weights", weights_table()),
    ):
        start, end = f"<!-- {mark}:begin -->\n", f"<!-- {mark}:end -->"
        before, _, rest = page.partition(start)
        after = rest.partition(end)[2]
        page = f"{before}{start}{text}\n{end}{after}"
    (REPO / "README.md").write_text(page)


def demo_table(metrics: dict) -> str:
    """Test accuracy of each mode, mean ± standard deviation over seeds, as Markdown."""
    results = metrics["results"]
    modes, counts = (list(dict.fromkeys(r[k] for r in results)) for k in ("mode", "labels/class"))
    seeds = len({r["seed"] for r in results})
    lines = [
        "| | " + " | ".join(f"{count} labels a class" for count in counts) + " |",
        "|---|" + "---|" * len(counts),
    ]
    for mode in modes:
        cells = []
        for count in counts:
            found = [r["test"] for r in results if (r["mode"], r["labels/class"]) == (mode, count)]
            mean, sd = report.mean_sd(found)
            cells.append(f"{mean:.3f} ± {sd:.3f}")
        lines.append(f"| {mode} | " + " | ".join(cells) + " |")
    note = f"Test accuracy on 800 images, mean ± standard deviation over {seeds} draws of labels."
    return "\n".join([*lines, "", note])


def weights_table() -> str:
    lines = ["| weights | data | stored parameters | test metric |", "|---|---|---|---|"]
    for name in registry.list_models(pretrained=True):
        for tag, card in registry.info(name)["weights"].items():
            (metric, score), *_ = card["metrics"].items()
            spread = f"{score['mean']} ± {score['sd']} over {score['seeds']} seeds"
            cells = (
                f"`{name}.{tag}`",
                card["source"]["name"],
                f"{card['stored_parameters']:,}",
                f"{metric.removeprefix('test_')} {score['value']} ({spread})",
            )
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def command(*arguments: str) -> str:
    program = Path(sys.executable).with_name("wszoo")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=True)
    return f"```\n$ wszoo {' '.join(arguments)}\n{done.stdout.rstrip()}\n```"


if __name__ == "__main__":
    main()
