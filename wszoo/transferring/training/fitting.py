"""One phase of a run: the head on features that are kept, or the whole model on images."""

import math
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from wszoo.batches import even_size
from wszoo.data.streams import Images
from wszoo.transferring.freezing.freeze_plan import Phase
from wszoo.transferring.keywords import Options
from wszoo.transferring.training.batches import Feed, InOrder
from wszoo.transferring.training.in_graph import HeadTrainer, fit_epochs, order_of
from wszoo.transferring.training.inputs import ROWS, Inputs
from wszoo.transferring.training.optimizer import rate_of
from wszoo.transferring.training.processes import Processes

STEPS = 64  # of a head on features in one call: they cost less than the call


class Fitting:
    """Fits the compiled model of `inputs`, or its head alone; `class_weight` by class."""

    def __init__(
        self,
        inputs: Inputs,
        wanted: Options,
        class_weight: dict[int, float] | None,
        processes: Processes,
    ):
        self.inputs, self.wanted = inputs, wanted.training
        self.class_weight, self.processes = class_weight, processes
        self.rate = rate_of(inputs.parts.model)
        logs = wanted.running.tensorboard
        self.logs = Path(logs) if logs is not None and processes.chief else None
        self.verbose = wanted.running.verbose if processes.chief else 0

    def fit(
        self, phase: Phase, first: int, done: int, keep: keras.callbacks.Callback, *, kept: bool
    ) -> None:
        """Trains what is left of a phase that begins at the epoch `first`, `done` of it are done.

        `kept`: on features that are kept. `keep` is called after every epoch, last of all.
        """
        epochs = range(first + done, first + phase.epochs)
        callbacks = [*self._callbacks(phase, first), keep]
        with self.inputs.below():
            if kept and self.inputs.inside:
                self._fit_inside(epochs, callbacks)
            else:
                self._fit_batches(epochs, callbacks, kept=kept)

    def _fit_inside(self, epochs: range, callbacks: list[keras.callbacks.Callback]) -> None:
        """On kept features, a whole epoch a call."""
        inputs, seed = self.inputs, self.inputs.seed
        y = inputs.targets("train")
        size = even_size(len(y), self.wanted.batch_size)
        fit_epochs(
            HeadTrainer(self._top(jit_compile=False), y, self._example_weights()),
            lambda epoch: inputs.features("train", inputs.number(epoch)),
            lambda epoch: order_of(len(y), epoch, size, seed).reshape(-1, size),
            lambda: inputs.score("validation", kept=True),
            epochs=epochs,
            callbacks=callbacks,
            verbose=self.verbose,
        )

    def _fit_batches(
        self, epochs: range, callbacks: list[keras.callbacks.Callback], *, kept: bool
    ) -> None:
        """Batch by batch: the head on kept features, or the whole model on images."""
        inputs, multiple = self.inputs, self.processes.multiple
        part = inputs.features if kept else inputs.images

        def x_of(epoch: int) -> Images:
            return part("train", inputs.number(epoch))

        size = self.wanted.batch_size
        feed = Feed(x_of, inputs.targets("train"), size, inputs.seed, multiple=multiple)
        feed.begin(epochs.start)
        net = inputs.parts.model
        if kept:
            net = self._top(steps_per_execution=min(STEPS, len(feed)))
        extra: list[keras.callbacks.Callback] = []
        x, y = part("validation", None), inputs.targets("validation")
        held: tuple[np.ndarray, np.ndarray] | InOrder | None
        held = (x, y) if isinstance(x, np.ndarray) else InOrder(x, y)
        if inputs.spread:
            extra, held = [_Validation(lambda: inputs.score("validation", kept=kept))], None
        net.fit(
            self.processes.part(feed),
            epochs=epochs.stop,
            initial_epoch=epochs.start,
            shuffle=False,
            verbose=self.verbose,
            validation_data=held,
            validation_batch_size=ROWS,
            class_weight=self.class_weight,
            callbacks=[*feed.callbacks, *extra, *callbacks],
        )

    def _top(self, **calls: int) -> keras.Model:
        """The head as a model on features, compiled with the whole model's optimizer."""
        inputs = self.inputs
        model, top = inputs.parts.model, inputs.parts.top
        assert list(map(id, top.trainable_variables)) == list(map(id, model.trainable_variables))
        loss, metrics = inputs.task.loss(), inputs.task.metrics(inputs.units)
        top.compile(model.optimizer, loss=loss, metrics=metrics, **calls)
        return top

    def _example_weights(self) -> np.ndarray | None:
        if self.class_weight is None:
            return None
        labels = self.inputs.examples.targets["train"]
        return np.array([self.class_weight[label] for label in labels], "float32")

    def _callbacks(self, phase: Phase, first: int) -> list[keras.callbacks.Callback]:
        """Learning rate and logs of a phase."""
        logs = [] if self.logs is None else [keras.callbacks.TensorBoard(str(self.logs))]
        if self.rate is None:
            return logs
        base = phase.learning_rate or self.rate

        def rate(epoch: int, now: float) -> float:
            if self.wanted.schedule == "constant":
                return base
            return base * 0.5 * (1 + math.cos(math.pi * (epoch - first) / phase.epochs))

        return [keras.callbacks.LearningRateScheduler(rate), *logs]


class _Validation(keras.callbacks.Callback):
    """Puts scores of validation into the logs that the callbacks after it see."""

    def __init__(self, score: Callable[[], dict[str, float]]):
        super().__init__()
        self.score = score

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None  # Keras gives them, and others read what is put there
        logs.update({f"val_{name}": value for name, value in self.score().items()})
