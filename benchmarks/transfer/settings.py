"""Choose learning rate or strength for each mode of `wszoo finetune --compare` by one search.

    python -m benchmarks.transfer.settings conv_net.omniglot --data digits

Every mode gets the same grid size and the same draws of labels (seeds 100 …, not those that are
reported), and is judged on the validation images and the unused training images; the test images
are not touched. Prints a table; the best of each row is the middle one in
wszoo/transferring/ways.py.
"""

from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track

import wszoo
from wszoo import report
from wszoo.command_line import run
from wszoo.data import Source, load
from wszoo.transferring.rivals import Rivals
from wszoo.transferring.ways import WAYS

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
LEARNING_RATES = "5e-4,1e-3,3e-3,1e-2,3e-2"


def main(
    backbone: Annotated[str, typer.Argument()] = "conv_net.omniglot",
    data: str = "digits",
    labels_per_class: int = 5,
    seeds: int = 3,
    steps: int = 120,
    learning_rates: Annotated[str, typer.Option(help="Separated by commas.")] = LEARNING_RATES,
    modes: Annotated[str, typer.Option(help="Separated by commas.")] = ",".join(WAYS),
) -> None:
    rates = [float(rate) for rate in learning_rates.split(",")]
    size = wszoo.get(backbone, head=None).input_shape[1]
    source = load(data, image_size=size)
    results = []
    for name in modes.split(","):
        settings = STRENGTHS if WAYS[name].trains is None else rates
        rivals = Rivals(lambda: wszoo.get(backbone, head=None), source.num_classes, steps, epochs=0)
        for setting in track(settings, name, transient=True):
            for seed in range(100, 100 + seeds):
                few = source.subset(labels_per_class, seed=seed)
                score = rivals.accuracy(
                    name, few.arrays("train"), unused(source, few), setting=setting, seed=seed
                )
                results.append({"mode": name, "setting": f"{setting:g}", "accuracy": score})
    title = f"{backbone} → {data}, {labels_per_class} labels a class: held-out accuracy"
    table = report.grid(results, row="mode", column="setting", value="accuracy", title=title)
    Console(width=160).print(table)


def unused(source: Source, few: Source) -> tuple[np.ndarray, np.ndarray]:
    """The validation images, and the training images that were not drawn."""
    taken = {row.tobytes() for row in few.arrays("train")[0]}
    x, y = source.arrays("train")
    keep = [i for i, row in enumerate(x) if row.tobytes() not in taken]
    more, labels = few.arrays("validation")
    return np.concatenate([more, x[keep]]), np.concatenate([labels, y[keep]])


if __name__ == "__main__":
    run(main)
