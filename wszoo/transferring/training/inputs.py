"""What a run learns from and is scored on: images, or their features where those are kept."""

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cached_property

import keras
import numpy as np

from wszoo import private, user_cache
from wszoo.data.examples import Examples
from wszoo.data.streams import Images
from wszoo.sharing.surgery.carrying import carry_over
from wszoo.tasks.heads import Parts
from wszoo.tasks.task import Task
from wszoo.transferring.features import cache as feature_cache
from wszoo.transferring.options import Features
from wszoo.transferring.training import processes as distribution
from wszoo.transferring.training.augment import jittered, view
from wszoo.transferring.training.batches import InOrder
from wszoo.transferring.training.in_graph import Scorer

ROWS = 256  # of a batch that is not trained on
RANDOM = ("rate", "stddev", "dropout", "recurrent_dropout", "_dropout")  # of Keras' layers


class Inputs:
    """Images, features, targets and scores of a model's splits; `units` are the head's outputs.

    Under a distribution each process computes all features and scores by itself, on copies of the
    models: what is computed together, a single process cannot read.
    """

    def __init__(
        self,
        parts: Parts,
        task: Task,
        examples: Examples,
        units: int,
        wanted: Features,
        seed: int = 0,
    ):
        self.parts, self.task, self.examples, self.units = parts, task, examples, units
        self.cache, self.views, self.seed = wanted.cache, wanted.views, seed
        self.augment = jittered if isinstance(wanted.augment, str) else wanted.augment
        self.inside = keras.backend.backend() == "tensorflow"  # heads train inside the graph
        self.spread = distribution.is_on()  # the model is trained over processes or devices
        self._features: dict[tuple[str, int | None], np.ndarray] = {}
        self._copies: dict[str, keras.Model] = {}

    def why_not(self) -> str | None:
        """Why features of the backbone as it is now may not be kept, or `None` if they may."""
        if self.cache is False:
            return "cache=False"
        with self.below():
            return feature_cache.why_not(
                self.parts.backbone, augment=self.augment, views=self.views
            )

    def below(self) -> AbstractContextManager:
        """A backbone of which nothing trains works as in use: its dropout is off."""
        layers = self.parts.backbone.layers
        if any(layer.trainable_variables for layer in layers):
            return nullcontext()
        return inference(layers)

    def features(self, split: str, number: int | None = None) -> np.ndarray:
        """Features of a split, or of one of its views, in inference mode."""
        if (split, number) not in self._features:
            x = self.images(split, number)
            with distribution.alone():
                self._features[split, number] = feature_cache.features(
                    self._local("backbone"), x, folder=self._folder(x)
                )
        return self._features[split, number]

    def _folder(self, x: Images) -> str | os.PathLike[str] | None:
        """Where features are kept, `None` for in memory; those of files are always on disk."""
        if not isinstance(self.cache, bool) and self.cache != "auto":
            return self.cache
        return None if isinstance(x, np.ndarray) else user_cache.folder() / "features"

    def forget(self) -> None:
        """Drops the features: the backbone may be another from here on."""
        self._features.clear()

    def images(self, split: str, number: int | None = None) -> Images:
        """The examples of a split; with augmentation the view of that number."""
        x = self.examples.splits[split][0]
        if number is None or self.augment is None:
            return x
        return view(x, self.augment, self.seed, number)

    def targets(self, split: str) -> np.ndarray:
        """As the loss takes them."""
        return self.task.encode(self.examples.splits[split][1], self.units)

    def number(self, epoch: int) -> int | None:
        """Of the view that an epoch trains on, `None` for the images as they are."""
        if self.augment is None:
            return None
        return epoch % self.views if self.views else epoch

    def score(self, split: str, *, kept: bool) -> dict[str, float]:
        """Loss and metrics of the model as it is, from kept features or from images."""
        y = self.targets(split)
        if kept and self.inside:
            return self._scorer.score(self.features(split), y)
        x = self.features(split) if kept else self.images(split)
        with distribution.alone():
            net = self._local("top" if kept else "model")
            if not net.compiled:
                net.compile(loss=self.task.loss(), metrics=self.task.metrics(self.units))
            given = (x, y, ROWS) if isinstance(x, np.ndarray) else (InOrder(x, y),)
            scores = net.evaluate(*given, verbose=0, return_dict=True)
        return {name: float(value) for name, value in scores.items()}

    @cached_property
    def _scorer(self) -> Scorer:
        return Scorer(self.parts.top, self.task.loss(), self.task.metrics(self.units))

    def _local(self, part: str) -> keras.Model:
        """A part of the model; of one that is trained over processes a copy, as it is now."""
        model: keras.Model = getattr(self.parts, part)
        if not self.spread:
            return model
        if part not in self._copies:
            self._copies[part] = keras.models.clone_model(model)
        copy = self._copies[part]
        carry_over([model], copy)
        for mine, theirs in zip(copy.weights, model.weights, strict=True):
            mine.regularizer = theirs.regularizer  # which L2-SP changes
        return copy


@contextmanager
def inference(layers: Iterable[keras.Layer]) -> Iterator[None]:
    """Within the block, dropout and noise of these layers are off, as when the model is used.

    A frozen backbone gives the same features in every epoch then, cached or not. Takes effect in
    models that are compiled in the block.
    """
    off = [
        (layer, name, vars(layer)[name])
        for outer in layers
        for layer in private.parts_of(outer)
        for name in RANDOM
        if isinstance(vars(layer).get(name), float) and vars(layer)[name] > 0
    ]
    try:
        for layer, name, _ in off:
            setattr(layer, name, 0.0)
        yield
    finally:
        for layer, name, rate in off:
            setattr(layer, name, rate)
