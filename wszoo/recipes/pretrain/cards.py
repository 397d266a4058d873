"""What a card says of weights that were pretrained, and where it lies."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from wszoo import tasks, weights
from wszoo.data import Source
from wszoo.recipes.pretrain import Pretrain
from wszoo.recipes.pretrain.epochs import QUARTERS
from wszoo.registry import Entry
from wszoo.sharing.plan import SharingPlan

LOCAL = ("--data-dir", "--manual-dir", "--out", "--run-dir")  # folders of one machine


def home() -> Path:
    """Where weights go: to those of a checkout, else to a folder of the user's."""
    shipped = weights.home()
    installed = shipped.parent == Path(weights.__file__).parent
    return Path("saved_models") if installed else shipped


def card_of(
    entry: Entry, source: Source, plan: SharingPlan, config: Mapping[str, object], options: Pretrain
) -> dict[str, object]:
    """The card but for its metrics."""
    asked = {"length": options.length, "resize": options.resize}
    read = {"name": options.data, "image_size": options.image_size}
    read |= {name: value for name, value in asked.items() if value is not None}
    card = {
        "model": options.model,
        "tag": options.tag,
        "plan": plan.to_dict(),
        "config": dict(config),
        "data": f"{source.name}: {source.origin}",
        "licence": source.licence,
        "task": entry.task,
        "source": read,
        "noise": options.noise,
        "command": shlex.join(["wszoo", "pretrain", *portable(sys.argv[1:])]),
        "seed": options.seed,
        "epochs": options.epochs,
    }
    if source.resize:
        card["resize"] = source.resize
    if source.vocabulary:
        card["vocabulary"] = source.vocabulary
    if tasks.find(entry.task).labels:
        card["class_names"] = class_names(source, options)
    return card


def class_names(source: Source, options: Pretrain) -> list[str]:
    """The names of a classifier's outputs, each class turned by quarters being one."""
    names = list(source.class_names)
    turns = range(1, QUARTERS if options.turns else 1)
    return names + [f"{name}, turned {90 * turn}°" for turn in turns for name in names]


def portable(arguments: list[str]) -> list[str]:
    """The words of the command after its name, without the folders of one machine."""
    kept, skip = [], False
    for given in arguments[1:] if arguments[:1] == ["pretrain"] else arguments:
        local = given.split("=")[0] in LOCAL
        if not (skip or local):
            kept.append(given)
        skip = local and "=" not in given
    return kept
