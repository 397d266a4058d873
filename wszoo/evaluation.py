"""Scores of pretrained weights on the data of their card, and real data for an export."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from wszoo import fitting, registry, tasks
from wszoo import weights as weight_files
from wszoo.arguments import checked
from wszoo.cards import Card
from wszoo.sharing.about import about
from wszoo.tasks.task import likely, scored

if TYPE_CHECKING:
    import keras

    from wszoo.data import Source

CALIBRATION = 256  # training examples on which int8 measures its ranges


def card_of(name: str) -> Card:
    """The card of `"name.tag"`, or of a model's default tag.

    Raises `ValueError` for an unknown model or tag, and for a model without a default tag.
    """
    model, _, tag = name.partition(".")
    entry = registry.entry(model)
    tag = tag or entry.default_tag or ""
    if not tag:
        raise ValueError(f"{model} has no default tag; name one, such as {model}.TAG")
    return weight_files.card_of(model, tag)


def source_of(
    card: Card,
    *,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
) -> "Source":
    """The data that a card's weights were trained on.

    Raises `MissingDataError` without them, and `ValueError` where no source has them.
    """
    from wszoo.data import load

    if "source" not in card:
        raise ValueError(
            f"the card of {card['model']}.{card['tag']} names no source of data: it was trained on "
            f"{card['data']}, which wszoo does not load. What it is worth on other data, "
            "wszoo.transfer measures"
        )
    return load(**card["source"], data_dir=data_dir, manual_dir=manual_dir)


def evaluate(
    name: str,
    *,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
) -> dict[str, tuple[float, float]]:
    """Test metrics of pretrained weights, measured now, beside those of their card.

    Metric name → (measured, card's), both rounded as in the card.
    """
    from wszoo import training

    card = card_of(name)
    source = source_of(card, data_dir=data_dir, manual_dir=manual_dir)
    model = registry.get(f"{card['model']}.{card['tag']}")
    task, noise = registry.entry(card["model"]).task, card.get("noise", 0.0)
    measured = training.evaluate(model, source, task, noise=noise)
    return {
        key: (round(value, training.DIGITS), card["metrics"][key]["value"])
        for key, value in measured.items()
    }


@checked()
def model_of(target: str) -> "keras.Model":
    """The model of a `.keras` file, or of `"name.tag"`. Raises as `wszoo.load` and `wszoo.get`."""
    from wszoo.sharing.files.loading import load

    return load(target) if target.endswith(".keras") else registry.get(target)


@checked()
def data_of(
    model: "keras.Model",
    name: str,
    data: str = "card",
    *,
    image_size: int | None = None,
    resize: str | None = None,
    data_dir: str | os.PathLike | None = None,
    manual_dir: str | os.PathLike | None = None,
) -> tuple["Source", str]:
    """A source for a model and the model's task.

    `name` is `"name.tag"`, or the path of a `.keras` file, whose task is reconstruction if its
    output has the shape of its input, language modelling if it gives something a token, and else
    classification; `data` names a source, or is `"card"` for that of the tag; images come to
    the model's input in the way that it keeps (`resize`), unless another size or way is asked for,
    texts cut to its length, as ids of the tokens that it knows. Images get the range that the model
    wants, and labels the order of its classes, where it says or shows them (see
    `wszoo.input_range`). Raises `ValueError` for texts of which it knows next to nothing, and for a
    source of other shapes or classes than the model's.
    """
    from wszoo.data import load
    from wszoo.data.formats.csv_file import is_table_file
    from wszoo.data.tokens import reworded

    model_name = name.partition(".")[0]
    shape, tokens = tuple(model.inputs[0].shape), "int" in model.inputs[0].dtype
    task = likely(model).name
    if model_name in registry.list_models():
        task = registry.entry(model_name).task
    if data == "card":
        asked = {"image_size": image_size, "resize": resize}
        if own := [option for option, value in asked.items() if value is not None]:
            raise ValueError(f"{', '.join(own)}: the data of a card have their own; name others")
        return source_of(card_of(name), data_dir=data_dir, manual_dir=manual_dir), task
    vocabulary = _vocabulary(model, name) if tokens else ()
    sized = len(shape) == 4 and shape[1] is not None
    source = load(
        data,
        image_size=image_size or (shape[1] if sized else None),
        resize=resize or (about(model).get("resize") if sized else None),
        length=shape[1] if tokens else None,
        vocabulary=vocabulary if vocabulary and is_table_file(Path(data)) else None,
        data_dir=data_dir,
        manual_dir=manual_dir,
    )
    if vocabulary and source.vocabulary:
        source = reworded(source, vocabulary)
    return fitting.fitted(source, model, name, task), task


def _vocabulary(model: "keras.Model", name: str) -> tuple[str, ...]:
    """The tokens that a model knows of itself, or its card; nothing where neither says."""
    kept = about(model).get("vocabulary", ())
    model_name, _, tag = name.partition(".")
    if not kept and model_name in registry.list_models():
        tag = tag or registry.entry(model_name).default_tag or ""
        if tag in weight_files.tags(model_name):
            kept = weight_files.card_of(model_name, tag).get("vocabulary", ())
    return tuple(kept)


@checked(task=scored)
def for_export(model: "keras.Model", source: "Source", task: str) -> dict[str, Any]:
    """`inputs`, `metric` and `calibration` for `wszoo.export`, from a source.

    Parity and metric are taken on its test split, ranges on 256 of its training examples. The
    metric scores each example: whether a class is right, of a reconstruction the share R² of the
    variance that it explains, and of a language model the share of a blind guess's nats that it
    saves, so that in each a point is a hundredth of the whole.
    Raises `ValueError` where the source does not fit the model's one input.
    """
    from wszoo import training
    from wszoo.exporting.names import input_names

    if len(model.inputs) != 1 or model.inputs[0].shape[1:] != source.input_shape:
        shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
        raise ValueError(
            f"{source.name} has examples of shape {source.input_shape}; {model.name!r} takes "
            f"{shapes}"
        )
    (name,) = input_names(model)
    x, y = source.arrays("test")

    def metric(outputs: Mapping[str, np.ndarray]) -> np.ndarray:
        (values,) = outputs.values()
        each = training.scores(values, x, y, task)[1]
        return tasks.find(task).share(each, x, source.num_classes)

    train = source.arrays("train")[0]
    spread = np.unique(np.linspace(0, len(train) - 1, CALIBRATION).astype(int))
    calibration = {name: train[spread]}  # evenly spread: sets are often in order
    return {"inputs": {name: x}, "metric": metric, "calibration": calibration}
