"""Steps of a training run that can be killed at any moment and goes on as if it had not been.

The data of an epoch depend on the seed and the epoch alone, the learning rate on the optimizer's
step count, and the backup appears whole: so a run that goes on ends as an unbroken one.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import keras
import numpy as np

from wszoo import batches, checksums, private, tasks
from wszoo.arguments import (
    any_array,
    checked,
    each,
    either,
    mapping,
    number_of,
    of_class,
    one_word,
    seed,
)
from wszoo.files import written_whole
from wszoo.sharing.files.writing import write_weights
from wszoo.tasks.task import scored

if TYPE_CHECKING:
    from wszoo.data.source import Source

SPLITS = ("train", "validation", "test")
DIGITS = 5  # of a metric in a card
Epoch = tuple[np.ndarray, np.ndarray]  # x and y of one epoch, in order


class EpochData(keras.utils.PyDataset):
    """Batches of epochs that a function makes: `make(epoch) -> (x, y)`, both with all examples.

    The next epoch is made in the background while the current one trains. A batch larger than the
    epoch is the epoch; a last one that is not full is left out, so every step costs the same. Give
    `data.callbacks` to `fit`, with `shuffle=False`. Raises `ValueError` for a batch size below 1.
    """

    @checked()
    def __init__(self, make: Callable[[int], Epoch], batch_size: int, examples: int, epochs: int):
        super().__init__()
        self.batch_size = batches.fitting(batch_size, examples)
        self.examples, self.epochs = examples, epochs
        self._make, self._pool, self._made = make, ThreadPoolExecutor(1), dict[int, Future]()
        self._epoch = 0

    def __len__(self) -> int:
        return self.examples // self.batch_size

    def __getitem__(self, index: int) -> Epoch:
        x, y = self._views(self._epoch).result()
        rows = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return x[rows], y[rows]

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """What `fit` is given with the data, so that each epoch has its own."""
        begin = keras.callbacks.LambdaCallback(on_epoch_begin=self._begin)
        return [begin, keras.callbacks.LambdaCallback(on_epoch_end=check_finite)]

    def _begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._epoch = epoch
        self._made = {k: v for k, v in self._made.items() if k >= epoch}
        self._views(epoch)
        if epoch + 1 < self.epochs:
            self._views(epoch + 1)

    def _views(self, epoch: int) -> Future:
        if epoch not in self._made:
            self._made[epoch] = self._pool.submit(self._make, epoch)
        return self._made[epoch]


class Resume(keras.callbacks.BackupAndRestore):
    """Keras' `BackupAndRestore`, with a backup that appears whole.

    Weights and optimizer are written under another name and renamed; the epoch is the optimizer's
    step count over the steps of an epoch, so the two cannot disagree whenever a run is killed.
    """

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        path = Path(private.backup_path(self))
        if not path.is_file():
            return
        try:
            checksums.check_seal(path)
            super().on_train_begin(logs)
        except (OSError, KeyError, ValueError) as error:
            raise ValueError(
                f"the backup {str(path)!r} cannot be read or is of another model ({error}); remove "
                "its folder to start anew"
            ) from error
        done = int(keras.ops.convert_to_numpy(self.model.optimizer.iterations))
        private.begin_at(self.model, done // self.params["steps"])

    def _save_model(self) -> None:
        with written_whole(Path(private.backup_path(self))) as part:
            write_weights(self.model, part)
            checksums.seal(part)


@checked(warmup=number_of)
def cosine(
    learning_rate: float, steps: int, *, warmup: int = 0
) -> keras.optimizers.schedules.CosineDecay:
    """A cosine schedule to zero over `steps`, after a linear warm-up (Loshchilov & Hutter 2017)."""
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else learning_rate,
        decay_steps=max(1, steps - warmup),
        warmup_target=learning_rate if warmup else None,
        warmup_steps=warmup,
    )


def check_finite(epoch: int | str, logs: Mapping[str, float] | None = None) -> None:
    """Raises `ValueError` at the end of an epoch, or of what is said in words, whose loss is no
    number: the training diverged, and what comes after it is no number either."""
    logs, where = logs or {}, f"epoch {epoch}" if isinstance(epoch, int) else epoch
    if lost := [k for k, v in logs.items() if k.endswith("loss") and not np.isfinite(v)]:
        raise ValueError(
            f"training diverged: {lost[0]} is {logs[lost[0]]} in {where}. Nothing of it is "
            "kept; lower the learning rate, and look at the data for values that are too large"
        )


@checked(source=of_class("Source"), task=scored, split=one_word(*SPLITS))
def evaluate(
    model: keras.Model, source: "Source", task: str, *, split: str = "test", noise: float = 0.0
) -> dict[str, float]:
    """Scores on a split of a source, by name: see `score`.

    With `noise` an autoencoder is also scored on restoring inputs with so much of it (`noisy`).
    """
    x, y = source.arrays(split)
    name, value = score(model.predict(x, batch_size=256, verbose=0), x, y, task)
    if not np.isfinite(value):
        raise ValueError(f"{model.name!r} has the {split} {name} {value}: its training diverged")
    scores = {f"{split}_{name}": value}
    if noise:
        restored = model.predict(noisy(x, noise), batch_size=256, verbose=0)
        scores[f"{split}_denoised_{name}"] = score(restored, x, y, task)[1]
    return scores


@checked(seed=either(seed, each(seed), of_class("Generator")))
def noisy(
    x: np.ndarray, sd: float, seed: int | Sequence[int] | np.random.Generator = 0
) -> np.ndarray:
    """`x` with Gaussian noise of standard deviation `sd` (Vincent et al. 2010); not clipped."""
    return x + np.random.default_rng(seed).normal(0, sd, x.shape).astype("float32")


@checked(outputs=any_array, task=scored)
def score(outputs: np.ndarray, x: np.ndarray, y: np.ndarray, task: str) -> tuple[str, float]:
    """A task's metric and its value: the mean of `scores`."""
    name, each = scores(outputs, x, y, task)
    return name, float(np.mean(each))


def scores(outputs: np.ndarray, x: np.ndarray, y: np.ndarray, task: str) -> tuple[str, np.ndarray]:
    """A task's metric and its value for each example, float64 `(n,)`; see `wszoo.tasks`: whether a
    classifier `(n, classes)` is right, the mean squared error of a reconstruction of `x`, nats a
    token of a language model."""
    scored = tasks.find(task, score=True)
    assert scored.score is not None
    return scored.metric, scored.score(outputs, x, y)


@checked(scores=each(mapping))
def spread(scores: list[dict]) -> dict:
    """For each metric the first run's value, and mean and standard deviation over the runs."""
    table = {}
    for key in scores[0]:
        values = [score[key] for score in scores]
        table[key] = {
            "value": round(values[0], DIGITS),
            "mean": round(float(np.mean(values)), DIGITS),
            "sd": round(float(np.std(values, ddof=1)), DIGITS) if len(values) > 1 else None,
            "seeds": len(values),
        }
    return table
