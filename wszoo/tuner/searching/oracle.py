"""TieOracle: KerasTuner's oracle over plans.

Killed at any moment, a search loses at most the trials that were running: files appear whole, and
what is read again is put right by the trials' own files. A worker that died is no loss either: its
trial goes to another once nothing else is left to do and it has been silent for too long.
"""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import keras_tuner

from wszoo import checks, checksums, private
from wszoo.arguments import checked
from wszoo.files import written_whole
from wszoo.tuner.searching.schedule import Run, Schedule, Value, Values

# Names of values in a trial. OTHERS spells the user's own as they were drawn: KerasTuner adds
# defaults to a trial's values later, and a trial must stay the run that it is.
PLAN, EPOCHS, SEED, OTHERS = "plan", "tuner/epochs", "tuner/seed", "tuner/others"


_OBJECTIVES = (str, list, keras_tuner.Objective)


def _objective(name: str, value: object) -> object:
    """A metric's name whose direction KerasTuner knows, an `Objective`, or several."""
    try:
        keras_tuner.Oracle(objective=checks.kind(name, value, _OBJECTIVES, "a metric"))
        return value
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be a metric as fit logs it, such as 'val_accuracy', or a KerasTuner "
            f"Objective; received {checks.shown(value)}"
        ) from error


class TieOracle(keras_tuner.Oracle):
    """Hands out the runs of a `Schedule` as trials; the plan is the value `plan`, a pattern.

    A trial's values also hold `tuner/epochs` and `tuner/seed`; other hyperparameters of the user's
    are drawn for all but controls and templates, which have their defaults. `patience`, in seconds,
    is how long a worker may be silent, or thrice the longest trial so far if that is more, before
    its trial is another's.
    """

    end_order: list[str]  # KerasTuner's, of names of trials
    start_order: list[str]

    @checked(objective=_objective)
    def __init__(
        self,
        schedule: Schedule,
        objective: str | list[str | keras_tuner.Objective] | keras_tuner.Objective,
        *,
        patience: float = 60.0,
        **settings: object,
    ):
        self._tuners: set[str] = set()
        self._heard: dict[str, float] = {}
        self._begun: dict[str, float] = {}
        self._longest = 0.0
        self.patience = patience
        super().__init__(objective=objective, seed=schedule.seed + 1, **settings)
        self.schedule = schedule

    # -- which trial ----------------------------------------------------------------------------

    def populate_space(self, trial_id: str) -> dict[str, object]:
        runs = self.schedule.generation(self.results(), self._others)
        if not runs:
            return {"status": "STOPPED"}
        issued = {run_of(trial) for trial in self.trials.values()}
        for run in runs:
            if run not in issued:
                own = {EPOCHS: run.epochs, SEED: run.seed, OTHERS: json.dumps(run.others)}
                # What is not set, KerasTuner would draw.
                values = {PLAN: run.pattern, **self._defaults(), **dict(run.others), **own}
                return {"status": "RUNNING", "values": values}
        return {"status": "IDLE"}

    def results(self) -> dict[Run, float | None]:
        """Scores of the trials that have ended, smaller is better; `None` of those that failed."""
        sign = -1.0 if self.objective.direction == "max" else 1.0
        ended: dict[Run, float | None] = {}
        for trial in self.trials.values():
            if trial.status == "COMPLETED":
                ended[run_of(trial)] = sign * trial.score
            elif trial.status == "FAILED":
                ended[run_of(trial)] = None
        return ended

    def _others(self, rng: random.Random) -> Values:
        return self._values(lambda hp: hp.random_sample(rng.randrange(2**31)))

    def _defaults(self) -> Values:
        return self._values(lambda hp: hp.default)

    def _values(
        self, value_of: Callable[["keras_tuner.engine.hyperparameters.HyperParameter"], Value]
    ) -> Values:
        """The user's own hyperparameters, those that are active, each with a value."""
        values = keras_tuner.HyperParameters()
        for hp in self.hyperparameters.space:
            if hp.name != PLAN:
                values.merge([hp])
                if values.is_active(hp):
                    values.values[hp.name] = value_of(hp)
        return values.values

    # -- workers that vanish --------------------------------------------------------------------

    @property
    def tuner_ids(self) -> set[str]:
        """Workers heard of lately or at work; the chief waits for these before it leaves."""
        silent = {t for t in self._tuners if not self._alive(t) and t not in self.ongoing_trials}
        self._tuners -= silent
        return self._tuners

    @tuner_ids.setter
    def tuner_ids(self, value: set[str]) -> None:
        self._tuners = set(value)

    def _alive(self, tuner_id: str) -> bool:
        limit = max(self.patience, 3 * self._longest)
        return time.monotonic() - self._heard.get(tuner_id, 0.0) < limit

    @keras_tuner.synchronized
    def create_trial(self, tuner_id: str) -> "keras_tuner.engine.trial.Trial":
        """As KerasTuner's; the trial of a tuner that died goes to the one that asks."""
        self._heard[tuner_id] = time.monotonic()
        trial = super().create_trial(tuner_id)
        if trial.status == "IDLE":
            for other, theirs in list(self.ongoing_trials.items()):
                if not self._alive(other):
                    del self.ongoing_trials[other]
                    self._tuners.discard(other)
                    self.ongoing_trials[tuner_id] = trial = theirs
                    break
        if trial.status == "RUNNING":
            self._begun[trial.trial_id] = time.monotonic()
        return trial

    @keras_tuner.synchronized
    def end_trial(self, trial: "keras_tuner.engine.trial.Trial") -> None:
        """As KerasTuner's; a worker that comes back after it was given up changes nothing."""
        for tuner_id, theirs in self.ongoing_trials.items():
            if theirs.trial_id == trial.trial_id:
                self._heard[tuner_id] = time.monotonic()
        if trial.trial_id in self.end_order:
            return  # a worker given up for dead came back; another has done its trial
        begun = self._begun.get(trial.trial_id, time.monotonic())
        self._longest = max(self._longest, time.monotonic() - begun)
        super().end_trial(trial)

    # -- trials that fail -----------------------------------------------------------------------

    def failures(self) -> dict[str, str]:
        """Pattern → why a trial of it failed, in a line."""
        reasons = {}
        for trial in self.trials.values():
            if trial.status == "FAILED":
                lines = (trial.message or f"{self.objective.name} was NaN").strip().splitlines()
                reasons[run_of(trial).pattern] = lines[-1].rpartition("FailedTrialError: ")[2]
        return reasons

    def _check_consecutive_failures(self) -> None:
        """KerasTuner gives up after some in a row; here some plans may fail, but not all."""
        ended = [self.trials[name].status for name in self.end_order]
        if len(ended) >= self.max_consecutive_failed_trials and set(ended) == {"FAILED"}:
            raise keras_tuner.errors.FatalValueError(
                f"all {len(ended)} trials so far failed: {told(self.failures())}. Train one "
                "model by hand to see why; where a loss is NaN, try a smaller learning rate"
            )

    # -- files ----------------------------------------------------------------------------------

    def save(self) -> None:
        checksums.write_json(private.oracle_file(self), self.get_state())

    def _save_trial(self, trial: "keras_tuner.engine.trial.Trial") -> None:
        path = Path(private.trial_folder(self, trial.trial_id)) / "trial.json"
        with written_whole(path) as part:
            part.write_text(checksums.json_with_sum(trial.get_state()))

    def reload(self) -> None:
        """Reads the project again. What a trial's own file says of it counts.

        Raises `ValueError` for files that are not as they were written.
        """
        path = Path(private.oracle_file(self))
        if path.is_file():
            for file in (path, *sorted(path.parent.glob("trial_*/trial.json"))):
                intact(file, checksums.read_json)
            intact(path, lambda _: super(TieOracle, self).reload())
        self.end_order = [*self.end_order, *sorted(self._ended() - set(self.end_order))]
        self.start_order = [*self.start_order, *sorted(set(self.trials) - set(self.start_order))]
        self._retry_queue = sorted(set(self.trials) - self._ended(), reverse=True)

    def _ended(self) -> set[str]:
        done = ("COMPLETED", "FAILED")
        return {name for name, trial in self.trials.items() if trial.status in done}


def intact(path: Path, check: Callable[[Path], object]) -> None:
    """Raises `ValueError` with what to do where a file of a search is not as it was written."""
    try:
        check(path)
    except Exception as error:  # KerasTuner raises whatever another object there suggests
        raise ValueError(
            f"{str(path)!r} cannot be read ({error!r}); remove the folder of the search to start "
            "anew"
        ) from error


def told(failures: dict[str, str]) -> str:
    """Reasons, each with the plans that failed for it."""
    reasons = dict.fromkeys(failures.values())
    return "; ".join(
        f"{reason} ({', '.join(p for p, why in failures.items() if why == reason)})"
        for reason in reasons
    )


def run_of(trial: "keras_tuner.engine.trial.Trial") -> Run:
    """The run that a trial is."""
    values = trial.hyperparameters.values
    others = tuple((name, value) for name, value in json.loads(values[OTHERS]))
    return Run(values[PLAN], values[EPOCHS], values[SEED], others)
