"""Half the parameters: a tied model beside a narrower one, and the original, over seeds.

    python -m benchmarks.tying.compress --data-dir TFDS

For each seed `conv_net` is trained untied on images of --data. Then: `tied`, half its parameters by
`wszoo.tuner.compressing.compress` (suggest, tie, private parts, recover); `narrower`, an untied
`conv_net` of fewer channels that stores no more than the tied one, trained as the original was and
for as many epochs as original and recovery took together; `narrower, distilled`, the same learning
from the original too, as the tied one does, for all of these epochs. Each arm has its own rate,
chosen from the same few on validation with a seed that is not scored. `original, longer` is of the
original's size and trained for all of these epochs too.

Every training leaves a file in --out, so a benchmark that is stopped goes on where it was. Writes
docs/compress/metrics.json and docs/compress.md.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer

import wszoo
from wszoo import batches, claims, report, training
from wszoo.command_line import run
from wszoo.comparison.summary import paired
from wszoo.data import load
from wszoo.files import written_whole
from wszoo.layers import LowRankPart
from wszoo.tuner.compressing.compress import compress
from wszoo.tuner.compressing.narrow import narrower
from wszoo.tuner.compressing.recovery import Recovery, recover

DOCS = Path(__file__).resolve().parents[2] / "docs"
RATES = (5e-3, 1e-2, 2e-2)
ARMS = ("original", "tied", "original, longer", "narrower", "narrower, distilled")
TUNING_SEED = 1000
AIM = 0.5  # points that half the parameters may cost


def main(
    data: Annotated[str, typer.Option(help="Images of classes.")] = "fashion_mnist",
    width: Annotated[int, typer.Option(help="Channels of the original's blocks.")] = 24,
    examples: Annotated[int, typer.Option(help="Training images.")] = 8000,
    epochs: Annotated[int, typer.Option(help="Of the original.")] = 8,
    recovery: Annotated[int, typer.Option(help="Epochs of the recovery.")] = 6,
    fraction: Annotated[float, typer.Option(help="Of the original's parameters.")] = 0.5,
    seeds: Annotated[int, typer.Option(help="Originals.")] = 5,
    data_dir: Annotated[Path | None, typer.Option(help="Where TFDS keeps data sets.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the trainings.")] = Path("runs/compress"),
    docs: Annotated[Path, typer.Option(help="Folder of the summary.")] = DOCS,
) -> None:
    """Half the parameters: a tied model beside a narrower one."""
    about = {"data": data, "width": width, "examples": examples, "epochs": epochs}
    about |= {"recovery": recovery, "fraction": fraction, "seeds": seeds}
    source = load(data, data_dir=data_dir)
    claims.claim(out, about | {"source": source})
    study = Study(source, about, out)
    rates = {arm: study.best_rate(arm) for arm in ARMS}
    rows = [study.run(arm, seed, rates) for seed in range(seeds) for arm in ARMS]
    write(docs, about | {"rates": rates}, rows)


class Study:
    """Runs one arm with one seed, or reads what it gave."""

    def __init__(self, source: Any, about: dict[str, Any], out: Path):
        self.source, self.about, self.out = source, about, out

    def best_rate(self, arm: str) -> float:
        """The rate that is best on validation, the arms before this one at theirs."""
        scores = {}
        for rate in RATES:
            rates = {a: self.best_rate(a) for a in ARMS[: ARMS.index(arm)]}
            scores[rate] = self.run(arm, TUNING_SEED, rates | {arm: rate})["validation"]
        return max(RATES, key=scores.__getitem__)

    def run(self, arm: str, seed: int, rates: dict[str, float]) -> dict[str, Any]:
        result = self._path(arm, seed, rates, "json")
        if not result.is_file():
            make: Callable = getattr(self, "_" + arm.replace(", ", "_"))
            model = make(seed, rates)
            wszoo.save(model, self._path(arm, seed, rates, "keras"))
            row = {"arm": arm, "seed": seed, "stored": model.count_params()}
            row |= {split: self._accuracy(model, split) for split in ("validation", "test")}
            if arm != "original":
                row["plan"] = wszoo.plan_of(model).restrict(BLOCKS).pattern
                parts = [layer for layer in model.layers if isinstance(layer, LowRankPart)]
                row["rank"] = max((part.rank for part in parts), default=0)
            with written_whole(result) as part:
                part.write_text(json.dumps(row) + "\n")
            print(row, flush=True)
        return json.loads(result.read_text())

    def _original(self, seed: int, rates: dict[str, float]) -> keras.Model:
        return self._train(self._untied(seed), seed, rates["original"], self.about["epochs"])

    def _original_longer(self, seed: int, rates: dict[str, float]) -> keras.Model:
        return self._train(self._untied(seed), seed, rates["original, longer"], self._whole)

    def _untied(self, seed: int) -> keras.Model:
        keras.utils.set_random_seed(seed)
        shape = self.source.input_shape
        return wszoo.get("conv_net", sharing="untied", input_shape=shape, width=self.about["width"])

    def _tied(self, seed: int, rates: dict[str, float]) -> keras.Model:
        steps = Recovery(self.about["recovery"], rates["tied"])
        part, original = self.about["fraction"], self._made("original", seed, rates)
        return compress(original, self._data(seed), fraction=part, recovery=steps, seed=seed).model

    def _narrower(self, seed: int, rates: dict[str, float]) -> keras.Model:
        model = self._narrow(seed, rates)
        return self._train(model, seed, rates["narrower"], self._whole)

    def _narrower_distilled(self, seed: int, rates: dict[str, float]) -> keras.Model:
        teacher = self._made("original", seed, rates)
        steps = Recovery(self._whole, rates["narrower, distilled"])
        return recover(self._narrow(seed, rates), teacher, self._data(seed), steps, seed=seed)

    @property
    def _whole(self) -> int:
        return self.about["epochs"] + self.about["recovery"]

    def _narrow(self, seed: int, rates: dict[str, float]) -> keras.Model:
        budget = self.run("tied", seed, rates)["stored"]
        original = self._made("original", seed, rates)
        keras.utils.set_random_seed(seed)
        return narrower(original, budget)

    def _made(self, arm: str, seed: int, rates: dict[str, float]) -> keras.Model:
        self.run(arm, seed, rates)
        return wszoo.load(self._path(arm, seed, rates, "keras"))

    def _path(self, arm: str, seed: int, rates: dict[str, float], suffix: str) -> Path:
        return self.out / f"{arm.replace(', ', '_')}_{rates[arm]:g}_{seed}.{suffix}"

    def _data(self, seed: int) -> tuple[np.ndarray, np.ndarray]:
        x, y = self.source.arrays("train")
        rows = batches.order(len(x), seed)[: self.about["examples"]]
        return x[rows], y[rows]

    def _train(self, model: keras.Model, seed: int, rate: float, epochs: int) -> keras.Model:
        x, y = self._data(seed)
        steps = epochs * -(-len(x) // 32)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        optimizer = keras.optimizers.AdamW(training.cosine(rate, steps, warmup=steps // 20))
        keras.utils.set_random_seed(seed)
        model.compile(optimizer, loss=loss, jit_compile=False)
        model.fit(x, y, batch_size=32, epochs=epochs, verbose=0)
        return wszoo.retie(model, wszoo.plan_of(model))  # without optimizer and loss

    def _accuracy(self, model: keras.Model, split: str) -> float:
        x, y = self.source.arrays(split)
        return float(np.mean(model.predict(x, batch_size=500, verbose=0).argmax(axis=1) == y))


BLOCKS = tuple(f"block_{i}" for i in range(6))


def write(docs: Path, about: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    """The JSON that the page is made of, and the page."""
    stored = {"settings": about, "runs": rows}
    with written_whole(docs / "compress" / "metrics.json") as part:
        part.write_text(json.dumps(stored, indent=1) + "\n")
    with written_whole(docs / "compress.md") as part:
        part.write_text(page(stored))


def page(stored: dict[str, Any]) -> str:
    """The page, from what is stored."""
    about = stored["settings"]
    rates = ", ".join(f"{arm} {rated(rate)}" for arm, rate in about["rates"].items())
    lines = [
        "# Half the parameters by tying",
        "",
        f"Made by `python -m benchmarks.tying.compress`: `conv_net` of width {about['width']} on "
        f"{about['examples']:,} images of {about['data']}, {about['seeds']} seeds. The original "
        f"trains for {about['epochs']} epochs; `tied` is it after "
        f"`wszoo.tuner.compressing.compress` and {about['recovery']} epochs of recovery; the "
        f"narrower networks are untied, store no more, "
        f"and train for {about['epochs'] + about['recovery']} epochs, alone or with the original "
        "as their teacher; `original, longer` is a network of the original's size, trained for as "
        "many. Accuracy on the test split, mean ± standard deviation; differences to `tied` in "
        "points with a 95 % t-interval over seeds. Learning rates, of "
        f"{', '.join(f'{rate:g}' for rate in RATES)}, were chosen on validation with a seed that "
        f"is not scored: {rates} (*: the least or the largest of them).",
        "",
        *table(stored),
        "",
    ]
    return "\n".join(lines)


def table(stored: dict[str, Any]) -> list[str]:
    """The table and the verdict, as lines of Markdown."""
    rows = stored["runs"]
    of = {arm: [row for row in rows if row["arm"] == arm] for arm in ARMS}
    tied = np.array([row["test"] for row in of["tied"]])
    lines = [
        "| model | stored parameters | test accuracy | tied is ahead by |",
        "|---|---|---|---|",
    ]
    for arm in ARMS:
        test = np.array([row["test"] for row in of[arm]])
        mean, sd = report.mean_sd(test)
        ahead = "" if arm == "tied" else paired(100 * tied, 100 * test)
        lines.append(f"| {arm} | {sizes(of[arm])} | {mean:.4f} ± {sd:.4f} | {ahead} |")
    return [*lines, "", verdict(of)]


def verdict(of: dict[str, list[dict[str, Any]]]) -> str:
    """What the figures say of the aim and of each rival."""
    test = {arm: [100 * row["test"] for row in rows] for arm, rows in of.items()}
    plans = ", ".join(f"`{plan}`" for plan in dict.fromkeys(row["plan"] for row in of["tied"]))
    ranks = sorted({row["rank"] for row in of["tied"]})
    parts = f"private parts of rank {' or '.join(map(str, ranks))}" if any(ranks) else "no parts"
    part = max(row["stored"] for row in of["tied"]) / of["original"][0]["stored"]
    lost = paired(test["original"], test["tied"])
    held = "no more than" if lost.mean <= AIM else "more than"
    said = [
        f"The plans were {plans}, with {parts}: {part:.0%} of the parameters. Beside the original "
        f"tying cost {lost.mean:.2f} points [{lost.low:.2f}, {lost.high:.2f}], {held} the {AIM:g} "
        "that was the aim."
    ]
    for arm in ARMS[2:]:
        ahead = paired(test["tied"], test[arm])
        word = f"{ahead.verdict(True)} than" if ahead.real else "not told apart from"
        said.append(f"Tied is {word} `{arm}` ({ahead} points).")
    return " ".join(said)


def rated(rate: float) -> str:
    return f"{rate:g}{'*' * (rate in (RATES[0], RATES[-1]))}"


def sizes(rows: list[dict[str, Any]]) -> str:
    stored = sorted({row["stored"] for row in rows})
    return f"{stored[0]:,}" if len(stored) == 1 else f"{stored[0]:,} to {stored[-1]:,}"


if __name__ == "__main__":
    run(main)
