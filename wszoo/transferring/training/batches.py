"""Batches whose order depends on the seed and the epoch alone, and shares of batches."""

from collections.abc import Callable

import keras
import numpy as np

from wszoo import batches
from wszoo.data.streams import Images, InTurn, in_parts

ROWS = 64  # of a batch of files that is not trained on


class Feed(keras.utils.PyDataset):
    """Shuffled batches of `x_of(epoch)` and `y`; give `feed.callbacks` to `fit`.

    All batches are of one size, at most `batch_size`, so that a step is compiled once; the few
    examples that are left over are others in each epoch. `x_of` gives all examples, in y's order.
    """

    def __init__(
        self,
        x_of: Callable[[int], Images],
        y: np.ndarray,
        batch_size: int,
        seed: int,
        *,
        multiple: int = 1,
    ):
        super().__init__()
        self._x_of, self._y, self._seed = x_of, y, seed
        self.batch_size = batches.even_size(len(y), batch_size, multiple)
        self._epoch = -1
        self.begin(0)

    def __len__(self) -> int:
        return len(self._y) // self.batch_size

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self._x[index], self._y[self._parts[index]]

    def begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Takes up the order and the examples of an epoch."""
        if epoch == self._epoch:
            return
        self._epoch = epoch
        order = batches.order(len(self._y), self._seed, epoch)
        self._parts = [*order[: len(self) * self.batch_size].reshape(len(self), -1)]
        self._x = InTurn(self._x_of(epoch), self._parts)

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """What `fit` is given with the data, so that each epoch has its own."""
        return [keras.callbacks.LambdaCallback(on_epoch_begin=self.begin)]


class InOrder(keras.utils.PyDataset):
    """Batches of x and `y` in their own order, every example once."""

    def __init__(self, x: Images, y: np.ndarray):
        super().__init__()
        self._y, self._parts = y, in_parts(len(y), ROWS)
        self._x = InTurn(x, self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self._x[index], self._y[self._parts[index]]


class Share(keras.utils.PyDataset):
    """Those rows of another data set's batches that `rows`, of a batch's size, gives."""

    def __init__(self, data: keras.utils.PyDataset, rows: Callable[[int], slice]):
        super().__init__(
            workers=data.workers,
            use_multiprocessing=data.use_multiprocessing,
            max_queue_size=data.max_queue_size,
        )
        self._data, self._rows = data, rows

    def __len__(self) -> int:
        return len(self._data)

    @property
    def num_batches(self) -> int | None:
        return self._data.num_batches

    def __getitem__(self, index: int) -> object:
        batch = self._data[index]
        rows = self._rows(len(keras.tree.flatten(batch)[0]))
        return keras.tree.map_structure(lambda array: array[rows], batch)

    def on_epoch_begin(self) -> None:
        self._data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self._data.on_epoch_end()
