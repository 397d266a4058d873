"""Put the figures of README.md in place: the demo's table, the list, an audit, the weights.

    make demo
    wszoo finetune digits --compare --modes scratch-plain,finetune-plain --labels-per-class 5 \\
        --labels-per-class 20 --out runs/plain
    python recipes/denoise.py
    python recipes/language_model.py --temperature 0.7
    python recipes/compare.py tied_ae --data digits --set '{"widths": [32, 8]}' \\
        --arm tied=default --arm untied=untied --samples 50,200,797
    python benchmarks/readme.py

Reads what the runs measured (and keeps it, with the pictures, in docs/), the cards, and what the
commands and the script on the page print; what recipes/anomaly.py and recipes/classify_audio.py
measured is read from docs/anomaly/ and docs/audio/, what the other
benchmarks measured from docs/depth/, docs/claims/, docs/compress/, docs/suggest/ and
docs/planted/.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml
from rich.console import Console

import wszoo
from benchmarks.claims import page as claims_page
from benchmarks.readme_tables import (
    anomaly_table,
    audio_line,
    compared,
    compressed,
    demo_table,
    depth_table,
    label_curves,
    raced,
    sample,
    suggested,
    transfer_times,
)
from wszoo import registry
from wszoo.tasks import heads, linear
from wszoo.transferring.freezing.freeze_plan import FreezePlan

REPO = Path(__file__).resolve().parent.parent


def main() -> None:
    docs = REPO / "docs"
    for run, name, home in (
        ("demo", "metrics.json", "demo/metrics.json"),
        ("demo", "curves.png", "demo/curves.png"),
        ("plain", "metrics.json", "demo/plain.json"),
        ("denoise", "metrics.json", "denoise/metrics.json"),
        ("denoise", "denoised.png", "denoise/denoised.png"),
        ("language_model", "metrics.json", "language_model/metrics.json"),
        ("language_model", "sample.txt", "language_model/sample.txt"),
        ("compare", "comparison.md", "compare/comparison.md"),
        ("compare", "comparison.png", "compare/comparison.png"),
    ):
        if (REPO / "runs" / run / name).is_file():
            (docs / home).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPO / "runs" / run / name, docs / home)
    measured = [json.loads((docs / f"demo/{n}.json").read_text()) for n in ("metrics", "plain")]
    results = [row for run in measured for row in run["results"]]
    page = (REPO / "README.md").read_text()
    for mark, text in (
        ("demo", demo_table(results)),
        ("list", command("list")),
        ("audit", command("audit", "tied_ae")),
        ("export", command("export", "tied_ae", "--weights", "fashion_mnist", "out/")),
        ("denoise", restored(page)),
        ("denoise-recipe", denoised(json.loads((docs / "denoise/metrics.json").read_text()))),
        ("freeze", frozen(page)),
        ("weights", weights_table()),
        ("compare", compared((docs / "compare/comparison.md").read_text())),
        ("claims", claims_page.summary(docs / "claims")),
        ("anomaly", anomaly_table()),
        ("audio", audio_line()),
        ("label-curve", label_curves()),
        ("transfer", transfer_times()),
        ("compress", compressed()),
        ("suggest", suggested()),
        ("planted", raced()),
        ("depth", depth_table()),
        ("language", sample()),
    ):
        page = put(page, mark, text)
    (REPO / "README.md").write_text(page)


def put(page: str, mark: str, text: str) -> str:
    """The page with the text between the two marks of that name."""
    start, end = f"<!-- {mark}:begin -->\n", f"<!-- {mark}:end -->"
    before, _, rest = page.partition(start)
    return f"{before}{start}{text}\n{end}{rest.partition(end)[2]}"


def restored(page: str) -> str:
    """What the script on the page prints after the export that the page names."""
    script = page.split("<!-- denoise-script:begin -->\n```python\n")[1].split("```")[0]
    with tempfile.TemporaryDirectory() as folder:
        command("export", "tied_conv_ae", "--weights", "fashion_mnist", f"{folder}/out")
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True
        )
    return f"```\n{done.stdout}```"


def denoised(metrics: dict[str, float]) -> str:
    lines = ["| images | mean squared error |", "|---|---|"]
    return "\n".join(
        lines + [f"| {k.removesuffix('_mse')} | {v:.4f} |" for k, v in metrics.items()]
    )


def frozen(page: str) -> str:
    """The table of the freeze plan on the page."""
    plan = FreezePlan.from_dict(
        yaml.safe_load(page.split("<!-- freeze-plan:begin -->\n```yaml\n")[1].split("```")[0])
    )
    model = heads.attach(wszoo.get("conv_net.omniglot", head=None), linear.logistic(10)).model
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(plan.table(model))
    lines = console.export_text().splitlines()
    return "```\n" + "\n".join(line.rstrip() for line in lines) + "\n```"


def weights_table() -> str:
    lines = ["| weights | data | stored parameters | test metric |", "|---|---|---|---|"]
    for name in registry.list_models(pretrained=True):
        for tag, card in wszoo.info(name).weights.items():
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
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [program, *arguments], cwd=folder, env=os.environ | {"COLUMNS": "100"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    lines = done.stdout.replace(str(Path(folder).resolve()), "$PWD").splitlines()
    printed = "\n".join(line.rstrip() for line in lines)
    return f"```\n$ wszoo {' '.join(arguments)}\n{printed}\n```"


if __name__ == "__main__":
    main()
