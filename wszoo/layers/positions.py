"""Where a kernel looks: output sizes, and patches gathered for a product at every position.

Patches are gathered with the batch innermost, so that memory is copied in long runs; the gradient
is a gather too, with the table turned round. On a CPU that is three times as fast as slices put
side by side, whose gradients write the whole input once a tap.
"""

from math import prod
from typing import Any

import numpy as np
from keras import ops

PADDINGS = ("valid", "same", "circular")


def sizes(name: str, value: Any, rank: int) -> tuple[int, ...]:
    """`rank` positive integers from one integer or a sequence. Raises `ValueError`."""
    many = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in many)
    if len(many) != rank or not whole:
        wanted = "a positive integer" if rank == 1 else f"one or {rank} positive integers"
        raise ValueError(f"{name} must be {wanted}, not {value!r}")
    return many


def output_size(size: int | None, kernel: int, stride: int, padding: str) -> int | None:
    """Positions along one axis; `None` where the input's size is unknown."""
    if size is None:
        return None
    return (size - kernel) // stride + 1 if padding == "valid" else -(-size // stride)


def pads(size: int, kernel: int, stride: int, padding: str) -> tuple[int, int]:
    """Pixels that padding adds before and after one axis: as in TensorFlow, the odd one after."""
    if padding == "valid":
        return 0, 0
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def padded_sizes(
    grid: tuple[int, ...], kernel: tuple[int, ...], strides: tuple[int, ...], padding: str
) -> tuple[int, ...]:
    """The sizes of an input with its padding."""
    axes = zip(grid, kernel, strides, strict=True)
    return tuple(n + sum(pads(n, k, s, padding)) for n, k, s in axes)


class Patches:
    """Gathers the patches of one geometry, tile by tile; padding is done before.

    Args, a value an axis: `grid` (the padded input's size), `kernel`, `strides` and `tiles`,
    which must divide the positions. The last axis is gathered first, by a table of its own, and
    the others together: small tables, long runs.
    """

    def __init__(
        self,
        grid: tuple[int, ...],
        kernel: tuple[int, ...],
        strides: tuple[int, ...],
        tiles: tuple[int, ...],
    ):
        *outer, self.width = grid
        starts = [
            np.arange((n - k) // s + 1) * s
            for n, k, s in zip(outer, kernel[:-1], strides[:-1], strict=True)
        ]
        columns = (self.width - kernel[-1]) // strides[-1] + 1
        self.outer, self.columns, self.taps = prod(outer), columns, prod(kernel)
        self.along = _Gather(_windows(np.arange(columns) * strides[-1], kernel[-1]), self.width)
        # tiles, positions in a tile, taps; the last axis has its positions and no more taps.
        table = np.zeros((1, 1, 1), int)
        axes = [
            (_windows(start, k).reshape(t, -1, k), n)
            for start, k, n, t in zip(starts, kernel[:-1], outer, tiles[:-1], strict=True)
        ]
        for axis, size in [*axes, (np.arange(columns).reshape(tiles[-1], -1, 1), columns)]:
            both = table[:, None, :, None, :, None] * size + axis[:, None, :, None, :]
            table = both.reshape(*(a * b for a, b in zip(table.shape, axis.shape, strict=True)))
        self.tiles, self.inside, _ = table.shape
        self.across = _Gather(table.ravel(), self.outer * columns)

    def __call__(self, x: Any) -> Any:
        """`(batch, *grid, channels)` → `(tiles, positions in a tile, taps × channels, batch)`."""
        channels = x.shape[-1]
        x = ops.transpose(x, (*range(1, len(x.shape)), 0))
        x = self.along(ops.reshape(x, (self.outer, self.width, -1)))
        x = self.across(ops.reshape(x, (1, self.outer * self.columns, -1)))
        return ops.reshape(x, (self.tiles, self.inside, self.taps * channels, -1))


class _Gather:
    """`x[:, index]` of `(outer, size, inner)`, whose gradient is a gather and a sum."""

    def __init__(self, index: np.ndarray, size: int):
        self.index, self.size = index.ravel().astype("int32"), size
        self.inverse = _inverse(self.index, size)

    def __call__(self, x: Any) -> Any:
        @ops.custom_gradient
        def gather(x: Any) -> Any:
            def gradient(*args: Any, upstream: Any = None) -> Any:
                given = args[0] if upstream is None else upstream
                padded = ops.pad(given, ((0, 0), (0, 1), (0, 0)))
                taken = ops.take(padded, self.inverse, axis=1)
                uses = len(self.inverse) // self.size
                shape = (given.shape[0], self.size, uses, -1)
                return ops.sum(ops.reshape(taken, shape), axis=2)

            return ops.take(x, self.index, axis=1), gradient

        return gather(x)


def product(patches: Any, kernel: Any) -> Any:
    """`(tiles, [inside,] taps, batch)` and `(tiles, [1,] taps, filters)` → `(…, batch, filters)`.

    The kernel stands on the right, where LiteRT's dynamic range quantisation finds it. The
    gradients are spelled out so that none of them transposes the patches, which are large.
    """

    @ops.custom_gradient
    def multiply(patches: Any, kernel: Any) -> Any:
        def gradient(*args: Any, upstream: Any = None) -> Any:
            given = args[0] if upstream is None else upstream
            by_kernel = ops.matmul(patches, given)
            if len(by_kernel.shape) == 4:
                by_kernel = ops.sum(by_kernel, axis=1, keepdims=True)
            return ops.matmul(kernel, ops.swapaxes(given, -1, -2)), by_kernel

        return ops.matmul(ops.swapaxes(patches, -1, -2), kernel), gradient

    return multiply(patches, kernel)


def _windows(starts: np.ndarray, kernel: int) -> np.ndarray:
    return starts[:, None] + np.arange(kernel)


def _inverse(index: np.ndarray, size: int) -> np.ndarray:
    """For each input the places of `index` that read it, filled up with `len(index)`."""
    order = np.argsort(index, kind="stable")
    counts = np.bincount(index, minlength=size)
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((size, counts.max()), len(index), "int32")
    table[index[order], place] = order
    return table.ravel()
