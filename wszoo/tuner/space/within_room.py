"""Partitions of several kinds of units that store no more than there is room for."""

import random
from functools import cache
from math import prod

from wszoo.tuner.space import partitions
from wszoo.tuner.space.partitions import Labels, bell, stirling

Shape = tuple[tuple[int, int], ...]  # of each kind, how many units and the size of one


@cache
def count(shape: Shape, room: int) -> int:
    """How many there are that store `room` parameters at most."""
    if room < sum(size for _, size in shape):
        return 0
    if room >= sum(members * size for members, size in shape):
        return prod(bell(members) for members, _ in shape)
    (members, size), others = shape[0], shape[1:]
    return sum(stirling(members, k) * count(others, room - k * size) for k in range(1, members + 1))


def draw(shape: Shape, room: int, rng: random.Random) -> list[Labels]:
    """One of them, each with equal chance: a partition a kind."""
    parts: list[Labels] = []
    while shape:
        (members, size), shape = shape[0], shape[1:]
        ways = [stirling(members, k) * count(shape, room - k * size) for k in range(1, members + 1)]
        (groups,) = rng.choices(range(1, members + 1), weights=ways)
        parts.append(partitions.draw(members, groups, rng))
        room -= groups * size
    return parts
