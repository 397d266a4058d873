"""What the local layers compute, as loops in NumPy: slow, and plain to see."""

import itertools

import numpy as np


def integers(*shape, seed=0):
    """Small whole numbers as float32: sums and products of them are exact."""
    return np.random.default_rng(seed).integers(-4, 5, shape).astype("float32")


def local_reference(x, kernel, bias, size, strides, padding, tiles):
    """Output position by position. `kernel (tiles, taps × channels, filters)`, `bias` or None."""
    batch, rows, columns, channels = x.shape
    counts, starts = [], []
    for n, k, s in zip((rows, columns), size, strides, strict=True):
        count = (n - k) // s + 1 if padding == "valid" else -(-n // s)
        total = 0 if padding == "valid" else max((count - 1) * s + k - n, 0)
        counts.append(count)
        starts.append([i * s - total // 2 for i in range(count)])
    tiles = tuple(counts) if tiles is None else tiles
    y = np.zeros((batch, *counts, kernel.shape[-1]), "float32")
    for i, j in np.ndindex(*counts):
        a, b = i // (counts[0] // tiles[0]), j // (counts[1] // tiles[1])
        patch = np.zeros((batch, *size, channels), "float32")
        for u, v in itertools.product(range(size[0]), range(size[1])):
            row, column = starts[0][i] + u, starts[1][j] + v
            if padding == "circular":
                row, column = row % rows, column % columns
            if 0 <= row < rows and 0 <= column < columns:
                patch[:, u, v] = x[:, row, column]
        y[:, i, j] = patch.reshape(batch, -1) @ kernel[a * tiles[1] + b]
        if bias is not None:
            y[:, i, j] += bias[a, b]
    return y
