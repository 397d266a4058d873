"""What a run learns from and is scored on: images, or their features where those are kept."""

from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from typing import Any

import keras
import numpy as np

from wszoo.data.examples import Examples
from wszoo.sharing.surgery.carrying import carry_over
from wszoo.tasks.heads import Parts
from wszoo.tasks.task import Task
from wszoo.transferring.features import cache as feature_cache
from wszoo.transferring.training import processes as distribution
from wszoo.transferring.training.batches import Augment, view
from wszoo.transferring.training.extras import inference
from wszoo.transferring.training.in_graph import Scorer

ROWS = 256  # of a batch that is not trained on


class Material:
    """Images, features, targets and scores of a model's splits; `units` are the head's outputs.

    Under a distribution each process computes all features and scores by itself, on copies of the
    models: what is computed together, a single process cannot read.
    """

    def __init__(
        self,
        parts: Parts,
        task: Task,
        known: Examples,
        units: int,
        *,
        cache: Any,
        augment: Augment | None,
        views: int,
        seed: int,
    ):
        self.parts, self.task, self.known, self.units = parts, task, known, units
        self.cache, self.augment, self.views, self.seed = cache, augment, views, seed
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
            folder = None if isinstance(self.cache, bool) or self.cache == "auto" else self.cache
            with distribution.alone():
                self._features[split, number] = feature_cache.features(
                    self._local("backbone"), self.images(split, number), folder=folder
                )
        return self._features[split, number]

    def forget(self) -> None:
        """Drops the features: the backbone may be another from here on."""
        self._features.clear()

    def images(self, split: str, number: int | None = None) -> np.ndarray:
        """The examples of a split; with augmentation the view of that number."""
        x = self.known.splits[split][0]
        if number is None or self.augment is None:
            return x
        return view(x, self.augment, self.seed, number)

    def targets(self, split: str) -> np.ndarray:
        """As the loss takes them."""
        return self.task.encode(self.known.splits[split][1], self.units)

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
            found = net.evaluate(x, y, batch_size=ROWS, verbose=0, return_dict=True)
        return {key: float(value) for key, value in found.items()}

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
