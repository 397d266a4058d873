"""Laws of SharingPlan: canonical, round trips, schedules as defined, tie and untie, errors."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wszoo import SharingPlan, as_plan

settings.register_profile("laws", deadline=None)  # a slow machine is no failure
settings.load_profile("laws")

labels = st.lists(st.integers(0, 7), min_size=1, max_size=14)
schedule_sizes = st.integers(1, 30).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))


def names(n):
    return [f"site_{i}" for i in range(n)]


def plan_from(marks):
    """The plan in which sites of equal mark share, by the plainest constructor there is."""
    sites = names(len(marks))
    return SharingPlan(tuple((s, sites[marks.index(m)]) for s, m in zip(sites, marks, strict=True)))


def partition(plan):
    return {frozenset(group) for group in plan.groups.values()}


@st.composite
def plans_and_sites(draw, count):
    plan = plan_from(draw(labels))
    chosen = st.lists(st.sampled_from(plan.sites), min_size=2, max_size=4, unique=True)
    return plan, [draw(chosen) for _ in range(count)] if len(plan) > 1 else None


@given(labels, st.permutations(range(8)))
def test_equal_partitions_are_equal_plans(marks, renamed):
    one, other = plan_from(marks), plan_from([renamed[m] for m in marks])
    assert one == other
    assert hash(one) == hash(other)
    assert one.pattern == other.pattern


@given(labels, labels)
def test_different_partitions_are_different_plans(first, second):
    a, b = plan_from(first), plan_from(second)
    assert (a == b) == (a.sites == b.sites and partition(a) == partition(b))
    if a.sites == b.sites:
        assert (a == b) == (a.pattern == b.pattern)


@given(labels)
def test_an_owner_is_any_member_and_becomes_the_first(marks):
    sites = names(len(marks))
    last = dict(zip(marks, sites, strict=True))
    by_last = SharingPlan(tuple((s, last[m]) for s, m in zip(sites, marks, strict=True)))
    assert by_last == plan_from(marks)
    assert all(owner == group[0] for owner, group in by_last.groups.items())


@given(labels)
def test_pattern_and_dict_round_trip(marks):
    plan = plan_from(marks)
    assert SharingPlan.from_pattern(plan.sites, plan.pattern) == plan
    assert SharingPlan.from_dict(plan.to_dict()) == plan
    assert as_plan(plan.pattern, plan.sites) == plan
    assert str(plan) == plan.pattern
    assert [plan.owner(site) for site in plan.sites] == [owner for _, owner in plan.owners]


@pytest.mark.parametrize("groups", [26, 27, 701, 702, 703, 1500])
def test_patterns_of_many_groups(groups):
    plan = SharingPlan.cycle(names(groups + 3), groups)
    assert len(plan.groups) == groups
    assert SharingPlan.from_pattern(plan.sites, plan.pattern) == plan


def test_labels_past_z():
    pattern = SharingPlan.untied(names(703)).pattern
    assert pattern.startswith("ABCDEFGHIJKLMNOPQRSTUVWXYZAaAb")
    assert pattern.endswith("ZyZzAaa")


@given(schedule_sizes)
def test_schedules_are_as_defined(sizes):
    n, groups = sizes
    sites = names(n)

    def sets_of(label):
        found = {}
        for i in range(n):
            found.setdefault(label(i), []).append(sites[i])
        return {frozenset(group) for group in found.values()}

    sequence = SharingPlan.sequence(sites, groups)
    runs = [[sites.index(s) for s in group] for group in sequence.groups.values()]
    lengths = {len(run) for run in runs}
    assert len(runs) == groups
    assert all(run == list(range(run[0], run[-1] + 1)) for run in runs)  # contiguous
    assert max(lengths) - min(lengths) <= 1

    assert partition(SharingPlan.cycle(sites, groups)) == sets_of(lambda i: i % groups)

    # Takase & Kiyono 2021, Algorithm 1 (1-based): the last turn starts after the last but one.
    turns = -(-n // groups)

    def reversed_last(i):
        in_last = turns > 1 and i >= groups * (turns - 1)
        return groups - 1 - i % groups if in_last else i % groups

    assert partition(SharingPlan.cycle_rev(sites, groups)) == sets_of(reversed_last)


@given(st.integers(1, 6), st.integers(1, 6))
def test_schedules_are_those_of_the_paper_where_groups_divide_sites(groups, turns):
    """Takase & Kiyono 2021, Algorithm 1, with N = groups × turns layers, counted from 1."""
    n = groups * turns
    sites = names(n)

    def by(layer):
        return plan_from([layer(i) for i in range(1, n + 1)])

    assert SharingPlan.sequence(sites, groups) == by(lambda i: (i - 1) // (n // groups) + 1)
    assert SharingPlan.cycle(sites, groups) == by(lambda i: (i - 1) % groups + 1)

    def cycle_rev(i):
        if i <= groups or i <= groups * (turns - 1):
            return (i - 1) % groups + 1
        return groups - (i - 1) % groups

    assert SharingPlan.cycle_rev(sites, groups) == by(cycle_rev)


@given(labels)
def test_every_spelling(marks):
    sites = names(len(marks))
    plan = plan_from(marks)
    first, last = sites[0], sites[-1]
    assert as_plan(plan, sites) == plan
    assert as_plan(None, sites) == as_plan("untied", sites) == SharingPlan.untied(sites)
    assert partition(as_plan("untied", sites)) == {frozenset([s]) for s in sites}
    assert partition(as_plan("tied", sites)) == {frozenset(sites)}
    middle = frozenset(sites) - {first, last}
    ends = {frozenset([first]), frozenset([last])}
    assert partition(as_plan("sandwich", sites)) == ends | ({middle} if middle else set())
    for name in ("sequence", "cycle", "cycle_rev"):
        for groups in {1, len(sites)}:
            made = getattr(SharingPlan, name)(sites, groups)
            assert as_plan(f"{name}:{groups}", sites) == made
            assert len(made.groups) == groups


@given(plans_and_sites(2))
def test_tie_is_idempotent_commutative_and_transitive(drawn):
    plan, chosen = drawn
    if chosen is None:
        return
    a, b = chosen
    tied = plan.tie(a)
    assert len({tied.owner(site) for site in a}) == 1
    assert tied.tie(a) == tied == plan.tie(*a) == plan.tie(reversed(a))
    assert plan.tie(a).tie(b) == plan.tie(b).tie(a)
    if set(a) & set(b):
        assert plan.tie(a).tie(b) == plan.tie([*a, *b])
    # Tying joins groups and splits none.
    assert all(any(old <= new for new in partition(tied)) for old in partition(plan))


@given(plans_and_sites(1))
def test_untie_frees_what_it_names_and_nothing_else(drawn):
    plan, chosen = drawn
    assert plan.untie() == SharingPlan.untied(plan.sites)
    assert plan.untie("site_*") == plan.untie()
    if chosen is None:
        return
    (named,) = chosen
    freed = plan.untie(named)
    assert all({site} in [set(g) for g in freed.groups.values()] for site in named)
    rest = [site for site in plan.sites if site not in named]
    if rest:
        assert freed.restrict(rest) == plan.restrict(rest)
    assert plan.tie(named).untie() == SharingPlan.untied(plan.sites)
    assert freed.untie(named) == freed


def test_globs_and_names_choose_the_same():
    plan = SharingPlan.untied(["encoder_0", "encoder_1", "decoder_0"])
    assert plan.tie("encoder_*") == plan.tie("encoder_0", "encoder_1")
    assert plan.tie("encoder_*").pattern == "AAB"
    odd = SharingPlan.untied(["a[0]", "a0", "b"])  # a name wins over the glob that it also is
    assert odd.tie("a[0]", "b").pattern == "ABA"


@given(labels, st.data())
def test_restrict_undoes_extend(marks, data):
    plan = plan_from(marks)
    extra = [f"extra_{i}" for i in range(data.draw(st.integers(0, 4)))]
    wide = data.draw(st.permutations([*plan.sites, *extra]))
    extended = plan.extend(wide)
    assert extended.sites == tuple(wide)
    assert extended.restrict(plan.sites) == plan
    assert all(extended.groups[extended.owner(site)] == (site,) for site in extra)
    assert plan.extend(plan.sites) == plan.restrict(plan.sites) == plan
    assert as_plan(plan, wide) == extended


ABC = ["alpha", "beta", "gamma"]


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (lambda: SharingPlan.from_pattern(ABC, "AA"), ["'AA'", "2 labels", "3 sites", "alpha"]),
        (lambda: SharingPlan.from_pattern(ABC, "aab"), ["'aab'", "capital"]),
        (lambda: SharingPlan.from_pattern(ABC, "AA1B"), ["'AA1B'", "row of labels"]),
        (lambda: SharingPlan.from_pattern(ABC, ""), ["''", "0 labels", "3 sites"]),
        (lambda: as_plan("aab", ABC), ["'aab'", "cycle:N", "untied"]),
        (lambda: as_plan("cycle", ABC), ["'cycle'", "cycle:N"]),
        (lambda: as_plan("cycle:x", ABC), ["cycle:2"]),
        (lambda: as_plan("cycle:-1", ABC), ["cycle:2"]),
        (lambda: as_plan("cycle:0", ABC), ["1 to 3", "0"]),
        (lambda: as_plan("sequence:4", ABC), ["1 to 3", "4"]),
        (lambda: SharingPlan.cycle(ABC, 1.5), ["1 to 3", "1.5"]),
        (lambda: as_plan("depth:cycle:3", ["a_0", "a_1", "b_0", "b_1"]), ["1 to 2", "3"]),
        (lambda: as_plan("depth:", ["a_0", "a_1"]), ["''", "depth:PLAN"]),
        (lambda: as_plan("A", []), ["1 labels for 0 sites", "without weights"]),
        (lambda: SharingPlan.untied(["a", "b", "a"]), ["once", "'a'"]),
        (lambda: SharingPlan.tied(["a", "a"]), ["once", "'a'"]),
        (lambda: SharingPlan.untied(["a/b"]), ["'/'", "a/b"]),
        (lambda: SharingPlan.untied(["a", ""]), ["non-empty"]),
        (lambda: SharingPlan((("a", "b"), ("b", "a"))), ["owns itself"]),
        (lambda: SharingPlan((("a", "z"),)), ["'z'", "owns itself"]),
        (lambda: SharingPlan.untied(ABC).owner("gama"), ["'gama'", "did you mean gamma?"]),
        (lambda: SharingPlan.untied(ABC).tie("alfa", "beta"), ["'alfa'", "alpha"]),
        (lambda: SharingPlan.untied(ABC).tie("x_*"), ["'x_*'", "alpha"]),
        (lambda: SharingPlan.untied(ABC).untie("x_*"), ["'x_*'", "alpha"]),
        (lambda: SharingPlan.untied(ABC).tie("beta"), ["two sites", "beta"]),
        (lambda: SharingPlan.untied(ABC).restrict(["delta"]), ["'delta'", "alpha"]),
        (lambda: SharingPlan.untied(ABC).restrict(["beta", "beta"]), ["once"]),
        (lambda: SharingPlan.untied(ABC).extend(["alpha", "beta"]), ["'gamma'"]),
        (lambda: as_plan(SharingPlan.untied(ABC), ["alpha"]), ["'beta'", "'gamma'"]),
    ],
)
def test_mistakes_are_named(act, words):
    with pytest.raises(ValueError) as caught:
        act()
    for word in words:
        assert word in str(caught.value)


@pytest.mark.parametrize("spec", ["ABBC", "sandwich", "cycle:2", "sequence:2", "tied"])
def test_one_spelling_over_depth_for_every_row_of_sites(spec):
    depth = range(4)
    sites = [
        "table",
        *(f"{k}_{i}{end}" for i in depth for k, end in (("a", ""), ("b", "_up"))),
        "e",
    ]
    plan = as_plan(f"depth:{spec}", sites)
    for kind in ("a_{}", "b_{}_up"):
        members = [kind.format(i) for i in depth]
        assert plan.restrict(members) == as_plan(spec, members)
    assert plan.restrict(["table", "e"]) == SharingPlan.tied(["table", "e"])
    assert not any({s[0] for s in group} > {"a"} for group in plan.groups.values())
    assert as_plan("depth:untied", sites) == SharingPlan.untied(sites)


def test_long_lists_of_names_are_cut_at_twelve():
    names = [f"s_{i}" for i in range(13)]
    with pytest.raises(ValueError, match=r"The sites are 's_0', .*'s_11'$"):
        SharingPlan.untied(names[:12]).owner("other")
    with pytest.raises(ValueError, match=r"The sites are 's_0', .*'s_11', … \(13 in all\)$"):
        SharingPlan.untied(names).owner("other")


def test_a_long_pattern_is_shown_as_far_as_sixty_letters():
    assert repr(SharingPlan.tied([f"s_{i}" for i in range(60)])) == (
        f"SharingPlan({'A' * 60!r}: 60 sites)"
    )
    assert repr(SharingPlan.tied([f"s_{i}" for i in range(61)])) == (
        f"SharingPlan({'A' * 60 + '…'!r}: 61 sites)"
    )
    assert str(SharingPlan.tied([f"s_{i}" for i in range(61)])) == "A" * 61


def test_data_of_a_plan_are_its_sites_and_its_pattern():
    for lacking in ({"sites": ABC}, {"pattern": "AAB"}, {}):
        with pytest.raises(ValueError, match="a plan's data lack"):
            SharingPlan.from_dict(lacking)


def test_other_types_are_no_plan():
    with pytest.raises(ValueError, match="spec must be a SharingPlan or its spelling; received 3"):
        as_plan(3, ABC)


def test_the_plan_of_nothing():
    empty = as_plan("untied", [])
    assert empty == SharingPlan(()) == SharingPlan.from_dict(empty.to_dict())
    assert empty.pattern == "" and not empty.groups and not len(empty)
