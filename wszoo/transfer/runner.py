"""A transfer run: phase by phase, on cached features wherever they are valid, and resumable."""

import math
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np

from wszoo import training
from wszoo.transfer import cache as feature_cache
from wszoo.transfer.examples import Examples
from wszoo.transfer.extras import inference
from wszoo.transfer.feed import Augment, Feed, view
from wszoo.transfer.freeze import Frozen
from wszoo.transfer.heads import Parts
from wszoo.transfer.phases import FreezePlan, Phase, start_phase
from wszoo.transfer.result import Result
from wszoo.transfer.state import Backup, Keep, Record, Weights
from wszoo.transfer.tasks import Task

START = "start"  # name of the row of the closed-form head
STEPS = 64  # of a head on features in one call: they cost less than the call
ROWS = 256  # of a batch that is not trained on


class Runner:
    """Trains the compiled model of `parts` by a plan; see `wszoo.transfer.run.transfer`."""

    def __init__(
        self,
        parts: Parts,
        task: Task,
        known: Examples,
        plan: FreezePlan,
        *,
        units: int,
        batch_size: int,
        schedule: str,
        cache: Any,
        augment: Augment | None,
        views: int,
        patience: int | None,
        class_weight: Mapping[int, float] | None,
        logs: Path | None,
        folder: Path | None,
        settings: Mapping[str, Any],
        seed: int,
        verbose: int,
    ):
        self.parts, self.task, self.known, self.plan = parts, task, known, plan
        self.units, self.batch_size, self.schedule = units, batch_size, schedule
        self.cache, self.augment, self.views = cache, augment, views
        self.patience, self.class_weight, self.logs = patience, class_weight, logs
        self.seed, self.verbose, self.settings = seed, verbose, settings
        self.backup = Backup(folder)
        self.rate = _rate(parts.model)
        self.record = Record()
        self.best: Weights | None = None
        self._features: dict[tuple[str, int | None], np.ndarray] = {}

    def run(self, name: str, *, probe: bool) -> Result:
        """Trains every phase, or goes on where a run of this folder was killed."""
        if self.backup.folder is not None:
            training.claim(self.backup.folder, self._claim(name))
        begun = self.backup.record()
        if begun is not None:
            self.record = begun
        elif probe and self.task.start is not None:
            self._start_head()
        reasons: dict[str, str | None] = {}
        frozen: dict[str, Frozen] = {}
        done, resumed = 0, begun is None
        for phase in self.plan.phases:
            state = start_phase(self.parts.model, self.plan, phase)
            if not resumed and self._is_current(phase):
                state, resumed = self._take_up(phase), True
            reasons[phase.name] = self.why_not()
            frozen[phase.name] = state
            if resumed and not self._is_over(phase):
                self._fit(phase, done, reasons[phase.name])
                state.verify()
            if resumed and self.best is not None:
                self.parts.model.set_weights(self.best)
                if any(reasons.values()):
                    self._features.clear()
            done += phase.epochs
        last = reasons[phase.name]
        metrics = {split: self._evaluate(split, last) for split in ("validation", "test")}
        return Result(
            self.parts.model, name, self.task, self.known.class_names, self.plan, self.record.rows,
            metrics, reasons, frozen, self.record.stopped,
        )  # fmt: skip

    def why_not(self) -> str | None:
        """Why features of the backbone as it is now may not be kept, or `None` if they may."""
        if self.cache is False:
            return "cache=False"
        with self._below():
            return feature_cache.why_not(
                self.parts.backbone, augment=self.augment, views=self.views
            )

    def _below(self) -> AbstractContextManager:
        """A backbone of which nothing trains works as in use: its dropout is off."""
        layers = self.parts.backbone.layers
        if any(layer.trainable_variables for layer in layers):
            return nullcontext()
        return inference(layers)

    def features(self, split: str, number: int | None = None) -> np.ndarray:
        """Features of a split, or of one of its views, in inference mode."""
        if (split, number) not in self._features:
            folder = None if isinstance(self.cache, bool) or self.cache == "auto" else self.cache
            self._features[split, number] = feature_cache.features(
                self.parts.backbone, self._images(split, number), folder=folder
            )
        return self._features[split, number]

    def _images(self, split: str, number: int | None) -> np.ndarray:
        x = self.known.splits[split][0]
        if number is None or self.augment is None:
            return x
        return view(x, self.augment, self.seed, number)

    def _targets(self, split: str) -> np.ndarray:
        return self.task.encode(self.known.splits[split][1], self.units)

    def _start_head(self) -> None:
        assert self.task.start is not None
        train, held = self.known.targets["train"], self.known.targets["validation"]
        found = self.task.start(
            self.features("train"), train, self.units, (self.features("validation"), held)
        )
        weights = [w for layer in self.parts.layers for w in layer.weights]
        for variable, value in zip(weights, found, strict=True):
            variable.assign(np.reshape(value, variable.shape))
        scores = self._evaluate("validation", None)
        self.record.add({"phase": START, "epoch": 0} | {f"val_{k}": v for k, v in scores.items()})
        if self.patience is not None:
            self.best = [np.array(w) for w in self.parts.model.get_weights()]

    def _is_over(self, phase: Phase) -> bool:
        return phase.name in self.record.stopped or self.record.done(phase.name) >= phase.epochs

    def _is_current(self, phase: Phase) -> bool:
        """Whether the backup was written in this phase, or before the first one."""
        last = self.record.rows[-1]["phase"] if self.record.rows else START
        return last in (phase.name, START)

    def _take_up(self, phase: Phase) -> Frozen:
        model = self.parts.model
        model.optimizer.build(model.trainable_variables)
        self.best = self.backup.read(model, self.record)
        return start_phase(model, self.plan, phase)  # marks of the weights as they are now

    def _fit(self, phase: Phase, first: int, reason: str | None) -> None:
        model = self.parts.model
        model.optimizer.build(model.trainable_variables)
        done = self.record.done(phase.name)
        if self.record.done(phase.name) == 0:
            self.record.waited = 0
        if reason is None:
            x_of: Callable = lambda epoch: self.features("train", self._number(epoch))  # noqa: E731
            held, net = self.features("validation"), None
        else:
            self._features.clear()  # the backbone may be another after this phase
            x_of = lambda epoch: self._images("train", self._number(epoch))  # noqa: E731
            held, net = self._images("validation", None), model
        stream = Feed(x_of, self._targets("train"), self.batch_size, self.seed)
        stream.begin(first + done)
        net = net or self._top(len(stream))
        keep = Keep(
            model,
            self.record,
            self.backup,
            phase=phase.name,
            patience=self.patience,
            best=self.best,
        )
        with self._below():
            net.fit(
                stream,
                epochs=first + phase.epochs,
                initial_epoch=first + done,
                shuffle=False,
                verbose=self.verbose,
                validation_data=(held, self._targets("validation")),
                validation_batch_size=ROWS,
                class_weight=self.class_weight,
                callbacks=[*stream.callbacks, *self._more(phase, first), keep],
            )
        self.best = keep.best

    def _top(self, steps: int) -> keras.Model:
        """The head as a model on features, compiled with the whole model's optimizer."""
        model, top = self.parts.model, self.parts.top
        assert list(map(id, top.trainable_variables)) == list(map(id, model.trainable_variables))
        top.compile(
            model.optimizer,
            loss=self.task.loss(),
            metrics=self.task.metrics(self.units),
            steps_per_execution=min(STEPS, steps),
        )
        return top

    def _number(self, epoch: int) -> int | None:
        if self.augment is None:
            return None
        return epoch % self.views if self.views else epoch

    def _more(self, phase: Phase, first: int) -> list[keras.callbacks.Callback]:
        """Learning rate and logs of a phase."""
        logs = [] if self.logs is None else [keras.callbacks.TensorBoard(str(self.logs))]
        if self.rate is None:
            return logs
        base = phase.learning_rate or self.rate

        def rate(epoch: int, now: float) -> float:
            if self.schedule == "constant":
                return base
            return base * 0.5 * (1 + math.cos(math.pi * (epoch - first) / phase.epochs))

        return [keras.callbacks.LearningRateScheduler(rate), *logs]

    def _evaluate(self, split: str, reason: str | None) -> dict[str, float]:
        if reason is None:
            x, net = self.features(split), self.parts.top
            if not net.compiled:
                net.compile(loss=self.task.loss(), metrics=self.task.metrics(self.units))
        else:
            x, net = self._images(split, None), self.parts.model
        found = net.evaluate(x, self._targets(split), batch_size=ROWS, verbose=0, return_dict=True)
        return {key: float(value) for key, value in found.items()}

    def _claim(self, name: str) -> dict[str, Any]:
        plain = {
            key: value if isinstance(value, str | int | float | None) else repr_of(value)
            for key, value in self.settings.items()
            if key not in ("verbose", "cache", "tensorboard", "resume", "data", "backbone")
        }
        model = self.parts.backbone
        return plain | {
            "backbone": name,
            "freeze": self.plan.to_dict(),
            "data": self.known.fingerprint(),
            "weights": training.fingerprint(model.get_weights()),
        }


def repr_of(value: Any) -> str:
    """A setting as text that is the same in another process."""
    if hasattr(value, "get_config"):
        return f"{type(value).__name__} {value.get_config()}"
    return getattr(value, "__qualname__", None) or getattr(value, "name", None) or str(value)


def _rate(model: keras.Model) -> float | None:
    """The optimizer's learning rate, `None` if it has a schedule of its own."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    rate = optimizer.get_config()["learning_rate"]
    return None if isinstance(rate, dict) else float(rate)
