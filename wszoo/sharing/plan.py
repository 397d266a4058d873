"""SharingPlan: which sites of a model use one layer, as data.

A plan is a partition of sites. Its one spelling is a letter a site, in the order of the sites:
`"AABB"` says that the first two sites share a layer and the last two share another. Letters are
given in order of first appearance, so equal partitions have equal spellings. Past 26 groups a
label is a capital followed by small letters: A … Z, Aa, Ab, … Zz, Aaa, …

Schedules `sequence`, `cycle`, `cycle_rev`: Takase & Kiyono 2021, "Lessons on Parameter Sharing
across Layers in Transformers". `sandwich`: Reid et al. 2021, "Subformer".
"""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypedDict

from wszoo import checks
from wszoo.arguments import checked, mapping, several, some, whatever
from wszoo.sharing.labels import check_sites, label_at, labels_of, listed, no_site, pairs_of
from wszoo.shown import counted

SHOWN = 60  # letters of a pattern that repr shows
Label = Callable[[int, int], Hashable]  # of a site, by its index and the number of sites


class PlanData(TypedDict):
    """A plan as plain data."""

    sites: list[str]
    pattern: str


@dataclass(frozen=True, repr=False)
class SharingPlan:
    """A partition of sites: `owners` pairs each site with the first site of its group.

    Equal partitions of the same sites are equal plans with equal hashes, however they were made; a
    model without weights has no sites and the empty plan. Raises `ValueError` for a bad or repeated
    site name, or an owner that does not own itself.
    """

    owners: tuple[tuple[str, str], ...]

    def __post_init__(self) -> None:
        pairs = pairs_of(self.owners)
        check_sites([site for site, _ in pairs])
        lookup = dict(pairs)
        for site, owner in pairs:
            if lookup.get(owner) != owner:
                raise ValueError(
                    f"{owner!r}, the owner of {site!r}, is not a site that owns itself"
                )
        object.__setattr__(self, "owners", _canonical(lookup, lookup.__getitem__))

    def __repr__(self) -> str:
        shown = self.pattern if len(self) <= SHOWN else f"{self.pattern[:SHOWN]}…"
        return f"SharingPlan({shown!r}: {counted(len(self), 'site')})"

    # -- constructors ---------------------------------------------------------------------------

    @classmethod
    @checked(sites=several)
    def untied(cls, sites: Iterable[str]) -> "SharingPlan":
        """Every site owns its weights: `"ABCD"`."""
        return cls(tuple((site, site) for site in sites))

    @classmethod
    @checked(sites=several)
    def tied(cls, sites: Iterable[str]) -> "SharingPlan":
        """All sites share one layer: `"AAAA"`."""
        return _from_labels(tuple(sites), lambda i, n: 0)

    @classmethod
    @checked(sites=several, pattern=some(str, "a row of labels, such as 'AABB'"))
    def from_pattern(cls, sites: Iterable[str], pattern: str) -> "SharingPlan":
        """One label a site: `"AABB"`; equal labels share. Raises `ValueError` on a wrong length."""
        sites = tuple(sites)
        labels = labels_of(pattern)
        if len(labels) != len(sites):
            raise ValueError(
                f"pattern {pattern!r} has {len(labels)} labels for {len(sites)} sites: "
                f"{listed(sites) or 'a model without weights has none'}"
            )
        return _from_labels(sites, lambda i, n: labels[i])

    @classmethod
    @checked(sites=several, groups=whatever)
    def sequence(cls, sites: Iterable[str], groups: int) -> "SharingPlan":
        """Neighbours share: `"AABB"`. Groups differ in size by one at most."""
        return _schedule(sites, groups, lambda i, n: i * groups // n)

    @classmethod
    @checked(sites=several, groups=whatever)
    def cycle(cls, sites: Iterable[str], groups: int) -> "SharingPlan":
        """Groups take turns: `"ABAB"`."""
        return _schedule(sites, groups, lambda i, n: i % groups)

    @classmethod
    @checked(sites=several, groups=whatever)
    def cycle_rev(cls, sites: Iterable[str], groups: int) -> "SharingPlan":
        """Groups take turns, the last turn backwards: `"ABBA"`, `"ABABBA"`."""

        def label(i: int, n: int) -> int:
            last_turn = i >= groups * max(1, -(-n // groups) - 1)
            return groups - 1 - i % groups if last_turn else i % groups

        return _schedule(sites, groups, label)

    @classmethod
    @checked(sites=several)
    def sandwich(cls, sites: Iterable[str]) -> "SharingPlan":
        """First and last private, the middle tied: `"ABBBC"`."""
        return _from_labels(tuple(sites), lambda i, n: 0 if i == 0 else 2 if i == n - 1 else 1)

    # -- reading --------------------------------------------------------------------------------

    @property
    def sites(self) -> tuple[str, ...]:
        """The names of all sites, in call order."""
        return tuple(site for site, _ in self.owners)

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Owner → the sites of its group, in order."""
        groups: dict[str, tuple[str, ...]] = {}
        for site, owner in self.owners:
            groups[owner] = (*groups.get(owner, ()), site)
        return groups

    @property
    def pattern(self) -> str:
        """The canonical spelling, a label a site."""
        labels = {owner: label_at(i) for i, owner in enumerate(self.groups)}
        return "".join(labels[owner] for _, owner in self.owners)

    def __str__(self) -> str:
        return self.pattern

    def __len__(self) -> int:
        return len(self.owners)

    @checked()
    def owner(self, site: str) -> str:
        """The site that gives `site` its layer. Raises `ValueError` for an unknown site."""
        self._require([site])
        return dict(self.owners)[site]

    def to_dict(self) -> PlanData:
        """The plan as plain data: its pattern and its site names."""
        return {"sites": list(self.sites), "pattern": self.pattern}

    @classmethod
    @checked(data=mapping)
    def from_dict(cls, data: PlanData) -> "SharingPlan":
        """The plan that `to_dict` wrote. Raises `ValueError` for anything else."""
        if missing := {"sites", "pattern"} - set(data):
            raise ValueError(f"a plan's data lack {sorted(missing)}; received {checks.shown(data)}")
        return cls.from_pattern(data["sites"], data["pattern"])

    # -- changing -------------------------------------------------------------------------------

    def tie(self, *names: str | Iterable[str]) -> "SharingPlan":
        """Joins the groups of all sites that the names and globs match into one.

        `plan.tie("encoder_*")`, `plan.tie("a", "b")` and `plan.tie(["a", "b"])` are all valid.
        Raises `ValueError` where a name or glob matches no site, or only one site is matched.
        """
        chosen = self.match(*names)
        if len(chosen) < 2:
            raise ValueError(f"tie needs two sites or more; {names} matches only {chosen}")
        owner = dict(self.owners)
        joined = {owner[site] for site in chosen}
        return SharingPlan(_canonical(owner, lambda s: "" if owner[s] in joined else owner[s]))

    def untie(self, *names: str | Iterable[str]) -> "SharingPlan":
        """Gives each matched site its own group; with no argument, every site."""
        chosen = set(self.match(*names)) if names else set(self.sites)
        owner = dict(self.owners)
        return SharingPlan(_canonical(owner, lambda s: ("own", s) if s in chosen else owner[s]))

    @checked(sites=several)
    def restrict(self, sites: Iterable[str]) -> "SharingPlan":
        """The same partition seen on some of the sites, in the order given."""
        sites = tuple(sites)
        self._require(sites)
        owner_of = dict(self.owners)
        return _from_labels(sites, lambda i, n: owner_of[sites[i]])

    @checked(sites=several)
    def extend(self, sites: Iterable[str]) -> "SharingPlan":
        """The plan over more sites: the added ones are private. The order is that of `sites`."""
        sites = tuple(sites)
        unknown = [site for site in self.sites if site not in set(sites)]
        if unknown:
            raise ValueError(no_site(unknown, sites))
        owner_of = dict(self.owners)
        return _from_labels(sites, lambda i, n: owner_of.get(sites[i], ("own", i)))

    def _require(self, sites: Iterable[str]) -> None:
        unknown = [site for site in sites if site not in self.sites]
        if unknown:
            raise ValueError(no_site(unknown, self.sites))

    def match(self, *names: str | Iterable[str]) -> list[str]:
        """The sites that the names and globs mean. Raises `ValueError` where one means none."""
        wanted = []
        for name in names:
            wanted += [name] if isinstance(name, str) else list(several("names", name))
        chosen: dict[str, None] = {}
        for name in wanted:
            hits = [name] if name in self.sites else [s for s in self.sites if fnmatchcase(s, name)]
            if not hits:
                raise ValueError(no_site([name], self.sites))
            chosen.update(dict.fromkeys(hits))
        return list(chosen)


def _schedule(sites: Iterable[str], groups: int, label: Label) -> SharingPlan:
    sites = tuple(sites)
    if isinstance(groups, bool) or not isinstance(groups, int) or not 1 <= groups <= len(sites):
        raise ValueError(f"groups must be 1 to {len(sites)} for {len(sites)} sites, not {groups!r}")
    return _from_labels(sites, label)


def _from_labels(sites: tuple[str, ...], label: Label) -> SharingPlan:
    """A plan in which sites with equal `label(index, number of sites)` share."""
    check_sites(sites)  # before a repeated name could vanish in a dict
    index = {site: i for i, site in enumerate(sites)}
    return SharingPlan(_canonical(index, lambda site: label(index[site], len(sites))))


def _canonical(sites: Iterable[str], key: Callable[[str], Hashable]) -> tuple[tuple[str, str], ...]:
    """Pairs each site with the first site of the same key."""
    first: dict[Hashable, str] = {}
    return tuple((site, first.setdefault(key(site), site)) for site in sites)
