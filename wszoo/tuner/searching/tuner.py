"""TieTuner: KerasTuner's tuner with files that appear whole."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import keras
import keras_tuner

from wszoo import checksums, private
from wszoo.files import written_whole
from wszoo.sharing.files.writing import write_weights
from wszoo.tuner.searching.oracle import TieOracle, intact

IDLE = 0.2  # seconds a worker waits before it asks again


class TieTuner(keras_tuner.Tuner):
    """KerasTuner's tuner with files that appear whole, and without the need for TensorBoard.

    `report(oracle)` is called after each trial.
    """

    def __init__(
        self,
        *args: object,
        report: Callable[[TieOracle], None] = lambda oracle: None,
        **settings: object,
    ):
        self._report = report
        super().__init__(*args, **settings)

    def pre_create_trial(self) -> None:
        """Lets a worker wait a moment before it asks its chief for a trial."""
        if private.is_worker(self):
            time.sleep(IDLE)  # the chief answers at once, also that there is nothing to do yet

    def on_trial_begin(self, trial: "keras_tuner.engine.trial.Trial") -> None:
        """As KerasTuner's; reports what was found so far."""
        super().on_trial_begin(trial)
        if not private.is_worker(self):
            self._report(self.oracle)

    def on_trial_end(self, trial: "keras_tuner.engine.trial.Trial") -> None:
        super().on_trial_end(trial)
        if not private.is_worker(self):
            self._report(self.oracle)

    def save(self) -> None:
        if not private.is_worker(self):
            self.oracle.save()
        checksums.write_json(private.tuner_file(self), self.get_state())

    def reload(self) -> None:
        """As KerasTuner's. Raises `ValueError` for a file that is not as it was written."""
        intact(Path(private.tuner_file(self)), checksums.read_json)
        super().reload()

    def run_trial(
        self, trial: "keras_tuner.engine.trial.Trial", *args: object, **kwargs: object
    ) -> object:
        histories = super().run_trial(trial, *args, **kwargs)
        if (path := Path(private.trial_weights(self, trial.trial_id))).is_file():
            checksums.seal(path)
        return histories

    def _try_build(self, hp: "keras_tuner.HyperParameters") -> keras.Model:
        """KerasTuner clears Keras' session before it builds; a graph in use must stay ready."""
        if getattr(self.hypermodel, "one_graph", False):
            return self.hypermodel.build(hp)
        return super()._try_build(hp)

    def _build_and_fit_model(
        self, trial: "keras_tuner.engine.trial.Trial", *args: object, **settings: Any
    ) -> object:
        """With KerasTuner's callback for the best epoch's weights writing them whole."""
        for callback in settings["callbacks"]:
            if type(callback).__name__ == "SaveBestEpoch":
                private.saves_by(callback, partial(_save_best, callback))
        return super()._build_and_fit_model(trial, *args, **settings)

    def _run_and_update_trial(
        self, trial: "keras_tuner.engine.trial.Trial", *args: object, **settings: object
    ) -> None:
        """A disk that fails ends the search: it says nothing of the plan."""
        try:
            super()._run_and_update_trial(trial, *args, **settings)
        except OSError as error:
            raise DiskError(*error.args) from error

    def load_model(self, trial: "keras_tuner.engine.trial.Trial") -> keras.Model:
        """The trained model of a trial, its layers shared as its plan says.

        Raises `ValueError` where the trial's weights are not as they were written.
        """
        intact(Path(private.trial_weights(self, trial.trial_id)), checksums.check_seal)
        return self.hypermodel.loaded(trial.hyperparameters, super().load_model(trial))

    def _configure_tensorboard_dir(
        self,
        callbacks: list[keras.callbacks.Callback],
        trial: "keras_tuner.engine.trial.Trial",
        execution: int = 0,
    ) -> None:
        """KerasTuner imports tensorboard whether or not it is asked for; here only if it is."""
        if not any(type(callback).__name__ == "TensorBoard" for callback in callbacks):
            return
        try:
            super()._configure_tensorboard_dir(callbacks, trial, execution)
        except ModuleNotFoundError as error:
            raise keras_tuner.errors.FatalValueError(
                f"the TensorBoard callback needs {error.name!r}: pip install tensorboard"
            ) from error


class DiskError(keras_tuner.errors.FatalError, OSError):
    """An `OSError` that KerasTuner does not take for a trial that failed."""


def _save_best(callback: keras.callbacks.Callback) -> None:
    with written_whole(callback.filepath) as part:
        write_weights(callback.model, part)
