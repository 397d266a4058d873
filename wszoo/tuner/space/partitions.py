"""Set partitions as canonical labels, `(0, 1, 0, 2)`: counting, listing, drawing, changing.

A label is the place of its group in order of first appearance (a *restricted growth string*), so
equal partitions are equal tuples.
"""

import random
from collections.abc import Iterator, Sequence
from functools import cache

Labels = tuple[int, ...]


def canonical(labels: Sequence) -> Labels:
    """The labels renumbered by first appearance."""
    first: dict = {}
    return tuple(first.setdefault(label, len(first)) for label in labels)


@cache
def stirling(members: int, groups: int) -> int:
    """Partitions of `members` things into just so many groups (of the second kind)."""
    if groups == 0 or members < groups:
        return int(members == groups)
    return groups * stirling(members - 1, groups) + stirling(members - 1, groups - 1)


def bell(members: int) -> int:
    """All partitions: 15 of 4 things, 203 of 6, 4,140 of 8."""
    return sum(stirling(members, groups) for groups in range(members + 1))


def partitions(members: int) -> Iterator[Labels]:
    """All of them, from one group to all alone, in lexicographic order."""

    def grow(labels: Labels, used: int) -> Iterator[Labels]:
        if len(labels) == members:
            yield labels
            return
        for label in range(used + 1):
            yield from grow((*labels, label), max(used, label + 1))

    yield from grow((), 0)


def draw(members: int, groups: int, rng: random.Random) -> Labels:
    """A partition into `groups` groups, each with equal chance."""
    labels: list[int] = []
    left = groups  # groups that the things not yet labelled must still open
    for rest in range(members, 0, -1):  # the last thing first: does it stand alone in its group?
        if rng.randrange(stirling(rest, left)) < stirling(rest - 1, left - 1):
            left -= 1
            labels.append(left)
        else:
            labels.append(rng.randrange(left))
    return canonical(labels[::-1])


def mutate(labels: Labels, rng: random.Random) -> Labels:
    """Another partition, one step away: a member moved, two groups merged, or one split.

    Raises `ValueError` for fewer than two members, which have one partition.
    """
    if len(labels) < 2:
        raise ValueError(f"a partition of {len(labels)} has no other")
    groups = sorted(set(labels))
    crowded = [group for group in groups if labels.count(group) > 1]
    kinds = [_moved] * (len(labels) > 2) + [_merged] * (len(groups) > 1) + [_split] * bool(crowded)
    new = rng.choice(kinds)(list(labels), groups, crowded, rng)
    return canonical(new)


def _moved(labels: list[int], groups: list[int], crowded: list[int], rng: random.Random) -> list:
    member = rng.randrange(len(labels))
    alone = labels[member] not in crowded
    fresh = [] if alone else [len(groups)]  # alone, it would only change its label
    labels[member] = rng.choice([g for g in groups if g != labels[member]] + fresh)
    return labels


def _merged(labels: list[int], groups: list[int], crowded: list[int], rng: random.Random) -> list:
    one, other = rng.sample(groups, 2)
    return [one if label == other else label for label in labels]


def _split(labels: list[int], groups: list[int], crowded: list[int], rng: random.Random) -> list:
    group = rng.choice(crowded)
    members = [i for i, label in enumerate(labels) if label == group]
    rng.shuffle(members)
    for member in members[: rng.randrange(1, len(members))]:
        labels[member] = len(groups)
    return labels
