"""Products of patches and kernels at every position, and their gradients, spelled for CPUs.

What takes the time is not the products but memory: patches are `taps` times the size of the input.
So the batch is innermost, and memory is copied in long runs; patches are gathered in one step and
kept for the kernel's gradient; and the input's gradient never stands as patches. It is a local
product itself, of the outputs' gradient and rearranged kernels, along the first axis, and a sum
over the taps of the second.
"""

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

import numpy as np
from keras import ops

from wszoo.layers.positions import grid_table, readers, windows

if TYPE_CHECKING:
    import keras

# Up to so many columns a matrix of zeros and ones sums the taps: a little faster than a gather at
# 10 to 30 columns, but its work grows with their square.
WIDEST_BAND = 64


class Connections:
    """The local connections of one geometry.

    Args, one or two values, one an axis: `grid` (the padded input's size), `kernel`, `strides`, and
    `tiles`, which must divide the positions. `channels` are the input's.
    """

    def __init__(
        self,
        grid: tuple[int, ...],
        kernel: tuple[int, ...],
        strides: tuple[int, ...],
        tiles: tuple[int, ...],
        channels: int,
    ):
        self.grid, self.channels, self.tiles = (*grid, 1)[:2], channels, (*tiles, 1)[:2]
        self.kernel, self.rank = (*kernel, 1)[:2], len(grid)
        axes = zip(self.grid, self.kernel, (*strides, 1)[:2], strict=True)
        rows, columns = [windows(*axis) for axis in axes]
        self.positions = (len(rows), len(columns))
        self.inside = tuple(n // t for n, t in zip(self.positions, self.tiles, strict=True))
        self.patches = _flat(grid_table(rows[:, None], columns[:, None], sizes=self.grid))
        tile = [np.arange(n) // i for n, i in zip(self.positions, self.inside, strict=True)]
        self.tile = tile[0][:, None] * self.tiles[1] + tile[1]
        # The same in two steps, tile by tile: of the last axis, then of the positions there are.
        self.along = _flat(columns)
        tiled = rows.reshape(self.tiles[0], -1, self.kernel[0])
        read = np.arange(len(columns)).reshape(self.tiles[1], -1, 1)
        self.across = _flat(grid_table(tiled, read, sizes=(self.grid[0], len(columns))))
        self._plan_gradient(rows, columns)

    def _plan_gradient(self, rows: np.ndarray, columns: np.ndarray) -> None:
        """Tables of what each row reads of the outputs and kernels, then each column of its taps.

        Where fewer read a place than the most, the rest read a position beyond the last, whose
        values are zeros.
        """
        (count, width), (taps, across) = self.positions, self.kernel
        reads, positions = readers(rows, self.grid[0]), np.arange(width)[:, None]
        row, tap = (part[:, None] for part in np.divmod(reads, taps))  # (rows, 1, uses)
        self.uses = reads.shape[1]
        outputs = np.minimum(row * width + positions, count * width).reshape(-1, self.uses)
        self.outputs = _flat(np.pad(outputs, ((0, 1), (0, 0)), constant_values=count * width))
        block = across * self.channels
        kernels = (self.tile[np.minimum(row, count - 1), positions] * taps + tap) * block
        kernels = np.pad(kernels.reshape(-1, 1, self.uses), ((0, 1), (0, 0), (0, 0)))
        self.kernels = _flat(kernels + np.arange(block)[:, None])
        sums, size = readers(columns, self.grid[1]), width * across
        each = np.arange(self.grid[0])[:, None, None] * size + sums
        self.columns = _flat(np.where(sums == size, self.grid[0] * size, each))
        self.band = None
        if self.grid[1] <= WIDEST_BAND:
            band = np.arange(self.grid[1])[:, None] == columns.ravel()
            self.band = np.tile(band.astype("float32"), (self.grid[0], 1, 1))

    def __call__(
        self,
        x: "keras.KerasTensor",
        kernel: "keras.KerasTensor",
        *bias: "keras.KerasTensor",
        training: bool,
    ) -> "keras.KerasTensor":
        """In training `(*positions, filters, batch)`, else `(batch, *positions, filters)`.

        Of tensors, not variables: `x (*grid, channels, batch)`, `kernel (tiles, taps × channels,
        filters)` and, where there is one, `bias (tiles, 1, filters)`.
        """

        if not training:  # a gradient of our own would be written into every SavedModel
            return self._batch_first(x, kernel, *bias)

        def connect(
            x: "keras.KerasTensor", kernel: "keras.KerasTensor", *bias: "keras.KerasTensor"
        ) -> tuple["keras.KerasTensor", Callable[..., object]]:
            y, patches = self._batch_last(x, kernel, *bias)

            def gradient(
                *args: "keras.KerasTensor", upstream: "keras.KerasTensor | None" = None
            ) -> tuple["keras.KerasTensor", ...]:
                given = args[0] if upstream is None else upstream
                given = ops.reshape(given, (prod(self.positions), kernel.shape[-1], -1))
                by_bias = [ops.reshape(self._by_bias(given), b.shape) for b in bias]
                by_x = ops.reshape(self._by_input(given, kernel), (*x.shape[:-1], -1))
                return by_x, self._by_kernel(given, patches), *by_bias

            return y, gradient

        return ops.custom_gradient(connect)(x, kernel, *bias)

    def _take_patches(self, x: "keras.KerasTensor") -> "keras.KerasTensor":
        """`(positions, taps × channels, batch)`, in one step."""
        taken = ops.take(ops.reshape(x, (prod(self.grid), -1)), self.patches, axis=0)
        return ops.reshape(taken, (prod(self.positions), prod(self.kernel) * self.channels, -1))

    def _batch_last(
        self, x: "keras.KerasTensor", kernel: "keras.KerasTensor", *bias: "keras.KerasTensor"
    ) -> tuple["keras.KerasTensor", "keras.KerasTensor"]:
        """Layers that follow one another need not turn their values round."""
        patches, filters = self._take_patches(x), kernel.shape[-1]
        each = [kernel, *(ops.swapaxes(b, 1, 2) for b in bias)]
        if prod(self.inside) > 1:
            each = [ops.take(weight, _flat(self.tile), axis=0) for weight in each]
        y = ops.matmul(ops.swapaxes(each[0], -1, -2), patches)
        if bias:
            y = y + each[1]
        return ops.reshape(y, (*self.positions[: self.rank], filters, -1)), patches

    def _batch_first(
        self, x: "keras.KerasTensor", kernel: "keras.KerasTensor", *bias: "keras.KerasTensor"
    ) -> "keras.KerasTensor":
        """For files: each kernel once, on the right, where LiteRT's dynamic range quantisation
        finds it, and patches gathered axis by axis, by small tables."""
        filters, width = kernel.shape[-1], self.positions[1]
        x = ops.take(ops.reshape(x, (*self.grid, -1)), self.along, axis=1)
        x = ops.take(ops.reshape(x, (self.grid[0] * width, -1)), self.across, axis=0)
        tiles, inside, taps = prod(self.tiles), prod(self.inside), kernel.shape[1]
        alone = inside == 1
        patches = ops.reshape(x, (tiles, *(inside,) * (not alone), taps, -1))
        each = ops.reshape(kernel, (tiles, *(1,) * (not alone), taps, filters))
        y = ops.matmul(ops.swapaxes(patches, -1, -2), each)
        for b in bias:  # y: (tiles, [positions in a tile,] batch, filters)
            y = y + ops.reshape(b, (tiles, *(1,) * (2 - alone), filters))
        if alone:
            y = ops.swapaxes(y, 0, 1)
        else:
            y = ops.reshape(y, (*self.tiles, *self.inside, -1, filters))
            y = ops.transpose(y, (4, 0, 2, 1, 3, 5))
        return ops.reshape(y, (-1, *self.positions[: self.rank], filters))

    def _by_bias(self, given: "keras.KerasTensor") -> "keras.KerasTensor":
        """A product with ones: a sum over the batch at the speed of memory."""
        batch, dtype = ops.shape(given)[-1], given.dtype
        ones = ops.ones((batch, 1), dtype)
        return self._sum_tiles(ops.matmul(ops.reshape(given, (-1, batch)), ones))

    def _by_kernel(
        self, given: "keras.KerasTensor", patches: "keras.KerasTensor"
    ) -> "keras.KerasTensor":
        by_position = ops.matmul(patches, ops.swapaxes(given, -1, -2))
        summed = self._sum_tiles(by_position)
        return ops.reshape(summed, (-1, *by_position.shape[1:]))

    def _sum_tiles(self, values: "keras.KerasTensor") -> "keras.KerasTensor":
        """Values of the positions, `(rows × columns, …)`, summed over each tile."""
        if prod(self.inside) == 1:
            return values
        (t, u), (i, j) = self.tiles, self.inside
        return ops.sum(ops.reshape(values, (t, i, u, j, -1)), axis=(1, 3))

    def _by_input(
        self, given: "keras.KerasTensor", kernel: "keras.KerasTensor"
    ) -> "keras.KerasTensor":
        """`given (positions, filters, batch)` → `(rows × columns, channels × batch)`."""
        count, filters = len(self.outputs) // self.uses, kernel.shape[-1]
        given = ops.take(ops.pad(given, ((0, 1), (0, 0), (0, 0))), self.outputs, axis=0)
        given = ops.reshape(given, (count, self.uses * filters, -1))
        kernel = ops.take(ops.reshape(kernel, (-1, filters)), self.kernels, axis=0)
        taps = ops.matmul(ops.reshape(kernel, (count, -1, self.uses * filters)), given)
        if self.band is not None:
            shape = (self.grid[0], self.band.shape[-1], -1)
            taps = ops.reshape(taps[:-1], shape)
            return ops.matmul(ops.convert_to_tensor(self.band, dtype=taps.dtype), taps)
        taken = ops.take(ops.reshape(taps, (count * self.kernel[1], -1)), self.columns, axis=0)
        uses = len(self.columns) // prod(self.grid)
        return ops.sum(ops.reshape(taken, (prod(self.grid), uses, -1)), axis=1)


def _flat(table: np.ndarray) -> np.ndarray:
    return table.ravel().astype("int32")
