"""What a file says of its model: class names, range and size of inputs, plan, licence of the data.

It is the JSON that `.keras` files have as `wszoo.json`: the plan with its sites, and under `about`
the facts of `wszoo.sharing.about`, here of the file. With `scores` outputs are the classes'
probabilities.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wszoo import private, tasks
from wszoo._version import __version__
from wszoo.exporting.names import output_names
from wszoo.sharing.about import about, of_images

if TYPE_CHECKING:
    import keras

MEMBER, LABELS = "wszoo.json", "labels.txt"  # names of the files that travel with a model
BYTES = [0, 255]


@dataclass(frozen=True)
class Facts:
    """Names of a classifier's classes, if they are known, and all that is, as JSON's plain data."""

    labels: tuple[str, ...] | None
    plain: dict[str, object]

    @property
    def about(self) -> dict[str, object]:
        """What the model means, in the words of `wszoo.sharing.about`."""
        facts = self.plain["about"]
        assert isinstance(facts, dict)
        return facts

    @property
    def files(self) -> dict[str, bytes]:
        """Name → contents of the files to put beside a model: the JSON, and labels a line each."""
        files = {MEMBER: json.dumps(self.plain, indent=1, ensure_ascii=False).encode()}
        if self.labels is not None:
            lines = (" ".join(label.splitlines()) for label in self.labels)
            files[LABELS] = "".join(f"{line}\n" for line in lines).encode()
        return files


def facts_of(
    model: "keras.Model", labels: Sequence[str] | None, *, uint8: bool, scores: bool = False
) -> Facts:
    """The facts of a file of a functional model, whose class names are `labels` or its own.

    `uint8` and `scores` say what the file takes and gives. Raises `ValueError` for labels that do
    not fit its output.
    """
    from wszoo.sharing import graph

    names = labels_of(model, labels)
    facts = about(model) | {"class_names": names and list(names)} | of_images(model)
    if uint8:
        facts["input_range"] = BYTES
    if names is not None:
        facts = {"task": _task(model)} | facts | {"scores": scores}
    kept = {name: fact for name, fact in facts.items() if fact is not None}
    plan = graph.plan_of(model).to_dict()
    return Facts(names, {"wszoo": __version__, "model": model.name, **plan, "about": kept})


def labels_of(model: "keras.Model", labels: Sequence[str] | None = None) -> tuple[str, ...] | None:
    """The class names of a model with one output `(batch, classes)`: those given, or its own.

    `None` where nobody knows them, or its own fit neither its output nor its task. Raises
    `ValueError` for names given that do not fit.
    """
    if labels is not None:
        check_labels(model, labels)
        return tuple(labels)
    own = about(model).get("class_names")
    if not own or not _fits(model, own) or tasks.find(_task(model)).scores is None:
        return None
    return tuple(own)


def check_labels(model: "keras.Model", labels: Sequence[str]) -> None:
    """Raises `ValueError` unless the model has one output `(batch, number of labels)`."""
    if not _fits(model, labels):
        shapes = [tuple(tensor.shape) for tensor in model.outputs]
        raise ValueError(
            f"{len(labels)} labels need one output (batch, {len(labels)}); {model.name!r} gives "
            f"{shapes}"
        )


def with_scores(model: "keras.Model") -> "keras.Model":
    """A classifier whose output `scores` is each class's probability, `(batch, classes)`.

    The model itself where its outputs are probabilities. Its weights are shared with the new one.
    """
    import keras

    from wszoo.exporting import parity
    from wszoo.sharing import graph
    from wszoo.sharing.about import describe

    if gives_scores(model, parity.keras_outputs(model, parity.random_inputs(model))):
        return model
    name = graph.free_layer_name("scores", *model.outputs)
    outputs = keras.layers.Activation(scores_of(model), dtype="float32", name=name)(
        model.outputs[0]
    )
    scored = keras.Model(model.input, outputs, name=model.name)
    names = graph.names_of(model)
    graph.remember(scored, names.sites, names.declared)
    describe(scored, **about(model))
    return scored


def scores_of(
    model: "keras.Model",
) -> "Callable[[keras.KerasTensor], keras.KerasTensor]":
    """What makes scores of the outputs of a classifier that gives none: its task says it."""
    import keras

    return tasks.find(_task(model)).scores or keras.ops.softmax


def gives_scores(model: "keras.Model", *outputs: Mapping[str, np.ndarray]) -> bool:
    """Whether a classifier's outputs need no softmax: they add up to 1, or a sigmoid gives them."""
    import keras

    last = private.maker_of(model.outputs[0])
    if getattr(last, "activation", None) is keras.activations.sigmoid:
        return True
    (name,) = output_names(model)
    scores = np.concatenate([each[name] for each in outputs]).astype(float)
    return bool((scores >= 0).all() and np.allclose(scores.sum(axis=-1), 1, atol=1e-2))


def _task(model: "keras.Model") -> str:
    """The task of a model with class names: its own, or classification."""
    task = about(model).get("task")
    return task if task in tasks.names() else "classification"


def _fits(model: "keras.Model", labels: Sequence[str]) -> bool:
    shapes = [tuple(tensor.shape) for tensor in model.outputs]
    return len(shapes) == 1 and len(shapes[0]) == 2 and shapes[0][1] == len(labels)
