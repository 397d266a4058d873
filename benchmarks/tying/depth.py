"""What sharing over depth costs: nats a character against stored parameters, plan by plan.

    python -m benchmarks.tying.depth --data-dir TFDS

Trains `tied_lm` on tiny_shakespeare under each plan from the same seeds and on the same windows in
the same order; "all tied relaxed" is all tied and goes through `wszoo.relax` before it is trained.
Each plan takes the learning rate, of the same few, that is best on the validation split with
seed 0; the figures are of the test split, mean ± standard deviation over seeds. Every run leaves a
file in --out, so a benchmark that is stopped goes on where it was; one that has only some runs is
summed up as far as they go. The parts of `all tied
relaxed` start as in LoRA's code; another start was tried first and was no better, one try more than
the other plans had. Writes docs/depth/metrics.json and depth.png.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer

import wszoo
from wszoo import claims, pictures, report, training
from wszoo.command_line import run
from wszoo.data import Source, load
from wszoo.files import written_whole

DOCS = Path(__file__).resolve().parents[2] / "docs" / "depth"
# The table of characters is tied in all of them: the plans differ over depth alone.
PLANS = {
    "untied": "depth:ABCD",
    "sandwich": "depth:sandwich",
    "cycle": "depth:cycle:2",
    "sequence": "depth:sequence:2",
    "all tied": "depth:tied",
    "all tied relaxed": "depth:tied",
}
# Relaxed before it is trained: parts of this rank, private to each depth, start as nothing.
RANKS = {"all tied relaxed": 8}
BLOCKS = ("attention_*", "ffn_*")
RATES = (2e-3, 5e-3, 1e-2)


def main(
    data: Annotated[str, typer.Option(help="A text.")] = "tiny_shakespeare",
    steps: Annotated[int, typer.Option(help="Training steps of a run.")] = 500,
    batch: Annotated[int, typer.Option(help="Windows a step.")] = 32,
    seeds: Annotated[int, typer.Option(help="Runs of each plan.")] = 3,
    settings: Annotated[str, typer.Option("--set", help="The model's settings, JSON.")] = "{}",
    data_dir: Annotated[Path | None, typer.Option(help="Where TFDS keeps data sets.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("runs/depth"),
    docs: Annotated[Path, typer.Option(help="Folder of the summary.")] = DOCS,
) -> None:
    """Nats a character against stored parameters, for plans over depth."""
    source = load(data, data_dir=data_dir)
    config = {"input_shape": source.input_shape, "vocabulary": len(source.vocabulary)}
    config |= json.loads(settings)
    about = {"data": data, "steps": steps, "batch": batch, "config": config}
    claims.claim(out, about | {"source": source, "plans": [PLANS, RANKS, RATES]})
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in PLANS}
    for seed in range(seeds):
        for name in PLANS:
            rates = [best_rate(found[name])] if seed else RATES
            for rate in rates:
                path = out / f"{name.replace(' ', '_')}_{rate:g}_{seed}.json"
                if not path.is_file():
                    net = build(name, config, seed)
                    result = measure(net, source, rate, steps, batch, seed)
                    with written_whole(path) as part:
                        part.write_text(json.dumps({"plan": name, **result}) + "\n")
                found[name].append(json.loads(path.read_text()))
                print(found[name][-1], flush=True)
        write(docs, found, about)


def build(name: str, config: dict, seed: int) -> keras.Model:
    """The untrained model of an arm."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    net = wszoo.get("tied_lm", sharing=PLANS[name], **config)
    return wszoo.relax(net, rank=RANKS[name], sites=BLOCKS) if name in RANKS else net


def measure(
    net: keras.Model, source: Source, rate: float, steps: int, batch: int, seed: int
) -> dict[str, Any]:
    """One run: validation and test nats a character, stored parameters."""
    x, y = source.arrays("train")
    text, size = np.append(x.ravel(), y[-1, -1]), x.shape[1]
    starts = np.random.default_rng(seed).integers(0, len(text) - size, steps * batch)
    windows = text[starts[:, None] + np.arange(size + 1)]
    optimizer = keras.optimizers.AdamW(training.cosine(rate, steps, warmup=steps // 15))
    net.compile(optimizer, loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    net.fit(windows[:, :-1], windows[:, 1:], batch_size=batch, shuffle=False, verbose=0)
    scores = {
        key: value
        for split in ("validation", "test")
        for key, value in training.evaluate(net, source, "language_modelling", split=split).items()
    }
    parameters = {"stored_parameters": net.count_params()}
    return {"learning_rate": rate, "seed": seed} | parameters | scores


def best_rate(runs: list[dict[str, Any]]) -> float:
    first = [r for r in runs if r["seed"] == 0]
    return min(first, key=lambda r: r["validation_nats"])["learning_rate"]


def write(docs: Path, found: dict[str, list[dict[str, Any]]], about: dict[str, Any]) -> None:
    """The table and the picture of what has been run so far."""
    rows = []
    for name, runs in found.items():
        rate = best_rate(runs)
        kept = [r for r in runs if r["learning_rate"] == rate]
        mean, sd = report.mean_sd([r["test_nats"] for r in kept])
        spelling = PLANS[name] + (f", rank {RANKS[name]}" if name in RANKS else "")
        about_plan = {"plan": name, "spelling": spelling, "learning_rate": rate}
        stored = {"stored_parameters": kept[0]["stored_parameters"], "seeds": len(kept)}
        rows.append(about_plan | stored | {"mean": mean, "sd": sd})
    docs.mkdir(parents=True, exist_ok=True)
    all_runs = [r for runs in found.values() for r in runs]
    with written_whole(docs / "metrics.json") as part:
        part.write_text(json.dumps(about | {"plans": rows, "runs": all_runs}, indent=1) + "\n")
    points = {r["plan"]: (r["stored_parameters"], r["mean"], r["sd"]) for r in rows}
    pictures.tradeoff(
        docs / "depth.png",
        points,
        x="stored parameters",
        y="test nats a character",
        title=f"tied_lm on {about['data']}, {about['steps']} steps",
    )


if __name__ == "__main__":
    run(main)
