"""SearchSpace: the plans that a model's sites allow, within a budget.

Sites may share if their layers are of one *kind* (`wszoo.sharing.kinds`). A plan is a partition of
the sites of each kind, spelled as one pattern over all searched units, `"ABAB"`. A unit
is a site, or with `by_depth` all sites of one block, which then move together.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product

import keras

from wszoo.arguments import checked, each, name_or_names, names, number_of, positive
from wszoo.sharing.plan import SharingPlan
from wszoo.sharing.spellings import as_plan
from wszoo.tuner.space import within_room
from wszoo.tuner.space.partitions import Labels, canonical, mutate, partitions
from wszoo.tuner.space.units import read

TRIES = 200  # mutations that leave the budget before a plan is drawn anew


@checked(
    units=each(names),
    kinds=each(each(number_of)),
    sizes=each(number_of),
    item_bytes=positive,
    limit=number_of,
)
@dataclass(frozen=True)
class SearchSpace:
    """Partitions of `units` in which only units of one kind share.

    `units` are tuples of sites; `kinds` tuples of their places; `sizes` and `rest` the
    parameters of a unit and of all that is not searched; `item_bytes` the bytes of a parameter;
    `limit` the most stored parameters. Make one with `SearchSpace.of` or `SearchSpace.plain`.
    """

    units: tuple[tuple[str, ...], ...]
    kinds: tuple[tuple[int, ...], ...]
    sizes: tuple[int, ...]
    rest: int = 0
    item_bytes: float = 4.0
    limit: int | None = None

    @classmethod
    @checked(size=number_of, sites=names)
    def plain(cls, sites: Sequence[str], size: int = 1, rest: int = 0) -> "SearchSpace":
        """All sites alike, without a model: `size` parameters each."""
        places = tuple(range(len(sites)))
        return cls(tuple((site,) for site in sites), (places,), (size,) * len(places), rest)

    @classmethod
    @checked(sites=name_or_names, max_parameters=positive, max_bytes=positive)
    def of(
        cls,
        model: keras.Model,
        sites: str | Sequence[str] | None = None,
        *,
        by_depth: bool = False,
        max_parameters: float | None = None,
        max_bytes: float | None = None,
    ) -> "SearchSpace":
        """The space of a functional model, which is not changed.

        `sites` are names or globs; by default those that the model's builder declared, or all but
        norms. With `by_depth`, sites of one number (`attention_2`, `mlp_2`) are one unit.
        `max_parameters` or `max_bytes` limits what a plan stores in the whole model: a whole
        number, or a fraction of the untied model such as `0.5`.
        Raises `ValueError` for unknown sites, where no two units can share, and for a budget that
        the fully tied model does not meet.
        """
        space = cls(*read(model, sites, by_depth=by_depth))
        return space.within(max_parameters=max_parameters, max_bytes=max_bytes)

    @checked(max_parameters=positive, max_bytes=positive)
    def within(
        self, *, max_parameters: float | None = None, max_bytes: float | None = None
    ) -> "SearchSpace":
        """The same space under a budget, see `of`."""
        if max_parameters is not None and max_bytes is not None:
            raise ValueError("give max_parameters or max_bytes, not both")
        if max_parameters is None and max_bytes is None:
            return self
        given = max_parameters if max_bytes is None else max_bytes
        assert given is not None
        if isinstance(given, bool) or given <= 0:
            raise ValueError(f"a budget is a number above 0, not {given!r}")
        if isinstance(given, float) and given <= 1:
            limit = int(given * self.stored_parameters(self.untied))
        else:
            limit = int(given if max_bytes is None else given / self.item_bytes)
        least = self.stored_parameters(self.tied)
        if limit < least:
            raise ValueError(
                f"the budget {given!r} allows {limit:,} stored parameters; the fully tied model "
                f"({self.pattern(self.tied)}) has {least:,} already"
            )
        return replace(self, limit=limit)

    # -- plans and their spelling ---------------------------------------------------------------

    @property
    def sites(self) -> tuple[str, ...]:
        """All sites of the model, in call order."""
        return tuple(site for unit in self.units for site in unit)

    @property
    def untied(self) -> SharingPlan:
        """The plan in which every site owns its weights."""
        return self._plan(tuple(range(len(self.units))))

    @property
    def tied(self) -> SharingPlan:
        """Each kind is one group: the smallest plan."""
        return self._join([(0,) * len(members) for members in self.kinds])

    @checked()
    def plan(self, pattern: str) -> SharingPlan:
        """The plan over `sites` of a pattern over units.

        Raises `ValueError` for a malformed pattern and for one that joins unlike units.
        """
        names = [unit[0] for unit in self.units]
        owner_of = dict(SharingPlan.from_pattern(names, pattern).owners)
        labels = canonical([owner_of[name] for name in names])
        for a, b in ((i, j) for i, x in enumerate(labels) for j, y in enumerate(labels) if x == y):
            if not any({a, b} <= set(members) for members in self.kinds):
                raise ValueError(
                    f"{pattern!r} joins {self.units[a]} and {self.units[b]}, which cannot share"
                )
        return self._plan(labels)

    @checked()
    def pattern(self, plan: SharingPlan) -> str:
        """The canonical pattern over units: equal plans have equal patterns."""
        names = [unit[0] for unit in self.units]
        return plan.restrict(names).pattern

    @checked()
    def labels(self, plan: SharingPlan) -> Labels:
        """A canonical number a unit, as an index into a bank of weights."""
        owner_of = dict(plan.owners)
        return canonical([owner_of[unit[0]] for unit in self.units])

    def __contains__(self, plan: object) -> bool:
        if not isinstance(plan, SharingPlan) or set(plan.sites) != set(self.sites):
            return False
        try:
            same = self.plan(self.pattern(plan)) == plan
        except ValueError:
            return False
        return same and self._fits(plan)

    @checked()
    def stored_parameters(self, plan: SharingPlan) -> int:
        """Stored parameters of the whole model under a plan, without building it."""
        first = dict(zip(self.labels(plan), range(len(self.units)), strict=True))
        return self.rest + sum(self.sizes[place] for place in first.values())

    @checked()
    def stored_bytes(self, plan: SharingPlan) -> int:
        """Bytes that the model stores under a plan."""
        return round(self.stored_parameters(plan) * self.item_bytes)

    # -- counting, listing, drawing -------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many plans there are within the budget."""
        return within_room.count(self._shape, self._room)

    def __iter__(self) -> Iterator[SharingPlan]:
        """Every plan within the budget, the smaller labels first. List it only when it is short."""
        for parts in product(*(partitions(len(members)) for members in self.kinds)):
            plan = self._join(parts)
            if self._fits(plan):
                yield plan

    @checked()
    def draw(self, rng: random.Random) -> SharingPlan:
        """One of the plans, each with equal chance."""
        return self._join(within_room.draw(self._shape, self._room, rng))

    @checked()
    def mutate(self, plan: SharingPlan, rng: random.Random) -> SharingPlan:
        """Another plan of the space one step away: a unit moved, groups merged, a group split.

        Where the budget allows none of many steps tried, a plan drawn anew.
        """
        labels = self.labels(plan)
        open_ = [i for i, members in enumerate(self.kinds) if len(members) > 1]
        for _ in range(TRIES):
            parts = [tuple(labels[i] for i in members) for members in self.kinds]
            (which,) = rng.choices(open_, weights=[len(self.kinds[i]) for i in open_])
            parts[which] = mutate(canonical(parts[which]), rng)
            new = self._join(parts)
            if self._fits(new):
                return new
        return self.draw(rng)

    def templates(self) -> dict[str, SharingPlan]:
        """Name → plan of the usual schedules over each kind, without repeats, within the budget.

        `untied` and `tied` come first; a schedule of more groups than a kind has members leaves
        that kind untied.
        """
        most = max(map(len, self.kinds))
        counted = [
            f"{kind}:{k}" for kind in ("sequence", "cycle", "cycle_rev") for k in range(2, most)
        ]
        name_of: dict[SharingPlan, str] = {}
        for name in ("untied", "tied", *counted, "sandwich"):
            plan = self._join([_labels(name, len(members)) for members in self.kinds])
            if self._fits(plan):
                name_of.setdefault(plan, name)
        return {name: plan for plan, name in name_of.items()}

    # -- inside ---------------------------------------------------------------------------------

    @property
    def _shape(self) -> within_room.Shape:
        """Of each kind, how many units and the size of one."""
        return tuple((len(members), self.sizes[members[0]]) for members in self.kinds)

    @property
    def _room(self) -> int:
        most = self.rest + sum(self.sizes)
        return (most if self.limit is None else min(most, self.limit)) - self.rest

    def _fits(self, plan: SharingPlan) -> bool:
        return self.limit is None or self.stored_parameters(plan) <= self.limit

    def _join(self, parts: Sequence[Labels]) -> SharingPlan:
        """The plan of one partition a kind."""
        labels: dict[int, tuple[int, int]] = {}
        for i, (members, part) in enumerate(zip(self.kinds, parts, strict=True)):
            labels |= {place: (i, label) for place, label in zip(members, part, strict=True)}
        return self._plan(canonical([labels[place] for place in range(len(self.units))]))

    def _plan(self, labels: Labels) -> SharingPlan:
        owner: dict[int, tuple[str, ...]] = {}
        pairs = []
        for unit, label in zip(self.units, labels, strict=True):
            pairs += list(zip(unit, owner.setdefault(label, unit), strict=True))
        return SharingPlan(tuple(pairs))


def _labels(name: str, members: int) -> Labels:
    """The canonical labels of a schedule; a count that a kind cannot have leaves it untied."""
    count = name.partition(":")[2]
    names = [str(i) for i in range(members)]
    plan = as_plan("untied" if count and int(count) >= members else name, names)
    return canonical([owner for _, owner in plan.owners])
