"""A transfer run: phase by phase, on cached features wherever they are valid, and resumable."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np

from wszoo.batches import even_size
from wszoo.claims import claimed
from wszoo.sharing.about import describe
from wszoo.transferring.freezing.freeze import Frozen
from wszoo.transferring.freezing.freeze_plan import FreezePlan, Phase, start_phase
from wszoo.transferring.keywords import Options
from wszoo.transferring.result import Result, notes_of
from wszoo.transferring.training.backup import Backup, Keep, Record, Weights
from wszoo.transferring.training.fitting import Fitting
from wszoo.transferring.training.inputs import Inputs
from wszoo.transferring.training.processes import Processes, local_copy

START = "start"  # name of the row of the closed-form head


class Runner:
    """Trains the compiled model of `inputs` by a freeze plan; see `wszoo.transfer`.

    `class_weight` are weights by class, `input_range` what the model takes, `notes` what was done
    to it before.
    """

    def __init__(
        self,
        inputs: Inputs,
        freeze_plan: FreezePlan,
        wanted: Options,
        *,
        class_weight: dict[int, float] | None,
        input_range: Sequence[float] | None,
        notes: tuple[str, ...],
        processes: Processes,
    ):
        self.inputs, self.freeze_plan, self.wanted = inputs, freeze_plan, wanted
        self.model: keras.Model = inputs.parts.model
        self.patience = wanted.training.early_stopping
        self.input_range, self.notes, self.processes = input_range, notes, processes
        self.fitting = Fitting(inputs, wanted, class_weight, processes)
        folder = wanted.running.resume
        self.backup = Backup(None if folder is None else Path(folder), writes=processes.chief)
        self.record = Record()
        self.best: Weights | None = None

    def run(self, name: str, *, probe: bool) -> Result:
        """Trains every phase, or goes on where a run of this folder was killed."""
        self.freeze_plan.check(self.model)
        decides, folder = self._decides(name, probe), self.backup.folder
        writes = folder is not None and self.processes.chief  # the others share its folder
        with claimed(folder, decides, "a run") if folder and writes else nullcontext():
            return self._run(name, probe)

    def _run(self, name: str, probe: bool) -> Result:
        begun = self.backup.record()
        self.processes.agree("epochs that a backup holds", len(begun.rows) if begun else 0)
        if begun is not None:
            self.record = begun
        elif probe and self.inputs.task.start is not None:
            self._start_head()
        reasons: dict[str, str | None] = {}
        frozen: dict[str, Frozen] = {}
        done, resumed = 0, begun is None
        for phase in self.freeze_plan.phases:
            state = start_phase(self.model, self.freeze_plan, phase)
            if not resumed and self._is_current(phase):
                state, resumed = self._take_up(phase), True
            reasons[phase.name] = self.inputs.why_not()
            frozen[phase.name] = state
            if resumed and not self._is_over(phase):
                self._fit(phase, done, reasons[phase.name])
                state.verify()
            if resumed and self.best is not None:
                self.model.set_weights(self.best)
                if any(reasons.values()):
                    self.inputs.forget()
            done += phase.epochs
        return self._result(name, reasons, frozen)

    def _result(
        self, name: str, reasons: dict[str, str | None], frozen: dict[str, Frozen]
    ) -> Result:
        inputs, model = self.inputs, self.model
        kept = list(reasons.values())[-1] is None
        metrics = {split: inputs.score(split, kept=kept) for split in ("validation", "test")}
        if inputs.spread:
            model = local_copy(model)
        facts = {"input_range": self.input_range, "task": inputs.task.name}
        describe(model, **facts, **inputs.examples.facts)
        return Result(
            model, name, inputs.task, inputs.examples.class_names, self.freeze_plan,
            self.record.rows, metrics, reasons, frozen, self.record.stopped,
            (*inputs.examples.notes, *self.notes, *notes_of(model, frozen)),
        )  # fmt: skip

    def _start_head(self) -> None:
        inputs, y = self.inputs, self.inputs.examples.targets
        assert inputs.task.start is not None
        held = inputs.features("validation"), y["validation"]
        values = inputs.task.start(inputs.features("train"), y["train"], inputs.units, held)
        weights = [w for layer in inputs.parts.layers for w in layer.weights]
        for variable, value in zip(weights, values, strict=True):
            variable.assign(np.reshape(value, variable.shape))
        scores = inputs.score("validation", kept=True)
        self.record.add({"phase": START, "epoch": 0} | {f"val_{k}": v for k, v in scores.items()})
        if self.patience is not None:
            self.best = [np.array(w) for w in self.model.get_weights()]

    def _is_over(self, phase: Phase) -> bool:
        return phase.name in self.record.stopped or self.record.done(phase.name) >= phase.epochs

    def _is_current(self, phase: Phase) -> bool:
        """Whether the backup was written in this phase, or before the first one."""
        last = self.record.rows[-1]["phase"] if self.record.rows else START
        return last in (phase.name, START)

    def _take_up(self, phase: Phase) -> Frozen:
        self.model.optimizer.build(self.model.trainable_variables)
        self.best = self.backup.read(self.model, self.record)
        # Marks of the weights as they are now.
        return start_phase(self.model, self.freeze_plan, phase)

    def _fit(self, phase: Phase, first: int, reason: str | None) -> None:
        self.model.optimizer.build(self.model.trainable_variables)
        done = self.record.done(phase.name)
        if done == 0:
            self.record.waited = 0
        keep = Keep(
            self.model,
            self.record,
            self.backup,
            phase=phase.name,
            patience=self.patience,
            best=self.best,
        )
        if reason is not None:
            self.inputs.forget()  # the backbone may be another after this phase
        self.fitting.fit(phase, first, done, keep, kept=reason is None)
        self.best = keep.best

    def _decides(self, name: str, probe: bool) -> dict[str, object]:
        """All that the result depends on. Raises `ValueError` for a batch size below 1."""
        inputs, training, multiple = self.inputs, self.wanted.training, self.processes.multiple
        examples = len(inputs.examples.targets["train"])
        return {
            "backbone": name,
            "task": inputs.task,
            "data": inputs.examples,
            "model": self.model,  # with what it starts from, and how it is compiled
            "freeze": self.freeze_plan.to_dict(),
            "batch_size": even_size(examples, training.batch_size, multiple),
            "schedule": training.schedule,
            "probe_first": probe,
            "augment": inputs.augment,
            "views": inputs.views,
            "l2_sp": self.wanted.freezing.l2_sp,
            "early_stopping": self.patience,
            "class_weight": self.fitting.class_weight,
            "seed": inputs.seed,
        }
