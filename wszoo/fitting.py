"""A source as a model takes it that was trained elsewhere: its range, and the order of classes."""

import dataclasses
import warnings
from typing import TYPE_CHECKING

import numpy as np

from wszoo import input_range, tasks
from wszoo.sharing.about import about

if TYPE_CHECKING:
    import keras

    from wszoo.data import Source


def fitted(source: "Source", model: "keras.Model", name: str, task: str) -> "Source":
    """The source as a model takes it that was trained elsewhere; see `data_of`."""
    wanted = tuple(model.inputs[0].shape[1:])
    if not _fits(source.input_shape, wanted):
        raise ValueError(
            f"{name} takes examples of shape {wanted}; {source.name} has {source.input_shape}"
        )
    if tasks.find(task).labels:
        source = _with_classes_of(source, model, name)
    train = source.arrays("train")[0]
    given, notes = input_range.wanted(model, train)
    scale = None if given is None else input_range.scale_to(given, train)
    for note in notes:
        warnings.warn(f"{name}: {note}", stacklevel=3)
    if scale is None:
        return source
    factor, offset = map(np.float32, scale)
    splits = {split: (x * factor + offset, y) for split, (x, y) in source.splits.items()}
    return dataclasses.replace(source, splits=splits)


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    pairs = zip(shape, wanted, strict=False)
    return len(shape) == len(wanted) and all(want in (None, size) for size, want in pairs)


def _with_classes_of(source: "Source", model: "keras.Model", name: str) -> "Source":
    """The source with its labels in the order of the model's classes."""
    outputs, names = model.outputs[0].shape[-1], about(model).get("class_names")
    if outputs != source.num_classes:
        raise ValueError(
            f"{name} tells {outputs} classes apart; {source.name} has {source.num_classes}: "
            f"{', '.join(source.class_names[:10])}"
        )
    if names is None or tuple(names) == source.class_names:
        return source
    if set(names) != set(source.class_names):
        raise ValueError(
            f"the classes of {name} are {', '.join(names[:10])}; those of {source.name} are "
            f"{', '.join(source.class_names[:10])}"
        )
    place = np.array([list(names).index(each) for each in source.class_names], "int32")
    splits = {split: (x, place[y]) for split, (x, y) in source.splits.items()}
    return dataclasses.replace(source, splits=splits, class_names=tuple(names))
