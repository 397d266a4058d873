"""Spellings of plans: a pattern, a schedule with its number of groups, one over depth."""

import re
from collections.abc import Callable, Sequence

from wszoo.arguments import checked, plan_or_text, several
from wszoo.sharing.plan import SharingPlan

_PLAIN: tuple[Callable[..., SharingPlan], ...] = (
    SharingPlan.untied,
    SharingPlan.tied,
    SharingPlan.sandwich,
)
_COUNTED: tuple[Callable[..., SharingPlan], ...] = (
    SharingPlan.sequence,
    SharingPlan.cycle,
    SharingPlan.cycle_rev,
)


@checked(sites=several, spec=plan_or_text)
def as_plan(spec: "SharingPlan | str | None", sites: Sequence[str]) -> SharingPlan:
    """Turns any spelling of a plan into a plan over `sites`.

    `spec` is a `SharingPlan` (it may name only some of the sites: the others are private), a
    pattern (`"AABB"`), a schedule with its number of groups (`"sequence:2"`, `"cycle:2"`,
    `"cycle_rev:2"`), `"untied"`, `"tied"`, `"sandwich"`, `"depth:"` and any of these (see
    `over_depth`), or `None` for untied.
    Raises `ValueError` for anything else, saying what is valid.
    """
    if spec is None:
        return SharingPlan.untied(sites)
    if isinstance(spec, SharingPlan):
        return spec.extend(sites)
    name, colon, groups = spec.partition(":")
    if name == "depth" and colon:
        return over_depth(groups)(sites)
    plain = {f.__name__: f for f in _PLAIN}
    counted = {f.__name__: f for f in _COUNTED}
    if spec in plain:
        return plain[spec](sites)
    if name in counted and colon:
        if not groups.isdecimal():
            raise ValueError(f"{spec!r}: write the number of groups after the colon, as {name}:2")
        return counted[name](sites, int(groups))
    if spec[:1].isupper():
        return SharingPlan.from_pattern(sites, spec)
    valid = [*plain, *(f"{name}:N" for name in counted), "depth:PLAN"]
    raise ValueError(
        f"unknown plan {spec!r}; valid are a pattern of capital letters, one a site (here "
        f"{len(sites)}), or one of {', '.join(valid)}"
    )


def over_depth(spec: str) -> Callable[[Sequence[str]], SharingPlan]:
    """One spelling for every row of sites in a stack of blocks: a function from sites to a plan.

    Sites whose names differ in their numbers alone (`attention_0`, `attention_1`, …) are a row,
    and `spec` is read over each row: `over_depth("ABBC")`, `over_depth("cycle:2")`. Sites without
    a number are one row too, and share one layer unless `spec` is "untied": so do the `embed` and
    `unembed` of a language model. `"depth:cycle:2"` spells the same where a plan is a string.
    The function raises `ValueError` where the spelling does not fit a row.
    """

    def plan(sites: Sequence[str]) -> SharingPlan:
        rows: dict[str, list[str]] = {}
        for site in sites:
            row = re.sub(r"\d+", "*", site)
            rows.setdefault(row if "*" in row else "", []).append(site)
        owner_of: dict[str, str] = {}
        for row, members in rows.items():
            alone = "untied" if spec == "untied" else "tied"
            owner_of |= dict(as_plan(spec if row else alone, members).owners)
        return SharingPlan(tuple((site, owner_of[site]) for site in sites))

    return plan
