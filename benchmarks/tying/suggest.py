"""What suggestions are worth: prices of plans beside what the plans reach when they are trained.

    python -m benchmarks.tying.suggest --data-dir TFDS

For each of several parents (`conv_net` with six blocks, trained untied on fashion_mnist from its
own seed), all 203 partitions of the blocks start from the parent with each group's kernel at the
mean and are trained for a short while, with several seeds of the order of examples; the test loss,
mean over these seeds, is the truth. Each method of `wszoo.suggest` prices the same 203 plans
without training. Its worth is the Spearman correlation of price and truth among plans with equally
many groups, that is, equally many parameters; `ceiling` is that of one seed's truth with the other
seeds'. Regret: by how many points the accuracy of the cheapest plan falls short of the best one's.

Every training leaves a line in --out, so a benchmark that is stopped goes on where it was; it can
also go on with more parents or seeds. Writes
docs/suggest/metrics.json and docs/suggest.md.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer
from rich.progress import track
from scipy.stats import spearmanr

import wszoo
from wszoo import batches, claims, report, training
from wszoo.command_line import run
from wszoo.data import load
from wszoo.files import written_whole
from wszoo.sharing.plan import SharingPlan
from wszoo.tuner.pricing.suggest import METHODS, price_of
from wszoo.tuner.space.space import SearchSpace
from wszoo.tuner.twin_trainer import TwinTrainer

DOCS = Path(__file__).resolve().parents[2] / "docs"
SITES = tuple(f"block_{i}" for i in range(6))
PLANS = [plan.pattern for plan in SearchSpace.plain(SITES)]
GROUPS = (2, 3, 4, 5)
SAMPLES = 512  # which the methods may look at
TEST = 2000  # images on which a plan is scored, evenly spread
BATCH = 32


def main(
    data: Annotated[str, typer.Option(help="Images of classes.")] = "fashion_mnist",
    width: Annotated[int, typer.Option(help="Channels of the blocks.")] = 16,
    examples: Annotated[int, typer.Option(help="Training images.")] = 6000,
    epochs: Annotated[int, typer.Option(help="Of a parent.")] = 6,
    steps: Annotated[int, typer.Option(help="Of a plan, batches of 32.")] = 60,
    parents: Annotated[int, typer.Option(help="Seeds of the parent.")] = 3,
    seeds: Annotated[int, typer.Option(help="Trainings of a plan.")] = 2,
    data_dir: Annotated[Path | None, typer.Option(help="Where TFDS keeps data sets.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the trainings.")] = Path("runs/suggest"),
    docs: Annotated[Path, typer.Option(help="Folder of the summary.")] = DOCS,
) -> None:
    """Prices of plans beside what the plans reach when they are trained."""
    about = {"data": data, "width": width, "examples": examples, "epochs": epochs}
    about |= {"steps": steps, "samples": SAMPLES}
    source = load(data, data_dir=data_dir)
    claims.claim(out, about | {"source": source})
    about |= {"parents": parents, "seeds": seeds}  # more of these can be added later
    found = [study(source, about, number, out) for number in range(parents)]
    write(docs, about, found)


def study(source: Any, about: dict, number: int, out: Path) -> dict[str, Any]:
    """Truth and prices of all plans of one parent."""
    x, y = source.arrays("train")
    rows = batches.order(len(x), number)
    train, held = rows[: about["examples"]], rows[about["examples"] :][:SAMPLES]
    parent = trained(source, x[train], y[train], about, number, out / f"parent_{number}.keras")
    price = {
        method: prices(parent, x[held], y[held], method, out / f"{method}_{number}.json")
        for method in METHODS
    }
    truth = out / f"truth_{number}.jsonl"
    done = [json.loads(line) for line in truth.read_text().splitlines()] if truth.is_file() else []
    missing = {(p, s) for p in PLANS for s in range(about["seeds"])}
    missing -= {(row["plan"], row["seed"]) for row in done}
    if missing:
        trainer = TwinTrainer(parent, keras.optimizers.Adam(1e-3), loss=LOSS, jit_compile=False)
        x_test, y_test = source.arrays("test")
        spread = np.linspace(0, len(x_test) - 1, TEST).astype(int)
        test = x_test[spread], y_test[spread]
        for plan, seed in track(sorted(missing), f"parent {number}"):
            row = reach(trainer, plan, seed, (x[train], y[train]), test, about["steps"])
            with truth.open("a") as file:
                file.write(json.dumps(row) + "\n")
            done.append(row)
    return {"parent": number, "prices": price, "truth": done}


LOSS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def trained(
    source: Any, x: np.ndarray, y: np.ndarray, about: dict, seed: int, path: Path
) -> keras.Model:
    if path.is_file():
        return wszoo.load(path)
    keras.utils.set_random_seed(seed)
    model = wszoo.get(
        "conv_net", sharing="untied", input_shape=source.input_shape, width=about["width"]
    )
    rate = training.cosine(3e-3, about["epochs"] * -(-len(x) // BATCH))
    model.compile(keras.optimizers.AdamW(rate), loss=LOSS, jit_compile=False)
    model.fit(x, y, batch_size=BATCH, epochs=about["epochs"], verbose=0)
    wszoo.save(model, path)
    return model


def prices(
    parent: keras.Model, x: np.ndarray, y: np.ndarray, method: str, path: Path
) -> dict[str, float]:
    """Plan → price; also the merges that `suggest` makes of them."""
    if path.is_file():
        return json.loads(path.read_text())
    price = price_of(parent, SITES, method, x, y, LOSS)
    made = {p: price(SharingPlan.from_pattern(SITES, p)) for p in PLANS}
    with written_whole(path) as part:
        part.write_text(json.dumps(made))
    return made


def reach(
    trainer: TwinTrainer, plan: str, seed: int, train: tuple, test: tuple, steps: int
) -> dict[str, Any]:
    """Test loss and accuracy of a plan after its short training."""
    trainer.start(plan)
    rows = batches.order(len(train[0]), seed, 1)[: steps * BATCH]
    x, y = train[0][rows], train[1][rows]
    trainer.model.fit(x, y, batch_size=BATCH, shuffle=False, verbose=0)
    logits = trainer.model.predict(test[0], batch_size=500, verbose=0)
    loss = keras.losses.sparse_categorical_crossentropy(test[1], logits, from_logits=True)
    right = np.mean(logits.argmax(axis=1) == test[1])
    return {
        "plan": plan,
        "seed": seed,
        "loss": float(keras.ops.mean(loss)),
        "accuracy": float(right),
    }


def values_of(truth: list[dict], key: str) -> dict[str, list[float]]:
    """Plan → its values, by seed."""
    made: dict[str, list[float]] = {}
    for row in sorted(truth, key=lambda r: (r["plan"], r["seed"])):
        made.setdefault(row["plan"], []).append(row[key])
    return made


def worth(found: list[dict], groups: int) -> dict[str, dict[str, list[float]]]:
    """Method → Spearman correlation and regret in points, a value a parent."""
    made: dict[str, dict[str, list[float]]] = {}
    for one in found:
        plans = [p for p in PLANS if len(set(p)) == groups]
        loss = np.array([one["loss"][p] for p in plans])
        right = np.array([one["accuracy"][p] for p in plans]).mean(axis=1)
        given = {m: np.array([price[p] for p in plans]) for m, price in one["prices"].items()}
        given["random"] = np.random.default_rng(one["parent"]).random(len(plans))
        given["ceiling"] = loss[:, 0]
        for name, price in given.items():
            truth = loss[:, 1:] if name == "ceiling" else loss
            cell = made.setdefault(name, {"spearman": [], "regret": []})
            cell["spearman"].append(float(spearmanr(price, truth.mean(axis=1)).statistic))
            cell["regret"].append(100 * float(right.max() - right[price.argmin()]))
    return made


def write(docs: Path, about: dict[str, Any], found: list[dict]) -> None:
    """The JSON that everything below is made of, and the page."""
    stored = {
        "settings": about,
        "parents": [
            {
                "parent": one["parent"],
                "prices": one["prices"],
                "loss": values_of(one["truth"], "loss"),
                "accuracy": values_of(one["truth"], "accuracy"),
            }
            for one in found
        ],
    }
    with written_whole(docs / "suggest" / "metrics.json") as part:
        part.write_text(json.dumps(stored) + "\n")
    with written_whole(docs / "suggest.md") as part:
        part.write_text(page(stored))


def page(stored: dict[str, Any]) -> str:
    """The page, from what is stored."""
    about = stored["settings"]
    by_groups = {groups: worth(stored["parents"], groups) for groups in GROUPS}
    lines = [
        "# What suggestions are worth",
        "",
        "`wszoo.suggest` says which layers of a trained model to tie first, without training: it "
        "gives every plan a price and takes the cheap ones. Is a cheap plan a good one? Here all "
        "plans of a small network were trained, and each method's prices are held against what "
        "came out.",
        "",
        f"Made by `python -m benchmarks.tying.suggest`. {about['parents']} parents, `conv_net` "
        f"with six "
        f"blocks of width {about['width']}, were trained untied on {about['examples']:,} images of "
        f"{about['data']} for {about['epochs']} epochs. All 203 partitions of the blocks of each "
        f"were trained on from the mean of their kernels for {about['steps']} steps of {BATCH}, "
        f"with {about['seeds']} seeds; the loss on {TEST:,} test images, mean over the seeds, is "
        f"the truth. The methods price the same plans from {about['samples']} held-out images.",
        "",
        "- `loss`: the loss right after the kernels were averaged, norms estimated anew.",
        "- `weights`: distance of the kernels to their mean; looks at no image.",
        "- `fisher`: the same, weighted by the squared gradients of the loss.",
        "- `cka`: how unlike the outputs of the blocks are.",
        "- `activations`: what the blocks' outputs lose with the one kernel that fits all best.",
        "- `random`: no information. `ceiling`: the loss of one training as the price, the others "
        "as the truth: noise lets nothing do much better.",
        "",
        verdict(stored) + " " + advice(stored),
        "",
        "**Order.** Spearman correlation of price and truth among plans with equally many groups "
        "(equal parameters), mean ± standard deviation over parents. 1: the cheaper the plan, the "
        "better it trains; 0: the price says nothing.",
        "",
        *_table(by_groups, "spearman", "{:.2f}"),
        "",
        "**Choice.** Points of test accuracy by which the plan with the lowest price falls short "
        "of the best plan with as many groups.",
        "",
        *_table(by_groups, "regret", "{:.1f}"),
        "",
        "The trainings are short and start from the mean of the kernels, as `retie(…, "
        'weights="mean")` does: that favours methods that look at the same start. The order after '
        "long training was not measured.",
        "",
    ]
    return "\n".join(lines)


def advice(stored: dict[str, Any]) -> str:
    """Which methods are better than random with every parent, and which are not."""
    every = {name: [] for name in METHODS}
    for groups in GROUPS:
        found = worth(stored["parents"], groups)
        for name in METHODS:
            every[name].append(found[name]["spearman"])
    means = {name: np.mean(values, axis=0) for name, values in every.items()}
    good = [f"`{name}`" for name, values in means.items() if values.min() > 0]
    bad = [f"`{name}`" for name, values in means.items() if values.max() < 0]
    text = f"With each parent the order of {', '.join(good)} is better than none"
    return text + (f", that of {', '.join(bad)} worse." if bad else ".")


def verdict(stored: dict[str, Any]) -> str:
    """Each method's correlation, mean over numbers of groups and parents, in a sentence."""
    by_groups = [worth(stored["parents"], groups) for groups in GROUPS]
    names = ["random", *METHODS, "ceiling"]
    whole = {n: np.mean([v for found in by_groups for v in found[n]["spearman"]]) for n in names}
    order = sorted(METHODS, key=whole.__getitem__, reverse=True)
    shown = ", ".join(f"`{name}` {whole[name]:.2f}" for name in order)
    return (
        f"Mean over {GROUPS[0]} to {GROUPS[-1]} groups: {shown}; random {whole['random']:.2f}, "
        f"ceiling {whole['ceiling']:.2f}."
    )


def _table(by_groups: dict, key: str, form: str) -> list[str]:
    lines = ["| method | " + " | ".join(f"{g} groups" for g in by_groups) + " |"]
    lines.append("|---" * (len(by_groups) + 1) + "|")
    for name in ("random", *METHODS, "ceiling"):
        cells = [report.mean_sd(found[name][key]) for found in by_groups.values()]
        shown = [f"{form.format(mean)} ± {form.format(sd)}" for mean, sd in cells]
        lines.append(f"| {name} | " + " | ".join(shown) + " |")
    return lines


if __name__ == "__main__":
    run(main)
