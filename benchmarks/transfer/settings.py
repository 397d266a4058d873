"""Choose learning rate or strength for each mode of `wszoo finetune --compare` by one search.

    python -m benchmarks.transfer.settings conv_net.omniglot --data digits

Every mode gets the same grid size and the same draws of labels (seeds 100 …, not those that are
reported), and is judged on the validation images and the unused training images; the test images
are not touched. Prints a table; the best of each row stands in wszoo/recipes/finetune/rivals.py.
"""

from dataclasses import replace
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

import wszoo
from wszoo import report
from wszoo.command_line import run
from wszoo.data import Source, load
from wszoo.recipes.finetune import rivals as finetune
from wszoo.transferring.rivals import flat

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
LEARNING_RATES = "5e-4,1e-3,3e-3,1e-2,3e-2"


def main(
    backbone: Annotated[str, typer.Argument()] = "conv_net.omniglot",
    data: str = "digits",
    labels_per_class: int = 5,
    seeds: int = 3,
    steps: int = 120,
    learning_rates: Annotated[str, typer.Option(help="Separated by commas.")] = LEARNING_RATES,
    modes: Annotated[str, typer.Option(help="Separated by commas.")] = ",".join(finetune.MODES),
) -> None:
    net = wszoo.get(backbone, head=None)
    source = load(data, image_size=net.input_shape[1])
    rates = [float(rate) for rate in learning_rates.split(",")]
    results = []
    for name in modes.split(","):
        mode = finetune.MODES[name]
        closed = mode.learning_rate is None
        for value in track(STRENGTHS if closed else rates, name, transient=True):
            key = "strength" if closed else "learning_rate"
            finetune.MODES[name] = replace(mode, **{key: value})
            rivals = finetune.Rivals(net, source, steps)
            for seed in range(100, 100 + seeds):
                score = rivals_score(rivals, name, labels_per_class, seed)
                results.append({"mode": name, "setting": f"{value:g}", "accuracy": score})
            net.set_weights(rivals.pretrained)
    title = f"{backbone} → {data}, {labels_per_class} labels a class: held-out accuracy"
    table = report.grid(results, row="mode", column="setting", value="accuracy", title=title)
    Console(width=160).print(table)


def rivals_score(rivals: finetune.Rivals, name: str, labels: int, seed: int) -> float:
    """Accuracy on the validation images and the training images that were not drawn."""
    few = rivals.source.subset(labels, seed=seed)
    model = rivals.classifier(name, labels, seed) if name != "pixels" else None
    right = []
    for x, y in (few.arrays("validation"), unused(rivals.source, few)):
        if model is None:
            kernel, bias = rivals.probe(name, few)
            logits = flat(x) @ kernel + bias
        else:
            logits = model.predict(x, batch_size=256, verbose=0)
        right.append(np.argmax(logits, 1) == y)
    return float(np.mean(np.concatenate(right)))


def unused(source: Source, few: Source) -> tuple[np.ndarray, np.ndarray]:
    taken = {row.tobytes() for row in few.arrays("train")[0]}
    x, y = source.arrays("train")
    keep = [i for i, row in enumerate(x) if row.tobytes() not in taken]
    return x[keep], y[keep]


if __name__ == "__main__":
    run(main)
