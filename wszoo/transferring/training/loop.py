"""A transfer run: phase by phase, on cached features wherever they are valid, and resumable."""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import keras
import numpy as np

from wszoo.claims import claimed
from wszoo.sharing.about import describe
from wszoo.transferring.freezing.freeze import Frozen
from wszoo.transferring.freezing.plan import FreezePlan, Phase, start_phase
from wszoo.transferring.result import Result, notes_of
from wszoo.transferring.training.backup import Backup, Keep, Record, Weights
from wszoo.transferring.training.batches import Feed, even_size
from wszoo.transferring.training.in_graph import Trainer, fit_epochs, order_of
from wszoo.transferring.training.inputs import ROWS, Material
from wszoo.transferring.training.processes import Processes, local_copy

START = "start"  # name of the row of the closed-form head
STEPS = 64  # of a head on features in one call: they cost less than the call


class Runner:
    """Trains the compiled model of `parts` by a plan; see `wszoo.transferring.run.transfer`."""

    def __init__(
        self,
        seen: Material,
        plan: FreezePlan,
        *,
        batch_size: int,
        schedule: str,
        patience: int | None,
        class_weight: Mapping[int, float] | None,
        logs: Path | None,
        folder: Path | None,
        l2_sp: float,
        input_range: Sequence[float] | None,
        notes: tuple[str, ...],
        seed: int,
        verbose: int,
        processes: Processes,
    ):
        self.seen, self.parts, self.task, self.plan = seen, seen.parts, seen.task, plan
        self.batch_size, self.schedule, self.patience = batch_size, schedule, patience
        self.class_weight, self.seed, self.l2_sp = class_weight, seed, l2_sp
        self.logs = logs if processes.chief else None
        self.verbose = verbose if processes.chief else 0
        self.processes = processes
        self.input_range, self.notes = input_range, notes
        self.backup = Backup(folder, writes=processes.chief)
        self.rate = _rate(seen.parts.model)
        self.record = Record()
        self.best: Weights | None = None

    def run(self, name: str, *, probe: bool) -> Result:
        """Trains every phase, or goes on where a run of this folder was killed."""
        self.plan.check(self.parts.model)
        decides, folder = self._decides(name, probe), self.backup.folder
        writes = folder is not None and self.processes.chief  # the others share its folder
        with claimed(folder, decides, "a run") if folder and writes else nullcontext():
            return self._run(name, probe)

    def _run(self, name: str, probe: bool) -> Result:
        begun = self.backup.record()
        self.processes.agree("epochs that a backup holds", len(begun.rows) if begun else 0)
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
            reasons[phase.name] = self.seen.why_not()
            frozen[phase.name] = state
            if resumed and not self._is_over(phase):
                self._fit(phase, done, reasons[phase.name])
                state.verify()
            if resumed and self.best is not None:
                self.parts.model.set_weights(self.best)
                if any(reasons.values()):
                    self.seen.forget()
            done += phase.epochs
        last = reasons[phase.name]
        model = self.parts.model
        metrics = {
            split: self.seen.score(split, kept=last is None) for split in ("validation", "test")
        }
        if self.seen.spread:
            model = local_copy(model)
        describe(model, input_range=self.input_range)
        return Result(
            model, name, self.task, self.seen.known.class_names, self.plan, self.record.rows,
            metrics, reasons, frozen, self.record.stopped,
            (*self.seen.known.notes, *self.notes, *notes_of(model, frozen)),
        )  # fmt: skip

    def _start_head(self) -> None:
        assert self.task.start is not None
        seen, y = self.seen, self.seen.known.targets
        held = seen.features("validation"), y["validation"]
        found = self.task.start(seen.features("train"), y["train"], seen.units, held)
        weights = [w for layer in self.parts.layers for w in layer.weights]
        for variable, value in zip(weights, found, strict=True):
            variable.assign(np.reshape(value, variable.shape))
        scores = seen.score("validation", kept=True)
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
        if done == 0:
            self.record.waited = 0
        keep = Keep(
            model,
            self.record,
            self.backup,
            phase=phase.name,
            patience=self.patience,
            best=self.best,
        )
        epochs = range(first + done, first + phase.epochs)
        callbacks = [*self._more(phase, first), keep]
        if reason is not None:
            self.seen.forget()  # the backbone may be another after this phase
        with self.seen.below():
            if reason is None and self.seen.inside:
                self._fit_inside(epochs, callbacks)
            else:
                self._fit_batches(epochs, callbacks, kept=reason is None)
        self.best = keep.best

    def _fit_inside(self, epochs: range, callbacks: list[keras.callbacks.Callback]) -> None:
        """On kept features, a whole epoch a call."""
        seen = self.seen
        y = seen.targets("train")
        size = even_size(len(y), self.batch_size)
        fit_epochs(
            Trainer(self._top(jit_compile=False), y, self._example_weights()),
            lambda epoch: seen.features("train", seen.number(epoch)),
            lambda epoch: order_of(len(y), epoch, size, self.seed).reshape(-1, size),
            lambda: seen.score("validation", kept=True),
            epochs=epochs,
            callbacks=callbacks,
            verbose=self.verbose,
        )

    def _fit_batches(
        self, epochs: range, callbacks: list[keras.callbacks.Callback], *, kept: bool
    ) -> None:
        """Batch by batch: the head on kept features, or the whole model on images."""
        seen = self.seen
        part = seen.features if kept else seen.images

        def x_of(epoch: int) -> np.ndarray:
            return part("train", seen.number(epoch))

        multiple = self.processes.multiple
        stream = Feed(x_of, seen.targets("train"), self.batch_size, self.seed, multiple=multiple)
        stream.begin(epochs.start)
        net = self.parts.model
        if kept:
            net = self._top(steps_per_execution=min(STEPS, len(stream)))
        extra: list[keras.callbacks.Callback] = []
        held: Any = part("validation", None), seen.targets("validation")
        if seen.spread:
            extra, held = [_Validation(lambda: seen.score("validation", kept=kept))], None
        net.fit(
            self.processes.part(stream),
            epochs=epochs.stop,
            initial_epoch=epochs.start,
            shuffle=False,
            verbose=self.verbose,
            validation_data=held,
            validation_batch_size=ROWS,
            class_weight=self.class_weight,
            callbacks=[*stream.callbacks, *extra, *callbacks],
        )

    def _top(self, **calls: Any) -> keras.Model:
        """The head as a model on features, compiled with the whole model's optimizer."""
        model, top = self.parts.model, self.parts.top
        assert list(map(id, top.trainable_variables)) == list(map(id, model.trainable_variables))
        loss, metrics = self.task.loss(), self.task.metrics(self.seen.units)
        top.compile(model.optimizer, loss=loss, metrics=metrics, **calls)
        return top

    def _example_weights(self) -> np.ndarray | None:
        if self.class_weight is None:
            return None
        labels = self.seen.known.targets["train"]
        return np.array([self.class_weight[label] for label in labels], "float32")

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

    def _decides(self, name: str, probe: bool) -> dict[str, Any]:
        """All that the result depends on. Raises `ValueError` for a batch size below 1."""
        seen, multiple = self.seen, self.processes.multiple
        return {
            "backbone": name,
            "task": self.task,
            "data": seen.known,
            "model": self.parts.model,  # with what it starts from, and how it is compiled
            "freeze": self.plan.to_dict(),
            "batch_size": even_size(len(seen.known.targets["train"]), self.batch_size, multiple),
            "schedule": self.schedule,
            "probe_first": probe,
            "augment": seen.augment,
            "views": seen.views,
            "l2_sp": self.l2_sp,
            "early_stopping": self.patience,
            "class_weight": self.class_weight,
            "seed": self.seed,
        }


class _Validation(keras.callbacks.Callback):
    """Puts scores of validation into the logs that the callbacks after it see."""

    def __init__(self, score: Callable[[], dict[str, float]]):
        super().__init__()
        self.score = score

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        assert logs is not None  # Keras gives them, and others read what is put there
        logs.update({f"val_{name}": value for name, value in self.score().items()})


def _rate(model: keras.Model) -> float | None:
    """The optimizer's learning rate, `None` if it has a schedule of its own."""
    optimizer = getattr(model.optimizer, "inner_optimizer", model.optimizer)
    rate = optimizer.get_config()["learning_rate"]
    return None if isinstance(rate, dict) else float(rate)
