"""Labels of groups and names of sites: what a plan is spelled with."""

import re
from collections.abc import Iterable, Sequence
from string import ascii_lowercase, ascii_uppercase

from wszoo import checks

_LABEL = re.compile(r"[A-Z][a-z]*")


def label_at(index: int) -> str:
    """0 → A … 25 → Z, 26 → Aa … 701 → Zz, 702 → Aaa: a capital, then small letters."""
    tail, size = "", len(ascii_uppercase)
    width, count = 0, size
    while index >= count:
        index, width, count = index - count, width + 1, count * size
    for _ in range(width):
        index, letter = divmod(index, size)
        tail = ascii_lowercase[letter] + tail
    return ascii_uppercase[index] + tail


def labels_of(pattern: str) -> list[str]:
    """The labels in a pattern, in order. Raises `ValueError` for anything else."""
    labels: list[str] = _LABEL.findall(pattern)
    if "".join(labels) != pattern:
        raise ValueError(
            f"pattern {pattern!r} is not a row of labels; a label is a capital letter, past 26 "
            "groups followed by small ones: 'AABB', 'ABAB', 'AAbAc'"
        )
    return labels


def pairs_of(owners: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Sites with their owners as tuples. Raises `ValueError` for what are no pairs."""
    try:
        return tuple((site, owner) for site, owner in owners)
    except (TypeError, ValueError):
        raise ValueError(
            f"owners must be pairs of a site and its owner; received {checks.shown(owners)}"
        ) from None


def check_sites(sites: Sequence[str]) -> None:
    """Raises `ValueError` for a bad or repeated site name."""
    bad = [site for site in sites if not isinstance(site, str) or not site or "/" in site]
    if bad:
        raise ValueError(f"a site is named by a non-empty string without '/'; received {bad}")
    repeated = sorted({site for site in sites if list(sites).count(site) > 1})
    if repeated:
        raise ValueError(f"each site is named once; repeated: {listed(repeated)}")


def no_site(names: Sequence[str], sites: Sequence[str]) -> str:
    """The sentence for names that no site has, with near ones."""
    near = [site for name in names for site in checks.nearest(str(name), map(str, sites))]
    hint = f"did you mean {', '.join(dict.fromkeys(near))}? " if near else ""
    return f"no site matches {listed(names)}; {hint}The sites are {listed(sites)}"


def listed(names: Sequence[str], most: int = 12) -> str:
    """The names, spelled out as far as `most`."""
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown}, … ({len(names)} in all)"
