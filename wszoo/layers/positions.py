"""Where a kernel looks: sizes of outputs and borders, and tables of places."""

import numpy as np

PADDINGS = ("valid", "same", "circular")


def sizes(name: str, value: object, rank: int) -> tuple[int, ...]:
    """`rank` positive integers from one integer or a sequence. Raises `ValueError`."""
    many = tuple(value) if isinstance(value, list | tuple) else (value,) * rank
    whole = tuple(n for n in many if isinstance(n, int) and not isinstance(n, bool) and n > 0)
    if len(many) != rank or len(whole) < rank:
        wanted = "a positive integer" if rank == 1 else f"one or {rank} positive integers"
        raise ValueError(f"{name} must be {wanted}, not {value!r}")
    return whole


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


def windows(size: int, kernel: int, stride: int) -> np.ndarray:
    """`(positions, taps)`: the places that each output position reads along one axis."""
    return (np.arange((size - kernel) // stride + 1) * stride)[:, None] + np.arange(kernel)


def grid_table(*axes: np.ndarray, sizes: tuple[int, ...]) -> np.ndarray:
    """Tables `(tiles, inside, taps)` of each axis as one of places in the flattened grid."""
    table = np.zeros((1, 1, 1), int)
    for axis, size in zip(axes, sizes, strict=True):
        both = table[:, None, :, None, :, None] * size + axis[:, None, :, None, :]
        table = both.reshape(*(a * b for a, b in zip(table.shape, axis.shape, strict=True)))
    return table


def readers(table: np.ndarray, size: int) -> np.ndarray:
    """`(size, uses)`: the entries of `table` that read each place, filled up with its length."""
    index = table.ravel()
    order = np.argsort(index, kind="stable")
    counts = np.bincount(index, minlength=size)
    place = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    entries = np.full((size, counts.max()), len(index))
    entries[index[order], place] = order
    return entries
