"""The record of a run, and its backup: one file that appears whole at the end of each epoch.

Weights, optimizer and record are in one file, so they cannot disagree whenever a run is killed.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import h5py
import keras
import numpy as np

from wszoo import checksums, declared
from wszoo.files import written_whole
from wszoo.sharing.files.writing import write_weights
from wszoo.training import check_finite
from wszoo.transferring.training import processes as distribution

_RECORD = "wszoo_record"
Weights = list[np.ndarray]


@dataclass
class Record:
    """What a run has done: a row an epoch, the best of them, and phases that ended early."""

    rows: list[dict] = field(default_factory=list)
    best: int | None = None
    waited: int = 0
    stopped: list[str] = field(default_factory=list)
    kept: bool = False  # whether the best weights are in a file of their own

    def done(self, phase: str) -> int:
        """Epochs of a phase that are done."""
        return sum(row["phase"] == phase for row in self.rows)

    def add(self, row: dict) -> bool:
        """Adds a row; whether it has the least validation loss so far.

        Raises `ValueError` for a loss that is no number: what comes after it is none either.
        """
        check_finite(f"epoch {row['epoch']} of phase {row['phase']!r}", row)
        self.rows.append(row)
        value = row["val_loss"]
        better = self.best is None or value < self.rows[self.best]["val_loss"]
        self.waited = 0 if better else self.waited + 1
        self.best = len(self.rows) - 1 if better else self.best
        return better


class Backup:
    """A run's folder; with `folder=None`, or `writes=False`, nothing is written."""

    def __init__(self, folder: Path | None, *, writes: bool = True):
        self.folder, self.writes = folder, writes

    @property
    def path(self) -> Path | None:
        """The file of weights, optimizer and record; `None` without a folder."""
        return self.folder and self.folder / "state.weights.h5"

    def record(self) -> Record | None:
        """The record of a run that was begun here. Raises `ValueError` for a damaged backup."""
        if self.path is None or not self.path.is_file():
            return None
        try:
            checksums.check_seal(self.path)
            with h5py.File(self.path) as file:
                return Record(**json.loads(file[_RECORD][()].tobytes()))
        except (OSError, KeyError, ValueError, TypeError) as error:
            raise self._damaged(self.path, error) from error

    def write(self, model: keras.Model, record: Record, best: Weights | None) -> None:
        """Writes the state at the end of an epoch, and the best weights when they are new."""
        if self.folder is None or self.path is None or not self.writes:
            return
        record.kept = best is not None
        if best is not None and not self._best(record).exists():
            with written_whole(self._best(record)) as part, part.open("wb") as file:
                np.savez(file, *best)
                file.flush()
                checksums.seal(part)
        note = np.frombuffer(json.dumps(asdict(record)).encode(), np.uint8)
        # Keras makes variables while it saves.
        with written_whole(self.path) as part, distribution.alone():
            write_weights(model, part, {_RECORD: note})
            checksums.seal(part)
        for old in self.folder.glob("best_*.npz"):
            if old != self._best(record):
                old.unlink()

    def read(self, model: keras.Model, record: Record) -> Weights | None:
        """Loads weights and optimizer; gives the weights of the best epoch if they were kept."""
        assert self.path is not None
        path = self.path
        try:
            checksums.check_seal(path)
            model.load_weights(path)
            path = self._best(record)
            if not record.kept:
                return None
            checksums.check_seal(path)
            arrays = declared.arrays_of_npz(path)
            return [arrays[f"arr_{i}"] for i in range(len(arrays))]
        except (OSError, KeyError, ValueError) as error:
            raise self._damaged(path, error) from error

    def _best(self, record: Record) -> Path:
        assert self.folder is not None
        return self.folder / f"best_{record.best}.npz"

    def _damaged(self, path: Path, error: Exception) -> ValueError:
        return ValueError(
            f"the backup {str(path)!r} cannot be read or is of another model ({error}); "
            "remove its folder to start anew"
        )


class Keep(keras.callbacks.Callback):
    """Keeps the record of a phase, the best weights, and the backup; stops without progress.

    `whole` is the model that is kept, of which the trained one may be the upper part.
    """

    def __init__(
        self,
        whole: keras.Model,
        record: Record,
        backup: Backup,
        *,
        phase: str,
        patience: int | None,
        best: Weights | None,
    ):
        super().__init__()
        self.whole, self.record, self.backup = whole, record, backup
        self.phase, self.patience, self.best = phase, patience, best

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        logs = {k: float(v) for k, v in (logs or {}).items() if k != "learning_rate"}
        better = self.record.add({"phase": self.phase, "epoch": epoch, **logs})
        if self.patience is not None:
            if better:
                self.best = [np.array(w) for w in self.whole.get_weights()]
            if self.record.waited >= self.patience:
                self.record.stopped.append(self.phase)
                self.model.stop_training = True
        self.backup.write(self.whole, self.record, self.best)
