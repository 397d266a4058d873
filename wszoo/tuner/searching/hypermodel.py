"""A user's model under a plan, as KerasTuner builds and fits it.

`TieHyperModel` builds and traces a model a trial; `OneGraph` does so once for all trials.
"""

import random
from collections.abc import Callable
from typing import Any

import keras
import keras_tuner
import numpy as np

from wszoo import batches
from wszoo.arguments import called, checked, either, model
from wszoo.sharing import graph
from wszoo.sharing.surgery.retie import retie
from wszoo.tuner.searching.builds import Build, fitted_plan
from wszoo.tuner.searching.oracle import EPOCHS, PLAN, SEED
from wszoo.tuner.space.space import SearchSpace
from wszoo.tuner.twin_trainer import TwinTrainer

ParentOf = Callable[[keras.Model], keras.Model]
LISTED = 250  # plans that fit in a Choice; of a larger space it lists the templates


class TieHyperModel(keras_tuner.HyperModel):
    """Builds `build(hp)`, a compiled functional model, and ties it as the value `plan` says.

    `build` may ask `hp` for hyperparameters of its own. With a trained untied `parent`, trials
    start from its weights, the mean over each group; else from scratch. Works with any oracle:
    `plan` is a Choice over all plans of the space, or of a large one its templates.
    `parent` may also be a function that gives the trained parent of an untied, compiled model.
    Where the number of sites depends on `hp`, `largest` is the build with the most, of which the
    space is; see `wszoo.tuner.searching.builds`.
    Raises `ValueError` where a model or the parent does not have the sites of the space, or the
    parent's weights have other shapes than the model's.
    """

    one_graph = False  # whether what `build` gives is one model, ready to run again

    @checked(build=called, parent=either(model, called), largest=model)
    def __init__(
        self,
        build: Build,
        space: SearchSpace,
        *,
        parent: keras.Model | ParentOf | None = None,
        epochs: int = 1,
        largest: keras.Model | None = None,
    ):
        super().__init__()
        self._make, self.space, self.parent, self.epochs = build, space, parent, epochs
        self.largest = largest
        plans = space if space.count <= LISTED else space.templates().values()
        controls = [space.untied, space.tied]
        self.choices = [space.pattern(plan) for plan in dict.fromkeys([*controls, *plans])]

    def build(self, hp: "keras_tuner.HyperParameters") -> keras.Model:
        keras.utils.set_random_seed(int(hp.values.get(SEED, 0)))
        model = self._make(hp)
        pattern = hp.Choice(PLAN, self.choices)
        plan = fitted_plan(self.space, pattern, model, self.largest)
        source = model if self.parent is None else self._started(model)
        tied = retie(source, plan, weights="mean")
        tied.compile_from_config(model.get_compile_config())
        return tied

    def fit(
        self, hp: "keras_tuner.HyperParameters", model: keras.Model, *args: Any, **settings: Any
    ) -> keras.callbacks.History:
        keras.utils.set_random_seed(int(hp.values.get(SEED, 0)))
        settings["epochs"] = int(hp.values.get(EPOCHS, settings.get("epochs", self.epochs)))
        return trained(model.fit(*args, **settings))

    def loaded(self, hp: "keras_tuner.HyperParameters", model: keras.Model) -> keras.Model:
        """The model of a trial, given what `build` made with the trial's weights in it."""
        return model

    def _started(self, model: keras.Model) -> keras.Model:
        """The model, untied, with the weights of the trained parent."""
        everything = self.space.pattern(self.space.untied)
        untied = retie(model, fitted_plan(self.space, everything, model, self.largest))
        parent = self.parent
        if not isinstance(parent, keras.Model):
            assert parent is not None
            parent = parent(untied)
        check_weights(untied, parent)
        untied.set_weights(parent.get_weights())
        return untied


def check_weights(untied: keras.Model, parent: keras.Model) -> None:
    """Raises `FatalValueError` where the trained parent has weights of other shapes."""
    wanted, held = ([w.shape for w in m.weights] for m in (untied, parent))
    if wanted != held:
        raise keras_tuner.errors.FatalValueError(
            f"the trained parent has weights of other shapes than the model: "
            f"{_differ(wanted, held)}; where hyperparameters change shapes, trials start from "
            "scratch: parent=None"
        )


class Shuffled(keras.utils.PyDataset):
    """Batches of arrays in a new order each epoch, which the seed decides; fit with shuffle=False.

    Keras itself would only shuffle the batches.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, batch_size: int, seed: int):
        super().__init__()
        self.x, self.y, self.batch_size = x, y, batch_size
        self._rounds = batches.rounds(len(x), batches.generator(seed, 23))
        self._order = next(self._rounds)

    def __len__(self) -> int:
        return -(-len(self.x) // self.batch_size)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        rows = self._order[index * self.batch_size : (index + 1) * self.batch_size]
        return self.x[rows], self.y[rows]

    def on_epoch_end(self) -> None:
        self._order = next(self._rounds)


class OneGraph(TieHyperModel):
    """Trains all plans of one compiled model on the graph of its twin, which is traced once.

    What `build` gives is the twin with equal weights in each group (see `TwinTrainer`); `loaded`
    is the model with shared layers. For models that `can_share_a_graph`.
    """

    one_graph = True

    def __init__(
        self,
        model: keras.Model,
        space: SearchSpace,
        *,
        parent: keras.Model | ParentOf | None = None,
        epochs: int = 1,
    ):
        super().__init__(lambda hp: model, space, parent=parent, epochs=epochs)
        self._settings = model.get_compile_config()
        given = keras.saving.deserialize_keras_object(self._settings)
        optimizer = keras.optimizers.get(given.pop("optimizer"))
        source = model if parent is None else self._started(model)
        self._trainer = TwinTrainer(source, optimizer, sites=space.sites, **given)

    def build(self, hp: "keras_tuner.HyperParameters") -> keras.Model:
        plan = self.space.plan(hp.Choice(PLAN, self.choices))
        self._trainer.start(plan, seed=int(hp.values.get(SEED, 0)))
        return self._trainer.model

    def fit(
        self,
        hp: "keras_tuner.HyperParameters",
        model: keras.Model,
        x: np.ndarray,
        y: np.ndarray,
        **settings: Any,
    ) -> keras.callbacks.History:
        """Trains on arrays, in an order of the seed's own.

        TensorFlow's global seed is left alone: setting it drops every function that is ready to
        run, which takes longer than many a short trial.
        """
        seed = int(hp.values.get(SEED, 0))
        random.seed(seed)
        np.random.seed(seed)
        settings["epochs"] = int(hp.values.get(EPOCHS, settings.get("epochs", self.epochs)))
        stream = Shuffled(x, y, settings.pop("batch_size", None) or 32, seed)
        settings = {"validation_batch_size": stream.batch_size, **settings, "shuffle": False}
        return trained(model.fit(stream, **settings))

    def loaded(self, hp: "keras_tuner.HyperParameters", model: keras.Model) -> keras.Model:
        """The model of a trial under its plan, with the weights of the one graph."""
        tied = retie(model, self.space.plan(hp.values[PLAN]))
        tied.compile_from_config(self._settings)
        return tied


def trained(history: keras.callbacks.History) -> keras.callbacks.History:
    """The history of a trial. Raises `FailedTrialError` where something was NaN in every epoch."""
    lost = [name for name, values in history.history.items() if np.isnan(values).all()]
    if lost:
        told = [name for name in lost if name.startswith("val_")] or lost
        raise keras_tuner.errors.FailedTrialError(f"{', '.join(told)} was NaN")
    return history


def can_share_a_graph(model: keras.Model, space: SearchSpace) -> bool:
    """Whether training on the twin is training with shared layers, for a compiled model.

    It is not where the optimizer clips by the norm of all gradients or scales the loss, or where
    layers that may share have regularisers.
    """
    layers = graph.layers_of(model)
    optimizer = model.optimizer
    scaled = isinstance(optimizer, keras.optimizers.LossScaleOptimizer)
    regular = any(
        value
        for site in space.sites
        for key, value in layers[site].get_config().items()
        if key.endswith("_regularizer")
    )
    return not scaled and optimizer.global_clipnorm is None and not regular


def _differ(wanted: list[tuple[int, ...]], held: list[tuple[int, ...]]) -> str:
    if len(wanted) != len(held):
        return f"{len(held)} weights, not {len(wanted)}"
    pairs = zip(wanted, held, strict=True)
    return next(f"{tuple(b)}, not {tuple(a)}" for a, b in pairs if a != b)
